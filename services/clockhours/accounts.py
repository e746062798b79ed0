"""How an account is kept in MongoDB: one document an educator id.

It is read and written at every fact, so its rows are short: what is None is left out, moments are whole microseconds
since 1970, and nothing stands in them that follows from the rest. Their fields, `?` where they may be missing:

    attendances    ses, kind, min, at (ended), mc?
    clock_hours    mc, on, at
    registrations  mc, by?
    attempts       mc, by?, sub, n, at (submitted), ok?
    reviews        mc, by?, sub, n, is (decision), at (decided)
    revocations    mc, by?, at
    live           id, of, kind, min, ses?, mc?, at (completed), reg? (registered), got (granted), n, gen?, for?, year

`mc` is a micro-credential, `by` NEA's learner, `sub` a submission, `n` the number of an attempt or an entry's ordinal,
`ses` a session, `of` the educator, `gen` a generation but the first, `for` designations. Documents of schema 1 have
other rows: earlier.py reads them, and the first write after that leaves the whole document in these.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from contracts.kinds import EntryKind
from eventing.stored import closed
from services.clockhours import earlier
from services.clockhours.documents import (
    KINDS,
    Document,
    case_document,
    case_of,
    ground_document,
    ground_of,
    held_document,
    held_of,
)
from services.clockhours.ledger import subject
from services.clockhours.state import Account, Attempt, AttemptKey, Attendance, ClockHours, Entry, Review, Subject
from services.clockhours.stored import Form

SCHEMA = 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NOTHING_TOLD = Account("")


def account_of(document: Document) -> Account:
    """An account as it was written. A field that is not there was never told: its default holds."""
    known: dict[str, Any] = {field: read(document[field]) for field, (_, read) in _FIELDS.items() if field in document}
    if is_earlier(document):
        known |= earlier.history(document)
    else:
        known |= {field: form.kept(document[field]) for field, form in HISTORY.items() if field in document}
    return NOTHING_TOLD.but(educator_id=document["_id"], **known)


def is_earlier(document: Document) -> bool:
    """Whether its rows are as they were before: the first write replaces them all."""
    return bool(document["schema"] < SCHEMA)


def changes(before: Account | None, after: Account, *, was_earlier: bool = False) -> Mapping[str, Any]:
    """The fields of the account's document that are others now."""
    plain = before or Account(after.educator_id)
    changed = {
        field: write(getattr(after, field))
        for field, write in _WRITTEN.items()
        if getattr(after, field) is not getattr(plain, field) or (was_earlier and field in HISTORY)
    }
    return closed({"schema": SCHEMA, **changed})


