"""Steps that must not be cut off in the middle: a client's start or stop, a mail that is being handed over."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

CANCELLED_SECONDS = 2.0


async def shielded(
    step: Awaitable[T], *, seconds: float | None = None, cancelled_seconds: float | None = CANCELLED_SECONDS
) -> T:
    """Do a step to its end. Unlike asyncio.shield, whoever cancels us waits for that end too.

    Raises what the step raises, and TimeoutError where it takes more than `seconds`. Once we are cancelled it may go on
    for `cancelled_seconds` (None: for as long as it takes). What has not ended by then is cancelled.
    """
    task = asyncio.ensure_future(step)
    try:
        await asyncio.wait([task], timeout=seconds)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=cancelled_seconds)
        if task.done() and not task.cancelled():
            task.exception()  # nobody else will ask for it
        raise
    finally:
        task.cancel()
    if not task.done():
        raise TimeoutError
    return task.result()
