"""CloudEvents 1.0 as they stand on a topic.

Structured mode (Kafka protocol binding 3.3): the whole event is the record's value, JSON, with the header
`content-type: application/cloudevents+json`. Binary mode (binding 3.2) is read too: attributes in `ce_` headers, data
in the value. A record without a value is a tombstone; its attributes are in `ce_` headers and its data is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import UUID

import orjson

CONTENT_TYPE = "application/cloudevents+json"
TOLD = ("sequence", "causationid", "causationsource", "traceparent")
NO_OTHERS: Mapping[str, str] = {}
STRUCTURED_HEADERS: tuple[tuple[str, bytes], ...] = (("content-type", CONTENT_TYPE.encode()),)
EVENT_IDS = UUID("6f6c6d0c-3f0b-5d7e-9a51-6a1c1b2f7e10")

Headers = Sequence[tuple[str, bytes]]


class UnreadableError(ValueError):
    """A record that is no CloudEvent. `reason` is a code; the bytes go to quarantine beside it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Event:
    """A CloudEvent. `data` is None on a tombstone; `sequence` counts per (topic, key) from 1, None where uncounted."""

    id: str
    source: str
    type: str
    time: datetime
    data: dict[str, Any] | None
    key: str = ""
    sequence: int | None = None
    causationid: str | None = None
    causationsource: str | None = None
    traceparent: str | None = None

    def under(self, key: str) -> "Event":
        return replace(self, key=key)


def event_id(cause_source: str, cause_id: str, type: str, index: int) -> str:
    """The id of the `index`-th event of this type that a cause leads to: doing it again gives the same id."""
    return uuid5(EVENT_IDS, f"{cause_source}\x00{cause_id}\x00{type}\x00{index}")


def uuid5(namespace: UUID, name: str) -> str:
    """uuid.uuid5 as text, without making the object: four times faster, and made for every event and entry."""
    digest = bytearray(sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def encode(event: Event, data: bytes | None = None, others: Mapping[str, str] = NO_OTHERS) -> bytes:
    """The event in structured mode. `data`, where given, is its data as JSON already.

    `others` are attributes that somebody else's event came with. Those of our own names say nothing: an order, a cause
    and a trace are ours to tell.
    """
    envelope: dict[str, Any] = {
        **{name: value for name, value in others.items() if name not in TOLD},
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time,
        "datacontenttype": "application/json",
        "partitionkey": event.key,
    }
    if event.sequence is not None:
        envelope["sequence"] = str(event.sequence)
    for name in TOLD[1:]:
        value = getattr(event, name)
        if value is not None:
            envelope[name] = value
    envelope["data"] = event.data if data is None else orjson.Fragment(data)
    return orjson.dumps(envelope, option=orjson.OPT_UTC_Z)


def tombstone_headers(event: Event) -> tuple[tuple[str, bytes], ...]:
    """The attributes of an event without data, for a record whose value is null."""
    fields = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time.isoformat(),
        "partitionkey": event.key,
        "sequence": None if event.sequence is None else str(event.sequence),
        "causationid": event.causationid,
        "causationsource": event.causationsource,
        "traceparent": event.traceparent,
    }
    return tuple((f"ce_{name}", value.encode()) for name, value in fields.items() if value is not None)


def decode(value: bytes | None, headers: Headers, key: str, *, counted: bool = True) -> Event:
    """Read a record in structured or binary mode, or a tombstone.

    Where its topic is not `counted`, a `sequence` is its sender's own (an extension of CloudEvents) and is not read.
    Raises UnreadableError, and nothing else.
    """
    try:
        if headers != STRUCTURED_HEADERS:
            names = {name.lower(): content for name, content in headers}
            if "ce_specversion" in names:
                return _binary(value, names, key, counted)
        if value is None:
            raise UnreadableError("no_value")
        document = orjson.loads(value)
    except (orjson.JSONDecodeError, RecursionError):
        raise UnreadableError("not_json") from None
    except UnicodeDecodeError:
        raise UnreadableError("header_not_utf8") from None
    if not isinstance(document, dict):
        raise UnreadableError("not_an_object")
    data = document.get("data")
    if not isinstance(data, dict):
        raise UnreadableError("data_not_an_object")
    return _event(document, data, key, counted)


def _binary(value: bytes | None, names: Mapping[str, bytes], key: str, counted: bool) -> Event:
    attributes = {name[3:]: content.decode() for name, content in names.items() if name.startswith("ce_")}
    data = None if value is None else orjson.loads(value)
    if data is not None and not isinstance(data, dict):
        raise UnreadableError("data_not_an_object")
    return _event(attributes, data, key, counted)


def _event(attributes: Mapping[str, Any], data: dict[str, Any] | None, key: str, counted: bool) -> Event:
    for name in ("id", "source", "type", "time"):
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise UnreadableError(f"attribute_{name}")
    if attributes.get("specversion") != "1.0":
        raise UnreadableError("attribute_specversion")
    return Event(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        time=_time(attributes["time"]),
        data=data,
        key=key,
        sequence=_sequence(attributes.get("sequence")) if counted else None,
        causationid=_text(attributes, "causationid"),
        causationsource=_text(attributes, "causationsource"),
        traceparent=_text(attributes, "traceparent"),
    )


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise UnreadableError("attribute_time")
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableError("attribute_time") from None


def _sequence(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and 0 < len(value) <= 15:
        return int(value)
    raise UnreadableError("attribute_sequence")


def _text(attributes: Mapping[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) else None
