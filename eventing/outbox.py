"""The outbox: events written in the transaction that decided them, published by the relay afterwards."""

from datetime import datetime
from typing import Any
from zlib import crc32

from eventing import envelope
from eventing.envelope import Event
from eventing.mongo import Binary, Index, InsertOne, Operation

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
