"""The figures that one running system gives one after the other: chain, latency, memory, sizes."""

import asyncio
from typing import Any

from bench import chain, latency, memory, sizes
from bench.plain import Plain
from bench.whole import Whole


def figure(plain: Plain, *, full: bool) -> dict[str, Any]:
    found = asyncio.run(_measured(plain.fresh(), full))
    plain.chain = found["chain"]
    return found


async def _measured(system: Whole, full: bool) -> dict[str, Any]:
    return {
        "chain": await chain.figure(system, chain.educators(full)),
        "latency": await latency.figure(system, 60.0 if full else 5.0),
        "peak_mb": system.peak_mb(),
        "sizes": await sizes.figure(system),
        "soak": await memory.soak(system) if full else [],
    }
