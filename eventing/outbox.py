"""Outboxes: events written in the transaction that decided them, published by a relay afterwards."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from zlib import crc32

from eventing import envelope
from eventing.envelope import Event
from eventing.mongo import Binary, DeleteOne, Index, InsertOne, Operation, UpdateOne

COLLECTION = "outbox"
LANES = 16  # relay lanes: the unit in which replicas share the work
INDEXES = {COLLECTION: (Index.on("lane", "key", "sequence"),)}


def relay_lane(key: str) -> int:
    return crc32(key.encode()) % LANES


def row(topic: str, event: Event, body: bytes | None, at: datetime) -> Operation:
    """The row that publishes the event, written `at` this system time.

    `body` None is a tombstone: no value, attributes in headers.
    """
    document: dict[str, Any] = {
        "_id": event.id,
        "topic": topic,
        "key": event.key,
        "lane": relay_lane(event.key),
        "sequence": event.sequence,
        "at": at,
    }
    if body is None:
        document["value"] = None
        document["headers"] = [[name, Binary(value)] for name, value in envelope.tombstone_headers(event)]
    else:
        document["value"] = Binary(envelope.encode(event, body))
    return InsertOne(document)


class Source(Protocol):
    """A collection whose `waiting` documents are rows {_id, topic, key, lane, at, value, sequence?, headers?}."""

    @property
    def collection(self) -> str: ...
    @property
    def waiting(self) -> Mapping[str, Any]: ...
    @property
    def order(self) -> Sequence[tuple[str, int]]:
        """In which they are published; an index has it."""

    @property
    def oldest(self) -> Sequence[tuple[str, int]]:
        """What sorts the longest waiting first, without looking through all."""

    def done(self, row: Mapping[str, Any]) -> Operation:
        """What becomes of a published one."""


class Outbox:
    """Events of our own: gone once published."""

    collection = COLLECTION
    waiting: Mapping[str, Any] = {}
    order = (("lane", 1), ("key", 1), ("sequence", 1))
    oldest = (("$natural", 1),)  # stored as inserted: no index on `at`, which each event would have to pay for

    def done(self, row: Mapping[str, Any]) -> Operation:
        return DeleteOne({"_id": row["_id"]})


PUBLISHED = ("lane", "order", "key", "topic", "value", "headers")


class Claims:
    """Intake documents: the claim stays for good, what was to be published is taken off it, key and all."""

    waiting: Mapping[str, Any] = {"lane": {"$in": list(range(LANES))}}
    order = (("lane", 1), ("order", 1))
    oldest = (("order", 1),)  # by the index of `order`, lane by lane

    def __init__(self, collection: str) -> None:
        self.collection = collection

    def done(self, row: Mapping[str, Any]) -> Operation:
        return UpdateOne({"_id": row["_id"]}, {"$unset": dict.fromkeys(PUBLISHED, "")})
