"""How an account is kept in MongoDB: one document an educator id."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from contracts.kinds import EntryKind
from services.clockhours.documents import (
    KINDS,
    Document,
    case_document,
    case_of,
    entry_document,
    entry_of,
    ground_document,
    ground_of,
    held_document,
    held_of,
    moment_of,
    text_of,
)
from services.clockhours.state import Account, Attempt, AttemptKey, Attendance, ClockHours, Entry, Review, Subject
from services.clockhours.stored import Form

NOTHING_TOLD = Account("")


def account_of(document: Mapping[str, Any]) -> Account:
    """An account as it was written. A field that is not there was never told: its default holds."""
    known: dict[str, Any] = {field: read(document[field]) for field, (_, read) in _FIELDS.items() if field in document}
    known |= {field: form.kept(document[field]) for field, form in HISTORY.items() if field in document}
    return NOTHING_TOLD.but(educator_id=document["_id"], **known)


def changes(before: Account | None, after: Account) -> Document:
    """The fields of the account's document that are others now."""
    plain = before or Account(after.educator_id)
    return {
        field: write(getattr(after, field))
        for field, write in _WRITTEN.items()
        if getattr(after, field) is not getattr(plain, field)
    }


def _attempt_key(key: AttemptKey) -> Document:
    return {
        "learner": key.learner_id,
        "micro_credential": key.micro_credential_id,
        "submission": key.submission_id,
        "attempt": key.attempt,
    }


def _attempt_key_of(document: Mapping[str, Any]) -> AttemptKey:
    return AttemptKey(document["learner"], document["micro_credential"], document["submission"], document["attempt"])


def _attendances(_: str, a: Attendance) -> list[Document]:
    return [
        {
            "session": a.session_id,
            "kind": a.kind.value,
            "minutes": a.minutes,
            "ended_at": text_of(a.ended_at),
            "micro_credential": a.micro_credential_id,
        }
    ]


def _attendance_of(rows: list[Document]) -> Attendance:
    r = rows[-1]
    return Attendance(r["session"], KINDS[r["kind"]], r["minutes"], moment_of(r["ended_at"]), r["micro_credential"])


def _clock_hours(id: str, c: ClockHours) -> list[Document]:
    return [{"micro_credential": id, "in_force": c.in_force, "at": text_of(c.at)}]


def _clock_hours_of(rows: list[Document]) -> ClockHours:
    r = rows[-1]
    return ClockHours(r["in_force"], moment_of(r["at"]))


def _attempts(_: str, value: Mapping[AttemptKey, Attempt]) -> list[Document]:
    return [
        {**_attempt_key(key), "submitted_at": text_of(a.submitted_at), "on_time": a.on_time} for key, a in value.items()
    ]


def _attempts_of(rows: list[Document]) -> Mapping[AttemptKey, Attempt]:
    return {_attempt_key_of(r): Attempt(moment_of(r["submitted_at"]), r["on_time"]) for r in rows}


def _reviews(_: str, value: Mapping[tuple[AttemptKey, datetime], Review]) -> list[Document]:
    return [
        {**_attempt_key(r.key), "decision": str(r.decision), "decided_at": text_of(r.decided_at)}
        for r in value.values()
    ]


def _reviews_of(rows: list[Document]) -> Mapping[tuple[AttemptKey, datetime], Review]:
    reviews = (Review(_attempt_key_of(r), r["decision"], moment_of(r["decided_at"])) for r in rows)
    return {(review.key, review.decided_at): review for review in reviews}


def _registrations(id: str, learners: frozenset[str | None]) -> list[Document]:
    return [{"learner": learner, "micro_credential": id} for learner in sorted(learners, key=lambda name: name or "")]


def _registrations_of(rows: list[Document]) -> frozenset[str | None]:
    return frozenset(r["learner"] for r in rows)


def _revocations(id: str, value: Mapping[str | None, datetime]) -> list[Document]:
    return [{"learner": learner, "micro_credential": id, "at": text_of(at)} for learner, at in value.items()]


def _revocations_of(rows: list[Document]) -> Mapping[str | None, datetime]:
    return {r["learner"]: moment_of(r["at"]) for r in rows}


def _live(_: Subject, entry: Entry) -> list[Document]:
    return [entry_document(entry)]


def _live_of(rows: list[Document]) -> Entry:
    row = rows[-1]
    return entry_of(row)


def _reversals(value: Mapping[tuple[EntryKind, str], int]) -> list[Document]:
    return [{"kind": kind.value, "subject": subject, "count": count} for (kind, subject), count in value.items()]


def _reversals_of(rows: Iterable[Document]) -> Mapping[tuple[EntryKind, str], int]:
    return {(KINDS[r["kind"]], r["subject"]): r["count"] for r in rows}


def _same(value: Any) -> Any:
    return value


# The long fields of an account: of one educator there may be hundreds of rows.
_of_credential = itemgetter("micro_credential")
HISTORY: Mapping[str, Form[Any, Any]] = {
    "attendances": Form(itemgetter("session"), _attendance_of, _attendances),
    "clock_hours": Form(_of_credential, _clock_hours_of, _clock_hours),
    "registrations": Form(_of_credential, _registrations_of, _registrations),
    "attempts": Form(_of_credential, _attempts_of, _attempts),
    "reviews": Form(_of_credential, _reviews_of, _reviews),
    "revocations": Form(_of_credential, _revocations_of, _revocations),
    "live": Form(lambda row: (KINDS[row["kind"]], row["subject"]), _live_of, _live, word=itemgetter(1)),
}

# Each other field: how it is written, how it is read.
_FIELDS: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "merged_into": (_same, _same),
    "merge_number": (_same, _same),
    "erased": (_same, _same),
    "conflicts": (
        lambda value: [ground_document(ground) for ground in sorted(value, key=repr)],
        lambda rows: frozenset(ground_of(row) for row in rows),
    ),
    "cases": (
        lambda value: [case_document(case) for case in value.values()],
        lambda rows: {row["_id"]: case_of(row) for row in rows},
    ),
    "reversals": (_reversals, _reversals_of),
    "held": (
        lambda value: [held_document(row) for row in value.values()],
        lambda rows: {row["micro_credential_id"]: held_of(row) for row in rows},
    ),
    "on_transcript": (sorted, frozenset),
    "last_granted_at": (_same, _same),
    "last_ordinal": (_same, _same),
}

_WRITTEN = {field: write for field, (write, _) in _FIELDS.items()} | {
    field: form.rows for field, form in HISTORY.items()
}
