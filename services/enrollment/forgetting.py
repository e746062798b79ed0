"""Erasure beyond the documents: what is parked or in quarantine and tells of a person who must be forgotten.

Bodies of accepted events are gone from `intake` as soon as the relay has published them, and from the topics within
their retention.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from contracts import portal
from eventing import quarantine
from eventing.lanes import PARKED
from eventing.mongo import Binary
from services.enrollment.policy import Decision
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.store import Tx
from services.enrollment.world import World

NOBODY = {"name": "Erased", "email": "erased@example.org"}


@dataclass(slots=True)
class Forgotten:
    """By what a person's records are found: their keys, and the words that only they have."""

    keys: set[str] = field(default_factory=set)
    words: set[bytes] = field(default_factory=set)

    def note(self, before: World, decision: Decision, pseudonyms: Pseudonyms) -> None:
        """Note whom a decision erases, while it is still known what they were called."""
        for educator_id, educator in decision.changes.educators.items():
            known = before.educator(educator_id)
            if educator.erased and not known.erased:
                self._note(educator_id, known.identities, pseudonyms)
        for learner_id, learner in decision.changes.learners.items():
            if learner.forgotten:
                self._note(None, before.learner(learner_id).identities, pseudonyms)

    def _note(self, educator_id: str | None, identities: Iterable[str], pseudonyms: Pseudonyms) -> None:
        if educator_id is not None:
            self.keys.add(educator_id)
            self.words.add(orjson.dumps(educator_id).lower())  # what came without a key is known by it
        for identity in identities:
            kind, _, name = identity.partition(":")
            self.keys.add(identity if kind == "nea" else f"email:{pseudonyms.of(identity)}")
            self.words.add(orjson.dumps(name).lower() if kind == "nea" else name.encode())


async def forget(tx: Tx, forgotten: Forgotten) -> None:
    """Take personal data out of parked and quarantined bodies, as they are in the transaction. The records stay."""
    if not forgotten.keys:
        return
    keys, parked, kept = sorted(forgotten.keys), tx.db[PARKED], tx.db[quarantine.COLLECTION]
    async for row in parked.find({"key": {"$in": keys}, "value": {"$ne": None}}, session=tx.session):
        change = {"$set": {"value": Binary(without_person(bytes(row["value"])))}, "$unset": {"original": ""}}
        await parked.update_one({"_id": row["_id"]}, change, session=tx.session)
    async for row in kept.find({"value": {"$ne": None}}, session=tx.session):
        key, value = bytes(row.get("key") or b""), bytes(row["value"]).lower()
        if key.decode(errors="replace") in forgotten.keys or any(word in value for word in forgotten.words):
            await kept.update_one({"_id": row["_id"]}, quarantine.EMPTIED, session=tx.session)


def without_person(value: bytes) -> bytes:
    """A parked record's value with nothing in it that tells who it is; it can still be retried."""
    try:
        document: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        return b"{}"
    data = document.get("data", document) if isinstance(document, dict) else None
    if not isinstance(data, dict):
        return b"{}"
    if "learner" in data:
        member = data["learner"].get("nea_member_id") if isinstance(data["learner"], dict) else None
        data["learner"] = {"nea_member_id": member or "erased"}
    elif "email" in data or "name" in data:
        kept = {name: inner for name, inner in data.items() if name == portal.EducatorUpdated.KEY}
        data.clear()
        data.update(kept | NOBODY)
    return orjson.dumps(document)