def _at(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _moment(at: int) -> datetime:
    return EPOCH + MICROSECOND * at


def _there(**fields: Any) -> Document:
    """A row, without what is None."""
    return {name: value for name, value in fields.items() if value is not None}


def _attempt_row(key: AttemptKey, **more: Any) -> Document:
    return _there(mc=key.micro_credential_id, by=key.learner_id, sub=key.submission_id, n=key.attempt, **more)


def _attempt_key(r: Document) -> AttemptKey:
    return AttemptKey(r.get("by"), r["mc"], r["sub"], r["n"])


def _attendances(_: str, a: Attendance) -> list[Document]:
    return [_there(ses=a.session_id, kind=a.kind.value, min=a.minutes, at=_at(a.ended_at), mc=a.micro_credential_id)]


def _attendance_of(rows: list[Document]) -> Attendance:
    r = rows[-1]
    return Attendance(r["ses"], KINDS[r["kind"]], r["min"], _moment(r["at"]), r.get("mc"))


def _clock_hours(id: str, c: ClockHours) -> list[Document]:
    return [{"mc": id, "on": c.in_force, "at": _at(c.at)}]


def _clock_hours_of(rows: list[Document]) -> ClockHours:
    r = rows[-1]
    return ClockHours(r["on"], _moment(r["at"]))


def _attempts(_: str, value: Mapping[AttemptKey, Attempt]) -> list[Document]:
    return [_attempt_row(key, at=_at(a.submitted_at), ok=a.on_time) for key, a in value.items()]


def _attempts_of(rows: list[Document]) -> Mapping[AttemptKey, Attempt]:
    return {_attempt_key(r): Attempt(_moment(r["at"]), r.get("ok")) for r in rows}


def _reviews(_: str, value: Mapping[tuple[AttemptKey, datetime], Review]) -> list[Document]:
    return [{**_attempt_row(r.key, at=_at(r.decided_at)), "is": str(r.decision)} for r in value.values()]


def _reviews_of(rows: list[Document]) -> Mapping[tuple[AttemptKey, datetime], Review]:
    reviews = (Review(_attempt_key(r), r["is"], _moment(r["at"])) for r in rows)
    return {(review.key, review.decided_at): review for review in reviews}


def _registrations(id: str, learners: frozenset[str | None]) -> list[Document]:
    return [_there(mc=id, by=learner) for learner in sorted(learners, key=lambda name: name or "")]


def _registrations_of(rows: list[Document]) -> frozenset[str | None]:
    return frozenset(r.get("by") for r in rows)


def _revocations(id: str, value: Mapping[str | None, datetime]) -> list[Document]:
    return [_there(mc=id, by=learner, at=_at(at)) for learner, at in value.items()]


def _revocations_of(rows: list[Document]) -> Mapping[str | None, datetime]:
    return {r.get("by"): _moment(r["at"]) for r in rows}


def _live(_: Subject, e: Entry) -> list[Document]:
    row = _there(
        id=e.entry_id, of=e.educator_id, kind=e.kind.value, min=e.minutes, ses=e.session_id, mc=e.micro_credential_id,
        at=_at(e.completed_at), reg=e.registered_at and _at(e.registered_at), got=_at(e.granted_at), n=e.ordinal,
        gen=e.generation or None, year=e.program_year,
    )  # fmt: skip
    return [{**row, "for": list(e.designations)} if e.designations else row]


def _live_of(rows: list[Document]) -> Entry:
    r = rows[-1]
    registered = r.get("reg")
    return Entry(
        entry_id=r["id"],
        educator_id=r["of"],
        kind=KINDS[r["kind"]],
        subject=_subject(r)[1],
        generation=r.get("gen", 0),
        minutes=r["min"],
        micro_credential_id=r.get("mc"),
        session_id=r.get("ses"),
        designations=tuple(r.get("for", ())),
        completed_at=_moment(r["at"]),
        registered_at=None if registered is None else _moment(registered),
        granted_at=_moment(r["got"]),
        reverses=None,  # what is reversed, or reverses, does not live
        program_year=r["year"],
        ordinal=r["n"],
    )


def _subject(r: Document) -> Subject:
    return subject(KINDS[r["kind"]], r.get("ses"), r.get("mc"))


def _reversals(value: Mapping[tuple[EntryKind, str], int]) -> list[Document]:
    return [{"kind": kind.value, "subject": subject, "count": count} for (kind, subject), count in value.items()]


def _reversals_of(rows: Iterable[Document]) -> Mapping[tuple[EntryKind, str], int]:
    return {(KINDS[r["kind"]], r["subject"]): r["count"] for r in rows}


def _same(value: Any) -> Any:
    return value


# The long fields of an account: of one educator there may be hundreds of rows.
_of_credential = itemgetter("mc")
HISTORY: Mapping[str, Form[Any, Any]] = {
    "attendances": Form(itemgetter("ses"), _attendance_of, _attendances),
    "clock_hours": Form(_of_credential, _clock_hours_of, _clock_hours),
    "registrations": Form(_of_credential, _registrations_of, _registrations),
    "attempts": Form(_of_credential, _attempts_of, _attempts),
    "reviews": Form(_of_credential, _reviews_of, _reviews),
    "revocations": Form(_of_credential, _revocations_of, _revocations),
    "live": Form(_subject, _live_of, _live, word=itemgetter(1)),
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
