"""Quarantine: what cannot be used, kept whole for operators."""

from typing import Any

from eventing.clock import system_now
from eventing.mongo import Binary, Database, Index, UpdateOne, faults
from eventing.reasons import Reason

COLLECTION = "quarantine"
INDEXES = {COLLECTION: (Index.on("at"),)}
EMPTIED = {"$set": {"value": None, "erased": True}}  # what an erasure does to one


def keep(id: str, topic: str, reason: Reason, value: bytes | None, **about: Any) -> UpdateOne:
    """The write that keeps it. `id` makes doing it again harmless; `about` are further fields of the document."""
    document = {"topic": topic, "reason": reason.code, "detail": reason.detail, "at": system_now(), **about}
    document["value"] = None if value is None else Binary(value)
    return UpdateOne({"_id": id}, {"$setOnInsert": document}, upsert=True)


async def add(database: Database, id: str, topic: str, reason: Reason) -> None:
    """Say what nobody can keep any more."""
    with faults():
        await database[COLLECTION].bulk_write([keep(id, topic, reason, None)])
