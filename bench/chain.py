"""The whole chain: histories over HTTP until the last ledger entry is published; what it costs until all is mailed."""

import time
from typing import Any

from bench.hear import listening
from bench.send import batches, send, webhook
from bench.table import table
from bench.whole import Whole, settled
from tests.system.outside import Educator

AT_ONCE = 1e6  # requests a second: as fast as they are answered


def educators(full: bool) -> int:
    return 2000 if full else 200


async def figure(system: Whole, educators: int) -> dict[str, Any]:
    """Every educator goes the whole way to 1080 minutes: seven events, three ledger entries."""
    told = [one for _ in range(educators) for one in Educator().whole_story()]
    portal = [one for one in told if "body" not in one]
    status = system.status
    requests = [
        *batches(status["keys"]["portal"], portal),
        *(webhook(status["nea_webhook_secret"], one) for one in told if "body" in one),
    ]
    before = system.cpu_seconds()
    async with listening(system.kafka) as ear:
        began = time.time()
        await send(system.port("enrollment"), requests, AT_ONCE, connections=32)
        accepted = time.time() - began
        await ear.until(educators)
        seconds = max(ear.at.values()) - began
    await settled(system)
    used = {name: after - before[name] for name, after in system.cpu_seconds().items()}
    return {
        "educators": educators,
        "events": len(told),
        "accepted_after": round(accepted, 2),
        "seconds": round(seconds, 2),
        "per_second": round(len(told) / seconds, 1),
        "cpu_per_1000": {name: round(1000 * cpu / len(told), 2) for name, cpu in used.items()},
    }


def lines(found: dict[str, Any]) -> list[str]:
    used = found["cpu_per_1000"]
    return [
        f"{found['educators']:,} educators go the whole way: {found['events']:,} events over HTTP, accepted after"
        f" {found['accepted_after']:.1f} s, the last ledger entry on Kafka after {found['seconds']:.1f} s:"
        f" **{found['per_second']:,.0f} events/s**. CPU until the last mail is sent:",
        "",
        *table(["", *used, "all"], [["CPU s per 1,000 events", *used.values(), round(sum(used.values()), 2)]]),
    ]
