"""Lanes: one document a key, with what was seen and sent under it, and how many of its records are parked.

    {_id: KEY, seen: {TOPIC: sequence}, sent: {TOPIC: sequence}, emptied: {TOPIC: sequence of the last tombstone sent},
     parked: count, last: n, gap: [topic, sequence] | null}

Every unit that reads or publishes under a key changes its lane, so two units on one key can never both commit on the
same snapshot: numbering has no gaps and parking no race.
"""

from typing import Any

from eventing.batch import Record
from eventing.clock import system_now
from eventing.mongo import Binary, Database, DeleteOne, Index, InsertOne, Operation, Session, UpdateOne
from eventing.reasons import GAP, Reason

COLLECTION = "lanes"
PARKED = "parked"
SCHEMA = 1
INDEXES = {
    COLLECTION: (Index.on("parked", partial={"parked": {"$gt": 0}}),),
    PARKED: (Index.on("key", "n", unique=True),),
}
FIRST = 0  # the place of the record that closes a gap, where it must park itself: before all that waited for it


def slug(topic: str) -> str:
    """The topic as a field name: dots would mean nesting."""
    return topic.replace(".", "-")


class Lane:
    """What one key has seen, sent and parked, as this unit leaves it."""

    def __init__(self, key: str, document: dict[str, Any] | None) -> None:
        self.key = key
        self._document = document or {}
        self._sets: dict[str, Any] = {}
        self._seen: dict[str, int] = dict(self._document.get("seen", {}))
        self._sent: dict[str, int] = dict(self._document.get("sent", {}))
        self._count: int = self._document.get("parked", 0)
        self._last: int = self._document.get("last", 0)
        self._gap: list[Any] | None = self._document.get("gap")
        self._blocked_now = False
        self._awaited: str | None = None  # the place of the record that closes the gap
        self.gap_closed = False  # by a record of this unit

    def seen(self, topic: str) -> int:
        return self._seen.get(slug(topic), 0)

    def saw(self, topic: str, sequence: int) -> None:
        name = slug(topic)
        self._seen[name] = sequence
        self._sets[f"seen.{name}"] = sequence

    def next(self, topic: str, *, tombstone: bool = False) -> int:
        """The next sequence for an event of ours on this topic, from 1 without gaps."""
        name = slug(topic)
        self._sent[name] = self._sent.get(name, 0) + 1
        self._sets[f"sent.{name}"] = self._sent[name]
        if tombstone:
            self._sets[f"emptied.{name}"] = self._sent[name]
        return self._sent[name]

    def blocked(self, record: Record) -> bool:
        """Must this record wait behind a parked one? A lane that waits for just this record lets it through."""
        if record.parked_n is not None:
            return self._blocked_now
        if self._gap is not None and self._gap == [record.topic, record.event.sequence]:
            self.gap_closed, self._gap = True, None
            self._sets["gap"] = None
            self._awaited = record.place
            return False
        return self._blocked_now or self._count > 0

    def block(self, reason: Reason) -> None:
        self._blocked_now = True
        if reason.code == GAP:  # noted at once, for the missing record may come later in this same batch
            topic, expected = reason.detail.rsplit(" ", 1)
            self._gap = self._sets["gap"] = [topic, int(expected)]

    def park(self, record: Record, reason: Reason) -> Operation:
        """The write that parks the record behind what is parked already, or tells why it stays."""
        why = {"code": reason.code, "detail": reason.detail}
        if record.parked_n is not None:
            changes = {"$set": {"reason": why, "tried_at": system_now()}, "$inc": {"tries": 1}}
            return UpdateOne({"key": self.key, "n": record.parked_n}, changes)
        self._count += 1
        self._sets["parked"] = self._count
        if record.place == self._awaited:
            return InsertOne(parked_document(record, FIRST, why))
        self._last = self._sets["last"] = self._last + 1
        return InsertOne(parked_document(record, self._last, why))

    def unpark(self, record: Record) -> Operation:
        self._count -= 1
        self._sets["parked"] = self._count
        return DeleteOne({"key": self.key, "n": record.parked_n})

    def change(self) -> Operation | None:
        if not self._sets:
            return None
        return UpdateOne({"_id": self.key}, {"$set": {**self._sets, "schema": SCHEMA}}, upsert=True)


class Lanes:
    """The lanes of a unit: read once for all its keys, written once."""

    def __init__(self, database: Database, session: Session) -> None:
        self._collection, self._parked = database[COLLECTION], database[PARKED]
        self._session = session
        self._lanes: dict[str, Lane] = {}

    def __getitem__(self, key: str) -> Lane:
        return self._lanes[key]

    def unread(self, keys: set[str]) -> set[str]:
        return keys - self._lanes.keys()

    async def load(self, keys: set[str]) -> None:
        """Read the lanes of these keys, none of which was read."""
        if not keys:
            return
        self._lanes.update({key: Lane(key, None) for key in keys})
        found = self._collection.find({"_id": {"$in": list(keys)}}, session=self._session)
        async for document in found:
            self._lanes[document["_id"]] = Lane(document["_id"], document)

    async def holds(self, record: Record) -> bool:
        """Whether a record is still parked as it was when it was read: two may work off one lane at once."""
        value = None if record.value is None else Binary(record.value)
        place = {"key": record.key, "n": record.parked_n, "value": value}
        return await self._parked.find_one(place, {"_id": 1}, session=self._session) is not None

    def changes(self) -> list[Operation]:
        return [change for lane in self._lanes.values() if (change := lane.change()) is not None]

    @property
    def gaps_closed(self) -> list[str]:
        """Keys whose missing record has come: what waited behind it can be tried."""
        return [key for key, lane in self._lanes.items() if lane.gap_closed]


def parked_document(record: Record, n: int, why: dict[str, str]) -> dict[str, Any]:
    return {
        "key": record.key,
        "n": n,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "event_id": record.event.id,
        "type": record.event.type,
        "reason": why,
        "value": None if record.value is None else Binary(record.value),
        "headers": [[name, Binary(content)] for name, content in record.headers],
        "timestamp": record.timestamp,
        "parked_at": system_now(),
        "tries": 1,
        "schema": SCHEMA,
    }
