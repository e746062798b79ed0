"""Claims: the idempotency key of each accepted event, taken for good, with what it claimed.

    intake: {_id: hash of (source, id), source, event_id, type, digest, at, via}
            and until the relay has published it {topic, key, lane, order, value}
    facts:  {_id: the same, type, outcome, about, learner_id?, at}: what became of it

Accepted and applied are two records, or each event over HTTP would look like its own duplicate.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from contracts import topics
from eventing.clock import system_now
from eventing.mongo import InsertOne, Operation, UpdateOne
from eventing.outbox import relay_lane

COLLECTION = "intake"
FACTS = "facts"
# The digest of what came back from the inbox after a restore, where that cannot tell: a webhook's very bytes are gone.
# A repeat under its id has no effect, whatever it says.
UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """An event that asks to be accepted. `value` goes to wea.inbox.v1; None: it came by Kafka, or is unusable."""

    source: str
    event_id: str
    type: str
    digest: str
    key: str = ""
    value: bytes | None = None
    via: str = "http"
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", claim_id(self.source, self.event_id))

    def insert(self) -> Operation:
        return InsertOne(self.document())

    def document(self) -> dict[str, Any]:
        return {"_id": self.id} | self._document()

    def take(self) -> Operation:
        """Claim unless claimed: never a duplicate key error, which would abort the transaction."""
        return UpdateOne({"_id": self.id}, {"$setOnInsert": self._document()}, upsert=True)

    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "source": self.source,
            "event_id": self.event_id,
            "type": self.type,
            "digest": self.digest,
            "at": system_now(),
            "via": self.via,
        }
        if self.value is not None:
            document |= {
                "topic": topics.INBOX.name,
                "key": self.key,
                "lane": relay_lane(self.key),
                "order": _next_order(),
                "value": self.value,
            }
        return document


def claim_id(source: str, event_id: str) -> str:
    return blake2b(f"{source}\x00{event_id}".encode(), digest_size=16).hexdigest()


def content_digest(type_: str, moment: datetime, data: Any) -> str:
    """What (source, id) stands for: type, instant and data, whatever the mode, the offset or the order of keys."""
    text = orjson.dumps([type_, moment, data], option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    return blake2b(text, digest_size=16).hexdigest()


def body_digest(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()


_last_order = 0


def _next_order() -> int:
    """Rows of a key are published in this order: that of their acceptance, across processes by their clocks."""
    global _last_order
    _last_order = max(_last_order + 1, time.time_ns())
    return _last_order
