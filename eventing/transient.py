"""Faults that pass: MongoDB, Kafka or SMTP away, a write that met another. Wait a little, with jitter, and go on."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_SECONDS = 0.02
LONGEST_SECONDS = 2.0


class TransientError(Exception):
    """It may work a moment later, unchanged. Never a reason to park a record."""


class RefusedError(Exception):
    """MongoDB refuses this very write, now and later: a document too large, a broken unique index."""


def pause(attempt: int) -> float:
    """Seconds to wait before try number `attempt` (from 1): doubling, capped, with full jitter."""
    longest: float = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempt, 10))
    return random.uniform(0.5, 1.0) * longest  # noqa: S311 - jitter needs no secrecy


async def repeat(unit: Callable[[], Awaitable[T]], *, tries: int | None = 40) -> T:
    """Run a unit of work until no TransientError comes, at most `tries` times; then the error is raised."""
    attempt = 0
    while True:
        try:
            return await unit()
        except TransientError:
            attempt += 1
            if attempt == tries:
                raise
        await asyncio.sleep(pause(attempt))
