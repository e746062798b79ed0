"""State as MongoDB documents and back. Maps are kept as lists: ids may hold dots, and field names should not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from eventing.clock import system_now
from services.notifications.state import (
    Attempt,
    Attendance,
    Case,
    Educator,
    Entry,
    Held,
    Message,
    Registration,
    Reservation,
    Review,
    Revocation,
    Session,
    Status,
)

SCHEMA = 1

_EDUCATOR = TypeAdapter(Educator)
_SESSION = TypeAdapter(Session)
_MESSAGE = TypeAdapter(Message)
_MAPS: Mapping[str, TypeAdapter[Any]] = {
    "attendances": TypeAdapter(list[Attendance]),
    "reservations": TypeAdapter(list[Reservation]),
    "registrations": TypeAdapter(list[Registration]),
    "attempts": TypeAdapter(list[Attempt]),
    "reviews": TypeAdapter(list[Review]),
    "revocations": TypeAdapter(list[Revocation]),
    "held": TypeAdapter(list[Held]),
    "entries": TypeAdapter(list[Entry]),
    "cases": TypeAdapter(list[Case]),
}


def educator_fields(educator: Educator) -> dict[str, Any]:
    """The fields to set. `reserved` is for finding those who hold a seat in a session."""
    document: dict[str, Any] = _EDUCATOR.dump_python(educator, exclude={"id"})
    for name in _MAPS:
        document[name] = list(document[name].values())
    document["told"] = sorted(educator.told)
    document["reserved"] = sorted(educator.reservations)
    return document


def educator_of(document: Mapping[str, Any]) -> Educator:
    known = {name: document[name] for name in document.keys() - _MAPS.keys()}
    for name, adapter in _MAPS.items():
        known[name] = {item.key: item for item in adapter.validate_python(document.get(name, []))}
    return _EDUCATOR.validate_python({**known, "id": document["_id"]})


def session_fields(session: Session) -> dict[str, Any]:
    document: dict[str, Any] = _SESSION.dump_python(session)
    return document


def session_of(document: Mapping[str, Any]) -> Session | None:
    """None: somebody reserved before the session was scheduled, and only the lock is there."""
    return _SESSION.validate_python(document) if "title" in document else None


def message_document(message: Message, now: datetime, **more: Any) -> dict[str, Any]:
    """A new message, queued. `due_at` is programme time, `try_at` system time."""
    return {
        "kind": message.kind.value,
        "educator_id": message.educator_id,
        "subject_id": message.subject,
        "cause": message.cause,
        "micro_credential_id": message.micro_credential_id,
        "session_id": message.session_id,
        "facts": dict(message.facts),
        "told": list(message.told),
        "status": Status.QUEUED.value,
        "due_at": message.due_at,
        "created_at": now,
        "owner": None,
        "tries": 0,
        "lost": 0,
        "schema": SCHEMA,
        **more,
    }


def queued_anew(**more: Any) -> dict[str, Any]:
    """The update by which a message goes out once more, as one that was never tried."""
    fresh = {"status": Status.QUEUED.value, "reason": None, "owner": None, "try_at": system_now(), "lost": 0}
    return {"$set": {**fresh, **more}, "$unset": {"first_put_off_at": "", "put_off": ""}}


def message_of(document: Mapping[str, Any]) -> Message:
    return _MESSAGE.validate_python({**document, "subject": document["subject_id"]})
