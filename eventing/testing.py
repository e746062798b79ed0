"""For tests of what is built on eventing/: records out of nothing, and what a unit of work published."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from eventing import envelope
from eventing.batch import Batch, Record
from eventing.envelope import Event
from eventing.mongo import Database
from eventing.reader import Reader

WHEN = datetime(2024, 3, 1, 17, 0, tzinfo=UTC)


class Topics:
    """Writes records as a topic would hold them: numbers offsets per partition and sequences per key."""

    def __init__(self, *, partitions: int = 12) -> None:
        self._partitions = partitions
        self._offsets: dict[tuple[str, int], int] = {}
        self._sequences: dict[tuple[str, str], int] = {}
        self._count = 0

    def record(
        self,
        topic: str,
        key: str,
        type: str,
        data: BaseModel | Mapping[str, Any] | None,
        *,
        id: str | None = None,
        source: str = "/test",
        time: datetime = WHEN,
        sequenced: bool = True,
    ) -> Record:
        """The next record on this topic under this key."""
        self._count += 1
        number = hash_partition(key, self._partitions)
        offset = self._offsets.get((topic, number), 0)
        self._offsets[topic, number] = offset + 1
        sequence = None
        if sequenced:
            sequence = self._sequences[topic, key] = self._sequences.get((topic, key), 0) + 1
        body = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
        event = Event(
            id=id or f"test-{self._count}",
            source=source,
            type=type,
            time=time,
            data=None if body is None else dict(body),
            key=key,
            sequence=sequence,
        )
        value = None if event.data is None else envelope.encode(event)
        headers = envelope.tombstone_headers(event) if value is None else envelope.STRUCTURED_HEADERS
        return Record(topic, number, offset, key, event, time, value, headers)


def hash_partition(key: str, partitions: int) -> int:
    """Some partition, the same for the same key."""
    return sum(key.encode()) % partitions


def batch_of(
    records: Iterable[Record], began: Mapping[tuple[str, int], int] | None = None, reader: Reader | None = None
) -> Batch:
    """A batch as the consumer would hand it over, beginning at its first record on each partition."""
    held = tuple(records)
    first: dict[tuple[str, int], int] = {}
    for record in held:
        first.setdefault((record.topic, record.partition), record.offset)
    return Batch(held, {**first, **(began or {})}, reader=reader or Reader())


async def at_positions(database: Database, batch: Batch) -> None:
    """Let the positions stand where the batch begins, as after an assignment."""
    for (topic, partition), at in batch.began.items():
        await database["positions"].update_one(
            {"_id": f"{topic}-{partition}"}, {"$setOnInsert": {"next": at}}, upsert=True
        )


class Published:
    """What was published since it was last asked: the outbox, per key in order, as events."""

    def __init__(self, database: Database, read: Callable[[str, dict[str, Any]], Any] | None = None) -> None:
        self._database = database
        self._read = read
        self._told: set[str] = set()

    async def events(self) -> list[Event]:
        """New events, in order of key and sequence within each topic."""
        rows = await self._database["outbox"].find({}).sort([("topic", 1), ("key", 1), ("sequence", 1)]).to_list(None)
        fresh = [row for row in rows if row["_id"] not in self._told]
        self._told |= {row["_id"] for row in fresh}
        return [envelope.decode(row["value"] and bytes(row["value"]), _headers(row), row["key"]) for row in fresh]

    async def __call__(self) -> list[Any]:
        """New events as contract objects (by the `read` given), for comparing with ==."""
        read = self._read or (lambda type, data: (type, data))
        return [read(event.type, event.data or {}) for event in await self.events()]


def _headers(row: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    return [(name, bytes(value)) for name, value in row.get("headers", ())]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
