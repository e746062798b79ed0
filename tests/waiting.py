"""Waiting for a condition: the only way in which a test waits."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

# How long until a test gives up. It says nothing of how fast anything is: it only tells a stall from a busy machine.
PATIENCE_SECONDS = float(os.environ.get("WEA_TEST_PATIENCE", "120"))


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE_SECONDS) -> None:
    """Return once the condition holds; fail with `what` was waited for when it never does."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:.0f} s in vain until {what}")
        time.sleep(0.02)


async def until_true(condition: Callable[[], Awaitable[T]], every: float = 0.02) -> T:
    """The first answer that is true, for tests that run in the loop of what they wait for."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (answer := await condition()):
            await asyncio.sleep(every)
        return answer
