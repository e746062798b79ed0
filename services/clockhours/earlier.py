"""Accounts as earlier states of this version kept them (schema 1), to be read alone.

Their rows name every field in full, and keep moments as text. A document is written anew as accounts.py has it, whole,
when a fact changes it; one that no fact comes to any more stays as it is, for good.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from services.clockhours.documents import KINDS, Document, entry_of, moment_of
from services.clockhours.kept import Known
from services.clockhours.state import Attempt, AttemptKey, Attendance, ClockHours, Entry, Review, Subject
from services.clockhours.stored import grouped


def history(document: Document) -> dict[str, Known[Any, Any]]:
    """The long fields of an account."""
    return {
        field: Known(grouped(document[field], key, read)) for field, (key, read) in _READ.items() if field in document
    }


def _attempt_key_of(document: Mapping[str, Any]) -> AttemptKey:
    return AttemptKey(document["learner"], document["micro_credential"], document["submission"], document["attempt"])


def _attendance_of(rows: list[Document]) -> Attendance:
    r = rows[-1]
    return Attendance(r["session"], KINDS[r["kind"]], r["minutes"], moment_of(r["ended_at"]), r["micro_credential"])


def _clock_hours_of(rows: list[Document]) -> ClockHours:
    r = rows[-1]
    return ClockHours(r["in_force"], moment_of(r["at"]))


def _attempts_of(rows: list[Document]) -> Mapping[AttemptKey, Attempt]:
    return {_attempt_key_of(r): Attempt(moment_of(r["submitted_at"]), r["on_time"]) for r in rows}


def _reviews_of(rows: list[Document]) -> Mapping[tuple[AttemptKey, datetime], Review]:
    reviews = (Review(_attempt_key_of(r), r["decision"], moment_of(r["decided_at"])) for r in rows)
    return {(review.key, review.decided_at): review for review in reviews}


def _registrations_of(rows: list[Document]) -> frozenset[str | None]:
    return frozenset(r["learner"] for r in rows)


def _revocations_of(rows: list[Document]) -> Mapping[str | None, datetime]:
    return {r["learner"]: moment_of(r["at"]) for r in rows}


def _live_of(rows: list[Document]) -> Entry:
    row = rows[-1]
    return entry_of(row)


def _subject(row: Document) -> Subject:
    return KINDS[row["kind"]], row["subject"]


_of_credential = itemgetter("micro_credential")
_READ: Mapping[str, tuple[Callable[[Document], Any], Callable[[list[Document]], Any]]] = {
    "attendances": (itemgetter("session"), _attendance_of),
    "clock_hours": (_of_credential, _clock_hours_of),
    "registrations": (_of_credential, _registrations_of),
    "attempts": (_of_credential, _attempts_of),
    "reviews": (_of_credential, _reviews_of),
    "revocations": (_of_credential, _revocations_of),
    "live": (_subject, _live_of),
}
