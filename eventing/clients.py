"""A client of Kafka's is started and stopped whole, even where we are cancelled meanwhile.

Cancelled while it starts, aiokafka forgets the connection over which it asks for its first metadata; cancelled while it
stops, it closes none. Hence `shielded`, here and wherever a client is stopped.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from eventing.shielded import shielded


class Startable(Protocol):
    async def start(self) -> None: ...


Client = TypeVar("Client", bound=Startable)


async def started(client: Client, stop: Callable[[], Awaitable[None]]) -> Client:
    """The client, started. Where that fails or is cancelled, it is stopped first. Raises what its start raises."""
    try:
        await shielded(client.start())
    except BaseException:
        await stop()
        raise
    return client
