"""What aiokafka leaves to us: a client is started and stopped whole, and one that will never work again is known.

Cancelled while it starts, aiokafka forgets the connection over which it asks for its first metadata; cancelled while it
stops, it closes none. Hence `shielded`, here and wherever a client is stopped.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

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


def has_left_its_group(consumer: Any) -> bool:
    """Whether aiokafka has given up keeping this consumer in its group.

    A heartbeat that is answered in an unforeseen way (not authorized, an error within the broker) ends the task that
    sends them, and none begins again: each poll from then on raises, also when the broker is well.
    """
    coordinator = consumer._coordinator
    tasks = (coordinator._coordination_task, coordinator._heartbeat_task, coordinator._commit_refresh_task)
    return any(task is not None and task.done() and not task.cancelled() and task.exception() for task in tasks)
