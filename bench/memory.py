"""What each process holds: the most of the run, and, over a soak, whether it goes on growing."""

import time
from typing import Any

from bench import chain
from bench.table import table
from bench.whole import Whole

SOAK_SECONDS = 1200
SOAK_EDUCATORS = 100


async def soak(system: Whole, seconds: float = SOAK_SECONDS) -> list[dict[str, float]]:
    """Chain after chain; what each process holds after each."""
    began, held = time.monotonic(), []
    while time.monotonic() - began < seconds:
        await chain.figure(system, SOAK_EDUCATORS)
        held.append(system.rss_mb())
    return held


def lines(found: dict[str, Any]) -> list[str]:
    peak, held = found["peak_mb"], found["soak"]
    rows = [["peak MB", *peak.values()]]
    if held:
        for told, at in (("MB after a tenth of the soak", len(held) // 10), ("MB at its end", -1)):
            rows.append([told, *(round(held[at].get(name, 0)) for name in peak)])
    said = "The most that each process had in memory in the two figures above, by the kernel's record"
    said += f"; and over a soak of {len(held)} chains in {SOAK_SECONDS / 60:.0f} minutes." if held else "."
    return [said, "", *table(["", *peak], rows)]
