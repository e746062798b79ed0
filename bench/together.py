"""The figures that one running system gives one after the other: chain, latency, memory, sizes."""

import asyncio
from typing import Any

from bench import chain, latency, memory, sizes
from bench.whole import Whole, whole


def figure(*, full: bool) -> dict[str, Any]:
    with whole() as system:
        return asyncio.run(_measured(system, full))


async def _measured(system: Whole, full: bool) -> dict[str, Any]:
    return {
        "chain": await chain.figure(system, 2000 if full else 300),
        "latency": await latency.figure(system, 60.0 if full else 10.0),
        "peak_mb": system.peak_mb(),
        "sizes": await sizes.figure(system),
        "soak": await memory.soak(system) if full else [],
    }
