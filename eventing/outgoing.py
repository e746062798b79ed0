"""The events that a unit of work publishes: staged as they are decided, numbered when they are sent to the outbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel

from eventing import envelope, outbox, tracing
from eventing.batch import Cause
from eventing.clock import system_now
from eventing.envelope import Event
from eventing.lanes import Lanes
from eventing.mongo import Operation
from eventing.topics import Topic


class Outgoing:
    """One unit's events. `numbered` are those that have their id and sequence, each with its cause's traceparent."""

    def __init__(self, lanes: Lanes, now: datetime) -> None:
        self._lanes, self._now = lanes, now
        self._staged: list[tuple[Topic, str, str, bytes | None, Cause]] = []
        self._caused: dict[tuple[str, str, str], int] = {}  # how many events of a type a cause has led to
        self.numbered: list[tuple[Event, str | None]] = []

    def __len__(self) -> int:
        """How many are staged and not numbered."""
        return len(self._staged)

    def stage(
        self, topic: Topic, type: str, key: str, data: BaseModel | Mapping[str, Any] | None, cause: Cause
    ) -> None:
        if isinstance(data, BaseModel):
            body: bytes | None = data.__pydantic_serializer__.to_json(data)
        else:
            body = None if data is None else orjson.dumps(data, option=orjson.OPT_UTC_Z)
        self._staged.append((topic, type, key, body, cause))

    def take_back(self, to: int) -> None:
        """Stage nothing of what came after so many."""
        del self._staged[to:]

    @property
    def keys(self) -> set[str]:
        """Whose lanes numbering needs."""
        return {key for _, _, key, _, _ in self._staged}

    def rows(self) -> list[Operation]:
        """Number what is staged, each on its key's lane. Returns the writes of its rows in the outbox."""
        written_at = system_now()
        rows = [self._row(*staged, written_at) for staged in self._staged]
        self._staged.clear()
        return rows

    def _row(self, topic: Topic, type: str, key: str, body: bytes | None, cause: Cause, at: datetime) -> Operation:
        index = self._caused.get((cause.source, cause.id, type), 0)
        self._caused[cause.source, cause.id, type] = index + 1
        id = envelope.event_id(cause.source, cause.id, type, index)
        causation_id, causation_source = cause.led_by or (cause.id, cause.source)
        event = Event(
            id=id,
            source=f"/{topic.owner}",
            type=type,
            time=self._now,
            data=None if body is None else {},
            key=key,
            sequence=self._lanes[key].next(topic.name, tombstone=body is None),
            causationid=causation_id,
            causationsource=causation_source,
            traceparent=tracing.child(cause.traceparent, id),
        )
        self.numbered.append((event, cause.traceparent))
        return outbox.row(topic.name, event, body, at)
