"""Example data for the gallery and the snapshots: one scene for each kind of message, as an educator could live it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from contracts.kinds import Decision, EntryKind, MissingStep, SessionKind
from contracts.program import Programs
from services.notifications import policy, reminders
from services.notifications.scene import Scene
from services.notifications.standing import Group
from services.notifications.state import (
    Attempt,
    Attendance,
    Educator,
    Entry,
    Held,
    Kind,
    Message,
    Profile,
    Registration,
    Registry,
    Reservation,
    Review,
    Revocation,
    Session,
)

PORTAL = "https://portal.example.org/courses"
DAY = timedelta(days=1)


def _at(month: int, day: int, hour: int = 17, minute: int = 0) -> datetime:
    return datetime(2024, month, day, hour, minute, tzinfo=UTC)


ORIENTATION = Session(
    "O-1", SessionKind.ORIENTATION, "Micro-credential Orientation", _at(3, 6, 0), _at(3, 6, 1, 30), "Online"
)
WORKSHOP = Session(
    "W-1",
    SessionKind.WORKSHOP,
    "Workshop: Trauma Informed Pedagogy",
    _at(3, 20, 23),
    _at(3, 21, 0, 30),
    "WEA Chinook, 700 Lilly Road NE, Olympia",
    "https://portal.example.org/sessions/W-1",
)
SESSIONS = {s.session_id: s for s in (ORIENTATION, WORKSHOP)}


def _educator(credential_id: str) -> Educator:
    """Has attended both sessions, registered twice and submitted."""
    o = Attendance("O-1", SessionKind.ORIENTATION, 90, ORIENTATION.ends_at, None, _at(3, 6))
    w = Attendance("W-1", SessionKind.WORKSHOP, 90, WORKSHOP.ends_at, credential_id, _at(3, 21))
    nea = Registration(Registry.NEA, credential_id, _at(3, 8), _at(3, 8))
    wea = Registration(Registry.CLOCK_HOURS, credential_id, _at(3, 9), _at(3, 9))
    tried = Attempt(credential_id, "S-1", 1, _at(4, 20), None, True, _at(4, 20))
    seat = Reservation("W-1", credential_id, "seat", _at(3, 10), told_revision=0, sequence=0)
    return Educator(
        "E-1",
        Profile("Rosa Diaz", "rosa@example.org", _at(3, 1)),
        attendances={"O-1": o, "W-1": w},
        registrations={r.key: r for r in (nea, wea)},
        attempts={tried.key: tried},
        reservations={"W-1": seat},
        entries={e.entry_id: e for e in _entries(credential_id)},
    )


def _entries(credential_id: str) -> Iterator[Entry]:
    kinds = (
        (EntryKind.ORIENTATION, 90, None, "O-1", (), _at(3, 6)),
        (EntryKind.WORKSHOP, 90, None, "W-1", (), _at(3, 21)),
        (EntryKind.MICRO_CREDENTIAL, 900, credential_id, None, ("Equity",), _at(5, 10)),
    )
    for kind, minutes, credential, session, designations, at in kinds:
        yield Entry(f"entry-{kind}", kind, minutes, credential, session, designations, at, at, None, at)


def scenes(programs: Programs) -> Iterator[Scene]:
    """One of each kind that goes to educators, in the order of the enumeration."""
    year = next((year for year in programs if year.holds(_at(4, 20))), programs.years[0])
    credential = next(entry.id for entry in year.micro_credentials if entry.eligible)
    for kind in Kind:
        if not kind.is_for_staff:
            yield _scene(kind, programs, credential)


def _scene(kind: Kind, programs: Programs, credential: str) -> Scene:
    whole = _educator(credential)
    early = replace(
        whole, attempts={}, entries={k: e for k, e in whole.entries.items() if e.kind != "micro_credential"}
    )
    message = Message(kind, "E-1", credential, "", _at(4, 20), credential)
    sessions, now, educator = SESSIONS, _at(4, 20), early
    moved = replace(WORKSHOP, starts_at=WORKSHOP.starts_at + DAY, ends_at=WORKSHOP.ends_at + DAY, revision=1)
    match kind:
        case Kind.WELCOME:
            message = replace(message, subject="", micro_credential_id=None)
        case Kind.RESERVATION_CONFIRMED | Kind.SESSION_CHANGED | Kind.SESSION_CANCELLED:
            facts = {"revision": 1, "sequence": 1}
            message = replace(message, subject="W-1", session_id="W-1", facts=facts)
            sessions = {"W-1": moved} if kind is Kind.SESSION_CHANGED else sessions
            if kind is Kind.SESSION_CANCELLED:
                sessions = {"W-1": replace(WORKSHOP, cancelled=True, reason="The trainer is ill.")}
        case Kind.ORIENTATION_COMPLETED:
            educator = replace(early, attendances={"O-1": early.attendances["O-1"]})
        case Kind.WORKSHOP_ATTENDED:
            message = replace(message, session_id="W-1")
        case Kind.SUBMISSION_RECEIVED | Kind.SUBMISSION_LATE:
            message, educator = replace(message, cause="S-1 1"), whole
            if kind is Kind.SUBMISSION_LATE:
                late = replace(next(iter(whole.attempts.values())), submitted_at=_at(4, 29), on_time=False)
                held = Held(credential, 900, (MissingStep.ON_TIME_SUBMISSION, MissingStep.AWARD), _at(3, 21))
                educator = replace(early, attempts={late.key: late}, held={credential: held})
        case Kind.SUBMISSION_RETURNED | Kind.SUBMISSION_DENIED:
            decision = Decision.DENIED if kind is Kind.SUBMISSION_DENIED else Decision.NOT_YET
            review = Review(credential, "S-1", 1, decision, _at(5, 7), _at(5, 7))
            message = replace(message, cause=review.cause)
            educator, now = replace(whole, reviews={review.key: review}, entries=early.entries), _at(5, 8)
        case Kind.HOURS_GRANTED | Kind.HOURS_HELD | Kind.HOURS_REVERSED | Kind.TRANSCRIPT_SUPERSEDED:
            message, educator, now = _about_hours(message, whole)
        case _:
            message, educator, now = _reminder(kind, message, early, programs)
    group = Group((educator,))
    return Scene(message, group, sessions, programs, policy.eligible(group, programs, now), PORTAL, now)


def _about_hours(message: Message, whole: Educator) -> tuple[Message, Educator, datetime]:
    credential = message.micro_credential_id or ""
    award = Review(credential, "S-1", 1, Decision.AWARDED, _at(5, 10), _at(5, 10))
    educator = replace(whole, reviews={award.key: award})
    if message.kind is Kind.HOURS_HELD:
        missing = (MissingStep.CLOCK_HOURS_REGISTRATION,)
        held = Held(credential, 900, missing, _at(5, 10))
        registrations = {k: r for k, r in educator.registrations.items() if r.registry is Registry.NEA}
        entries = {k: e for k, e in educator.entries.items() if e.kind != "micro_credential"}
        educator = replace(educator, held={credential: held}, registrations=registrations, entries=entries)
    elif message.kind is not Kind.HOURS_GRANTED:
        granted = educator.entries["entry-micro_credential"]
        back = replace(granted, entry_id="back", minutes=-900, reverses=granted.entry_id, granted_at=_at(5, 12))
        revoked = Revocation(credential, _at(5, 12), _at(5, 12))
        educator = replace(educator, entries={**educator.entries, "back": back}, revocations={revoked.key: revoked})
    cause = "back" if message.kind is Kind.HOURS_REVERSED else "entry-micro_credential"
    return replace(message, cause=cause), educator, _at(5, 13)


def _reminder(kind: Kind, message: Message, early: Educator, programs: Programs) -> tuple[Message, Educator, datetime]:
    """A reminder from an educator for whom just this is open, at the moment when it is due."""
    credential = message.micro_credential_id or ""
    registry = {
        Kind.CLOCK_HOURS_REGISTRATION_MISSING: Registry.NEA,
        Kind.NEA_REGISTRATION_MISSING: Registry.CLOCK_HOURS,
    }
    educator, now = replace(early, reservations={}), _at(4, 19)
    if kind in registry:
        kept = {k: r for k, r in early.registrations.items() if r.registry is registry[kind]}
        educator, now = replace(educator, registrations=kept), _at(3, 11, 19)
    elif kind is Kind.STEPS_MISSING:
        tried = Attempt(credential, "S-1", 1, _at(4, 20), None, True, _at(4, 20))
        attended = {"O-1": early.attendances["O-1"]}
        educator, now = replace(educator, attendances=attended, attempts={tried.key: tried}), _at(4, 20, 18)
    elif kind is Kind.WORKSHOP_UNALLOCATED:
        unnamed = replace(early.attendances["W-1"], micro_credential_id=None)
        educator, now = replace(educator, attendances={**early.attendances, "W-1": unnamed}), _at(3, 21)
    elif kind is Kind.SESSION_REMINDER:
        educator, now = replace(early, attendances={"O-1": early.attendances["O-1"]}), _at(3, 19)
    group = Group((educator,))
    eligible = policy.eligible(group, programs, now)
    for item in reminders.open_items(group, SESSIONS, programs, eligible):
        if item.kind is kind and item.at <= now < item.until:
            ids = item.micro_credential_ids
            made = replace(message, subject=item.subject, cause=item.cause, session_id=item.session_id)
            return replace(made, micro_credential_id=ids[0] if len(ids) == 1 else None), educator, now
    raise LookupError(kind)
