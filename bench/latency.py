"""At 50 events a second: from NEA's award to ClockHoursAwarded on Kafka, and to the message in the mail sink.

Twice: with nothing but awards, and with awards among all that leads to them, as it comes when many educators are on
their way at once. Beside one hop's own floor (hop.py) on the same servers. Times run from when the webhook was due.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.hear import Ear, listening
from bench.hop import floor
from bench.knock import quantiles
from bench.send import batches, portal_event, send, webhook
from bench.table import table
from bench.whole import Whole, settled
from contracts.kinds import EntryKind
from tests.system.outside import Educator

PER_SECOND = 50.0
APART = 10  # so many others take a step between two of one educator's


async def figure(system: Whole, seconds: float) -> dict[str, Any]:
    events = round(seconds * PER_SECOND)
    one_hop = await floor(system.kafka, system.status["mongo"]["uri"], PER_SECOND, seconds)
    async with listening(system.kafka) as ear:
        awards = await _awards(system, ear, [Educator() for _ in range(events)])
    async with listening(system.kafka) as ear:
        histories = await _histories(system, ear, [Educator() for _ in range(events // len(Educator().whole_story()))])
    return {"hop": quantiles(one_hop), "awards": awards, "histories": histories}


async def _awards(system: Whole, ear: Ear, educators: Sequence[Educator]) -> dict[str, Any]:
    """Everybody is ready but for the award; then one award after the other, at the rate."""
    secret, key = system.status["nea_webhook_secret"], system.status["keys"]["portal"]
    ready = [event for one in educators for event in one.whole_story()[:-1]]
    prepared = [
        *batches(key, [event for event in ready if "body" not in event]),
        *(webhook(secret, event) for event in ready if "body" in event),
    ]
    await send(system.port("enrollment"), prepared, 1e6)
    await ear.until(len(educators), EntryKind.WORKSHOP)
    await settled(system)
    due = await send(system.port("enrollment"), [webhook(secret, one.awarded()) for one in educators], PER_SECOND)
    return await _arrived(system, ear, educators, due)


async def _histories(system: Whole, ear: Ear, educators: Sequence[Educator]) -> dict[str, Any]:
    """Everybody goes the whole way at the same rate, one request an event, among others who are at another step."""
    secret, key = system.status["nea_webhook_secret"], system.status["keys"]["portal"]
    stories = [one.whole_story() for one in educators]
    turns = sorted((began + APART * step, began, step) for began, of in enumerate(stories) for step in range(len(of)))
    events = [stories[number][step] for _, number, step in turns]
    prepared = [webhook(secret, one) if "body" in one else portal_event(key, one) for one in events]
    due = await send(system.port("enrollment"), prepared, PER_SECOND)
    awarded = {number: at for (_, number, step), at in zip(turns, due, strict=True) if step == len(stories[number]) - 1}
    return await _arrived(system, ear, educators, [awarded[number] for number in range(len(educators))])


async def _arrived(system: Whole, ear: Ear, educators: Sequence[Educator], due: Sequence[float]) -> dict[str, Any]:
    """How long each educator's award took, from when it was due."""
    await ear.until(len(educators))
    await settled(system)
    heard = [ear.at[one.id, EntryKind.MICRO_CREDENTIAL] for one in educators]
    mailed = mails(Path(system.status["mail_dir"]))
    told = [next(at for at in mailed[one.email] if at >= since) for one, since in zip(educators, due, strict=True)]
    return {
        "awards": len(educators),
        "kafka": quantiles([at - since for at, since in zip(heard, due, strict=True)]),
        "mail": quantiles([at - since for at, since in zip(told, due, strict=True)]),
    }


def mails(folder: Path) -> dict[str, list[float]]:
    """When each address was written to: the sink names its files after the nanosecond of arrival."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for file in sorted(folder.glob("*.eml")):
        with file.open(errors="replace") as lines:
            addressed = next(line for line in lines if line.startswith("Delivered-To:"))
        found[addressed.split(":", 1)[1].strip()].append(int(file.name.split("-")[0]) / 1e9)
    return found


def lines(found: dict[str, Any]) -> list[str]:
    hop, awards, histories = found["hop"], found["awards"], found["histories"]
    kafka, mail = "webhook to ClockHoursAwarded on Kafka", "webhook to the message in the mail sink"
    rows = {
        "one hop by hand: produce, consume, a transaction, produce, consume": hop,
        f"nothing but awards: {kafka} (intake, two hops, four topics' worth of reading and writing)": awards["kafka"],
        f"nothing but awards: {mail} (a hop more, and SMTP)": awards["mail"],
        f"awards among all that leads to them: {kafka}": histories["kafka"],
        f"awards among all that leads to them: {mail}": histories["mail"],
    }
    return [
        f"Each event at its time; what is late counts from when it was due. {awards['awards']:,} awards alone, and"
        f" {histories['awards']:,} among the other events of whole histories, every seventh an award.",
        "",
        *table(["", "p50 ms", "p99 ms", "p99.9 ms"], [[told, *of.values()] for told, of in rows.items()]),
        "",
        f"At the median the ledger's event is out after **{awards['kafka']['p50'] / hop['p50']:.1f}** hops' time, the"
        f" message after **{awards['mail']['p50'] / hop['p50']:.1f}**; among other events after"
        f" **{histories['kafka']['p50'] / hop['p50']:.1f}** and **{histories['mail']['p50'] / hop['p50']:.1f}**.",
    ]
