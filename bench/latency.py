"""At 50 events a second: from NEA's award to ClockHoursAwarded on Kafka, and to the message in the mail sink.

Beside one hop's own floor (hop.py) on the same servers. Times run from when the webhook was due.
"""

from pathlib import Path
from typing import Any

from bench.hear import listening
from bench.hop import floor
from bench.knock import quantiles
from bench.send import batches, send, webhook
from bench.table import table
from bench.whole import Whole, settled
from contracts.kinds import EntryKind
from tests.system.outside import Educator

PER_SECOND = 50.0


async def figure(system: Whole, seconds: float) -> dict[str, Any]:
    """Everybody is ready but for the award; then one award after the other, at the rate."""
    status = system.status
    one_hop = await floor(system.kafka, status["mongo"]["uri"], PER_SECOND, seconds)
    educators = [Educator() for _ in range(round(seconds * PER_SECOND))]
    ready = [event for one in educators for event in one.whole_story()[:-1]]
    secret = status["nea_webhook_secret"]
    prepared = [
        *batches(status["keys"]["portal"], [event for event in ready if "body" not in event]),
        *(webhook(secret, event) for event in ready if "body" in event),
    ]
    async with listening(system.kafka) as ear:
        await send(system.port("enrollment"), prepared, 1e6)
        await ear.until(len(educators), EntryKind.WORKSHOP)
        await settled(system)
        awards = [webhook(secret, one.awarded()) for one in educators]
        due = await send(system.port("enrollment"), awards, PER_SECOND)
        await ear.until(len(educators))
        await settled(system)
        heard = [ear.at[one.id, EntryKind.MICRO_CREDENTIAL] for one in educators]
    mailed = mails(Path(status["mail_dir"]), since=due[0])
    return {
        "events": len(educators),
        "hop": quantiles(one_hop),
        "kafka": quantiles([at - since for at, since in zip(heard, due, strict=True)]),
        "mail": quantiles([mailed[one.email] - since for one, since in zip(educators, due, strict=True)]),
    }


ROWS = {
    "hop": "one hop by hand: produce, consume, a transaction, produce, consume",
    "kafka": "webhook to ClockHoursAwarded on Kafka: intake, two hops, four topics' worth of reading and writing",
    "mail": "webhook to the message in the mail sink: a hop more, and SMTP",
}


def lines(found: dict[str, Any]) -> list[str]:
    return [
        f"{found['events']:,} awards, each at its time; what is late counts from when it was due.",
        "",
        *table(
            ["", "p50 ms", "p99 ms", "p99.9 ms"],
            [[told, found[name]["p50"], found[name]["p99"], found[name]["p999"]] for name, told in ROWS.items()],
        ),
        "",
        f"At the median the ledger's event is out after **{found['kafka']['p50'] / found['hop']['p50']:.1f}** hops'"
        f" time, the message after **{found['mail']['p50'] / found['hop']['p50']:.1f}**.",
    ]


def mails(folder: Path, since: float) -> dict[str, float]:
    """When each address was first written to since then: the sink names its files after the nanosecond of arrival."""
    found: dict[str, float] = {}
    for file in sorted(folder.glob("*.eml")):
        at = int(file.name.split("-")[0]) / 1e9
        if at >= since:
            with file.open(errors="replace") as lines:
                addressed = next(line for line in lines if line.startswith("Delivered-To:"))
            found.setdefault(addressed.split(":", 1)[1].strip(), at)
    return found
