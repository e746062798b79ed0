"""How an account and a ledger entry are kept in MongoDB.

Moments that are facts are kept as text, to the microsecond: MongoDB's dates have milliseconds, and an award must not
move against a revocation by being stored. What this service decides (granted_at, since, opened_at) is in whole
milliseconds and kept as dates, to be sorted and searched. Ids may hold any character, so they are values, never names.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from contracts.kinds import EntryKind, ExceptionKind, MissingStep
from contracts.kinds import ExceptionStatus as CaseStatus
from services.clockhours.state import (
    Account,
    Attempt,
    AttemptKey,
    Attendance,
    Case,
    ClockHours,
    Entry,
    Ground,
    HeldRow,
    Review,
)

SCHEMA = 1
Document = dict[str, Any]


def text_of(moment: datetime) -> str:
    """A moment of UTC as text, to the microsecond: in this form texts sort as moments do."""
    return moment.isoformat(timespec="microseconds")


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- entries


def entry_document(entry: Entry) -> Document:
    """An entry for the ledger. `generation` and `reverses` are there where they say something: indexes ask for them."""
    document: Document = {
        "_id": entry.entry_id,
        "schema": SCHEMA,
        "educator_id": entry.educator_id,
        "kind": entry.kind.value,
        "subject": entry.subject,
        "minutes": entry.minutes,
        "micro_credential_id": entry.micro_credential_id,
        "session_id": entry.session_id,
        "designations": list(entry.designations),
        "completed_at": text_of(entry.completed_at),
        "registered_at": entry.registered_at and text_of(entry.registered_at),
        "granted_at": entry.granted_at,
        "program_year": entry.program_year,
        "ordinal": entry.ordinal,
    }
    if entry.generation is not None:
        document["generation"] = entry.generation
    if entry.reverses is not None:
        document["reverses"] = entry.reverses
    return document


def entry_of(document: Mapping[str, Any]) -> Entry:
    registered_at = document["registered_at"]
    return Entry(
        entry_id=document["_id"],
        educator_id=document["educator_id"],
        kind=EntryKind(document["kind"]),
        subject=document["subject"],
        generation=document.get("generation"),
        minutes=document["minutes"],
        micro_credential_id=document["micro_credential_id"],
        session_id=document["session_id"],
        designations=tuple(document["designations"]),
        completed_at=moment_of(document["completed_at"]),
        registered_at=moment_of(registered_at) if registered_at else None,
        granted_at=document["granted_at"],
        reverses=document.get("reverses"),
        program_year=document["program_year"],
        ordinal=document["ordinal"],
    )


# -- exceptions and held rows


def ground_document(ground: Ground) -> Document:
    return {
        "kind": ground.kind.value,
        "educator_id": ground.educator_id,
        "micro_credential_id": ground.micro_credential_id,
        "session_id": ground.session_id,
        "submission_id": ground.submission_id,
        "attempt": ground.attempt,
        "other_educator_id": ground.other_educator_id,
        "entry_id": ground.entry_id,
    }


def ground_of(document: Mapping[str, Any]) -> Ground:
    return Ground(
        kind=ExceptionKind(document["kind"]),
        educator_id=document["educator_id"],
        micro_credential_id=document["micro_credential_id"],
        session_id=document["session_id"],
        submission_id=document["submission_id"],
        attempt=document["attempt"],
        other_educator_id=document["other_educator_id"],
        entry_id=document["entry_id"],
    )


def case_document(case: Case) -> Document:
    return {
        "_id": case.exception_id,
        **ground_document(case.ground),
        "status": case.status.value,
        "opened_at": case.opened_at,
    }


def case_of(document: Mapping[str, Any]) -> Case:
    status = CaseStatus(document["status"])
    return Case(document["_id"], ground_of(document), status, document["opened_at"])


def held_document(row: HeldRow) -> Document:
    return {
        "educator_id": row.educator_id,
        "micro_credential_id": row.micro_credential_id,
        "minutes": row.minutes,
        "missing": [step.value for step in row.missing],
        "since": row.since,
    }


def held_of(document: Mapping[str, Any]) -> HeldRow:
    return HeldRow(
        educator_id=document["educator_id"],
        micro_credential_id=document["micro_credential_id"],
        minutes=document["minutes"],
        missing=tuple(MissingStep(step) for step in document["missing"]),
        since=document["since"],
    )


# -- accounts


def account_of(document: Mapping[str, Any]) -> Account:
    """An account as it was written. A field that is not there was never told: its default holds."""
    known = {field: read(document[field]) for field, (_, read) in _FIELDS.items() if field in document}
    return Account(document["_id"], **known)


def changes(before: Account | None, after: Account) -> Document:
    """The fields of the account's document that are others now."""
    plain = before or Account(after.educator_id)
    return {
        field: written(getattr(after, field))
        for field, (written, _) in _FIELDS.items()
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


def _attendances(value: Mapping[str, Attendance]) -> list[Document]:
    return [
        {
            "session": a.session_id,
            "kind": a.kind.value,
            "minutes": a.minutes,
            "ended_at": text_of(a.ended_at),
            "micro_credential": a.micro_credential_id,
        }
        for a in value.values()
    ]


def _attendances_of(rows: Iterable[Document]) -> Mapping[str, Attendance]:
    return {
        r["session"]: Attendance(
            r["session"], EntryKind(r["kind"]), r["minutes"], moment_of(r["ended_at"]), r["micro_credential"]
        )
        for r in rows
    }


def _clock_hours(value: Mapping[str, ClockHours]) -> list[Document]:
    return [{"micro_credential": id, "in_force": c.in_force, "at": text_of(c.at)} for id, c in value.items()]


def _clock_hours_of(rows: Iterable[Document]) -> Mapping[str, ClockHours]:
    return {r["micro_credential"]: ClockHours(r["in_force"], moment_of(r["at"])) for r in rows}


def _attempts(value: Mapping[AttemptKey, Attempt]) -> list[Document]:
    return [
        {**_attempt_key(key), "submitted_at": text_of(a.submitted_at), "on_time": a.on_time} for key, a in value.items()
    ]


def _attempts_of(rows: Iterable[Document]) -> Mapping[AttemptKey, Attempt]:
    return {_attempt_key_of(r): Attempt(moment_of(r["submitted_at"]), r["on_time"]) for r in rows}


def _reviews(value: Mapping[tuple[AttemptKey, datetime], Review]) -> list[Document]:
    return [
        {**_attempt_key(r.key), "decision": str(r.decision), "decided_at": text_of(r.decided_at)}
        for r in value.values()
    ]


def _reviews_of(rows: Iterable[Document]) -> Mapping[tuple[AttemptKey, datetime], Review]:
    reviews = (Review(_attempt_key_of(r), r["decision"], moment_of(r["decided_at"])) for r in rows)
    return {(review.key, review.decided_at): review for review in reviews}


def _registrations(value: frozenset[tuple[str | None, str]]) -> list[Document]:
    return [
        {"learner": learner, "micro_credential": id}
        for learner, id in sorted(value, key=lambda pair: (pair[0] or "", pair[1]))
    ]


def _registrations_of(rows: Iterable[Document]) -> frozenset[tuple[str | None, str]]:
    return frozenset((r["learner"], r["micro_credential"]) for r in rows)


def _revocations(value: Mapping[tuple[str | None, str], datetime]) -> list[Document]:
    return [{"learner": key[0], "micro_credential": key[1], "at": text_of(at)} for key, at in value.items()]


def _revocations_of(rows: Iterable[Document]) -> Mapping[tuple[str | None, str], datetime]:
    return {(r["learner"], r["micro_credential"]): moment_of(r["at"]) for r in rows}


def _reversals(value: Mapping[tuple[EntryKind, str], int]) -> list[Document]:
    return [{"kind": kind.value, "subject": subject, "count": count} for (kind, subject), count in value.items()]


def _reversals_of(rows: Iterable[Document]) -> Mapping[tuple[EntryKind, str], int]:
    return {(EntryKind(r["kind"]), r["subject"]): r["count"] for r in rows}


def _same(value: Any) -> Any:
    return value


# Each field of an account: how it is written, how it is read.
_FIELDS: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "merged_into": (_same, _same),
    "merge_number": (_same, _same),
    "erased": (_same, _same),
    "attendances": (_attendances, _attendances_of),
    "clock_hours": (_clock_hours, _clock_hours_of),
    "registrations": (_registrations, _registrations_of),
    "attempts": (_attempts, _attempts_of),
    "reviews": (_reviews, _reviews_of),
    "revocations": (_revocations, _revocations_of),
    "conflicts": (
        lambda value: [ground_document(ground) for ground in sorted(value, key=repr)],
        lambda rows: frozenset(ground_of(row) for row in rows),
    ),
    "cases": (
        lambda value: [case_document(case) for case in value.values()],
        lambda rows: {row["_id"]: case_of(row) for row in rows},
    ),
    "live": (
        lambda value: [entry_document(entry) for entry in value.values()],
        lambda rows: {row["_id"]: entry_of(row) for row in rows},
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
