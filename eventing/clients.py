"""Clients of Kafka's are started and stopped whole, cancelled meanwhile or not.

aiokafka forgets the connection over which it asks for its first metadata when it is cancelled there, and closes none
when it is cancelled while it stops. So what was begun goes on to its end, within bounds, before we are cancelled.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

CANCELLED_SECONDS = 2.0  # so long may a start or a stop go on after somebody has cancelled us


class Startable(Protocol):
    async def start(self) -> None: ...


Client = TypeVar("Client", bound=Startable)


async def started(client: Client, stop: Callable[[], Awaitable[None]]) -> Client:
    """The client, started. Where that fails or is cancelled, it is stopped first. Raises what its start raises."""
    try:
        await _whole(client.start(), None)
    except BaseException:
        await stop()
        raise
    return client


async def stopped(stopping: Awaitable[None], seconds: float) -> None:
    """A client's stop, to its end. Raises TimeoutError when it takes longer, and what the stop raises."""
    await _whole(stopping, seconds)


async def _whole(step: Awaitable[None], seconds: float | None) -> None:
    task = asyncio.ensure_future(step)
    try:
        await asyncio.wait([task], timeout=seconds)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=CANCELLED_SECONDS)
        if task.done() and not task.cancelled():
            task.exception()  # nobody else will ask for it
        raise
    finally:
        task.cancel()
    if not task.done():
        raise TimeoutError
    task.result()
