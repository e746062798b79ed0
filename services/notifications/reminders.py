"""Reminders: what is open, from when to when it may be said, and when to look again. Pure.

At most one message a day for each educator, never between 20:00 and 07:00 local; several open steps become one. An item
has a window: a clock that jumps over the whole window leaves it unsaid, so no deadline is told of on a later day.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from contracts.kinds import SessionKind
from contracts.program import Program, Programs
from services.notifications import seats
from services.notifications.standing import Credential, Group
from services.notifications.state import Educator, Kind, Message, Session, told_key

PATIENCE = timedelta(days=2)  # between one registration, or an award, and asking for what else it needs
WINDOW = timedelta(days=7)  # what is older is not written about
DAYS_BEFORE = (14, 7, 3, 1, 0)  # of a deadline; 0: its last day
WAKES, RESTS = time(7), time(20)
DAY = timedelta(days=1)

# Several items become one message; it takes its kind and subject from the most urgent.
URGENCY = (
    Kind.DEADLINE,
    Kind.SESSION_REMINDER,
    Kind.STEPS_MISSING,
    Kind.CLOCK_HOURS_REGISTRATION_MISSING,
    Kind.NEA_REGISTRATION_MISSING,
    Kind.WORKSHOP_UNALLOCATED,
)


@dataclass(frozen=True, slots=True)
class Item:
    """Something open, to be said at or after `at` and before `until`."""

    kind: Kind
    subject: str
    cause: str
    at: datetime
    until: datetime
    micro_credential_ids: tuple[str, ...] = ()
    session_id: str | None = None
    closes: date | None = None  # a deadline's last local day

    @property
    def key(self) -> str:
        return told_key(self.kind, self.subject, self.cause)


Sessions = Mapping[str, Session]


def due(
    group: Group, sessions: Sessions, programs: Programs, eligible: frozenset[str], now: datetime
) -> Message | None:
    """The reminder to be made now, if any; it answers for every item that is open and was not said yet."""
    program = programs.current(now)
    today = program.local_date(now)
    if _may_not_be_written_to(group) or today.isoformat() in group.reminded_on or awake(program, now) != now:
        return None
    items = [item for item in _unsaid(group, sessions, programs, eligible) if item.at <= now < item.until]
    if not items:
        return None
    first = min(items, key=lambda item: (URGENCY.index(item.kind), item.until, item.subject))
    keys = (first.key, *(item.key for item in items if item is not first))
    return Message(
        first.kind,
        group.id,
        first.subject,
        first.cause,
        now,
        first.micro_credential_ids[0] if len(first.micro_credential_ids) == 1 else None,
        first.session_id,
        {"day": today.isoformat()},
        told=keys,
    )


def next_look(
    group: Group, sessions: Sessions, programs: Programs, eligible: frozenset[str], now: datetime
) -> datetime | None:
    """The next moment after which something may be due; None: nothing until another event comes."""
    if _may_not_be_written_to(group):
        return None
    program = programs.current(now)
    looks = []
    for item in _unsaid(group, sessions, programs, eligible):
        moment = awake(program, max(item.at, now))
        while program.local_date(moment).isoformat() in group.reminded_on:
            moment = awake(program, _midnight(program, program.local_date(moment) + DAY))
        if moment < item.until:
            looks.append(moment)
    return min(looks, default=None)


def after_reminding(group: Group, message: Message) -> list[Educator]:
    """As `policy.after_telling`: the account whose address it goes to remembers it."""
    day, told = str(message.facts["day"]), frozenset(message.told)
    return [replace(m, told=m.told | told, reminded_on=day) if m is group.named else m for m in group.members]


def after_dropping(members: Iterable[Educator], message: Message, *, own: str | None) -> list[Educator]:
    """A reminder that was never sent said nothing: its items are open again, but for `own`, which no longer holds.

    Its day, too, is free for another one, unless that was made already while this one waited.
    """
    unsaid, day = frozenset(message.told) - {own}, message.facts.get("day")
    return [
        replace(m, told=m.told - unsaid, reminded_on=None if m.reminded_on == day else m.reminded_on) for m in members
    ]


def _may_not_be_written_to(group: Group) -> bool:
    return group.erased or group.profile is None or group.unsubscribed


def _unsaid(group: Group, sessions: Sessions, programs: Programs, eligible: frozenset[str]) -> Iterator[Item]:
    return (item for item in open_items(group, sessions, programs, eligible) if item.key not in group.told)


def open_items(group: Group, sessions: Sessions, programs: Programs, eligible: frozenset[str]) -> Iterator[Item]:
    """Everything open, said or not, in its window or not."""
    yield from _seats(group, sessions, programs)
    yield from _unallocated(group)
    open_credentials = [
        credential for id_, credential in group.credentials.items() if id_ in eligible and credential.entry is None
    ]
    for credential in open_credentials:
        yield from _after_an_award(credential, (*_registrations(credential), *_steps(credential, group, sessions)))
    for program in programs:
        yield from _deadlines(open_credentials, program, programs)


def _seats(group: Group, sessions: Sessions, programs: Programs) -> Iterator[Item]:
    """A session is recalled on the day before; who reserved on that day or later has just been told."""
    for seat in seats.seats(group).values():
        session = sessions.get(seat.session_id)
        if session is None or session.cancelled or seat.cancelled:
            continue
        program = programs.current(session.starts_at)
        eve = program.local_date(session.starts_at) - DAY
        if program.local_date(seat.heard_at) < eve:
            cause = session.starts_at.astimezone(UTC).isoformat()
            at, until = _midnight(program, eve), _midnight(program, eve + DAY)
            ids = (seat.micro_credential_id,) if seat.micro_credential_id else ()
            yield Item(Kind.SESSION_REMINDER, seat.session_id, cause, at, until, ids, seat.session_id)


def _unallocated(group: Group) -> Iterator[Item]:
    for workshop in group.unallocated:
        yield Item(
            Kind.WORKSHOP_UNALLOCATED,
            workshop.session_id,
            "unallocated",
            workshop.heard_at,
            workshop.ended_at + WINDOW,
            session_id=workshop.session_id,
        )


def _registrations(credential: Credential) -> Iterator[Item]:
    """The double registration trap: one of the two was made two days ago, the other is not known."""
    nea, clock_hours, ids = credential.nea_registration, credential.clock_hours_registration, (credential.id,)
    began = nea.registered_at if nea else min((a.submitted_at for a in credential.attempts), default=None)
    if clock_hours is None and began is not None:
        at, cause = began + PATIENCE, began.astimezone(UTC).isoformat()
        yield Item(Kind.CLOCK_HOURS_REGISTRATION_MISSING, credential.id, cause, at, at + WINDOW, ids)
    if clock_hours is not None and not credential.registered_with_nea:
        at, cause = clock_hours.registered_at + PATIENCE, clock_hours.registered_at.astimezone(UTC).isoformat()
        yield Item(Kind.NEA_REGISTRATION_MISSING, credential.id, cause, at, at + WINDOW, ids)


def _steps(credential: Credential, group: Group, sessions: Sessions) -> Iterator[Item]:
    """A later step was done while the workshop or the orientation is missing.

    Who holds a seat in one knows: then it is said on the day after, if they were not there.
    """
    missing = []
    if group.orientation is None:
        missing.append(_seat_until(group, sessions, SessionKind.ORIENTATION, None))
    if credential.workshop is None and credential.attempts:
        missing.append(_seat_until(group, sessions, SessionKind.WORKSHOP, credential.id))
    if not missing:
        return
    waits = max(missing, key=lambda until: until or datetime.min.replace(tzinfo=UTC))
    for cause, heard_at, happened_at in _last_steps(credential):
        at = max(heard_at, waits or heard_at)
        until = max(happened_at, waits or happened_at) + WINDOW
        yield Item(Kind.STEPS_MISSING, credential.id, cause, at, until, (credential.id,))


def _after_an_award(credential: Credential, items: Iterable[Item]) -> Iterator[Item]:
    """Whose hours wait though NEA has awarded reads in that letter what is missing: to be reminded of it can wait."""
    award = credential.award
    return (replace(item, at=max(item.at, award.heard_at + PATIENCE)) if award else item for item in items)


def _last_steps(credential: Credential) -> Iterator[tuple[str, datetime, datetime]]:
    """The step furthest on that was done: its name, when we heard of it, when it was."""
    first_attempts = [a for a in credential.attempts if a.number == 1]
    registrations = [r for r in (credential.nea_registration, credential.clock_hours_registration) if r is not None]
    if first_attempts:
        for attempt in first_attempts:
            yield f"submitted {attempt.submission_id}", attempt.heard_at, attempt.submitted_at
    elif credential.workshop is not None:
        yield "workshop", credential.workshop.heard_at, credential.workshop.ended_at
    elif registrations:
        first = min(registrations, key=lambda r: r.registered_at)
        yield "registered", first.heard_at, first.registered_at


def _seat_until(group: Group, sessions: Sessions, kind: SessionKind, credential_id: str | None) -> datetime | None:
    """A day after the end of the last session of this kind (for this micro-credential) that a seat is held in."""
    ends = [session.ends_at + DAY for session in seats.held(group, sessions, kind, credential_id)]
    return max(ends, default=None)


def _deadlines(credentials: list[Credential], program: Program, programs: Programs) -> Iterator[Item]:
    """14, 7, 3 and 1 days before a deadline, and on its last local day, for those who have that step open.

    What the year does not list, or without clock hours, has no deadline in it: submitted then, it would earn nothing.
    """
    to_submit = [c for c in credentials if _to_submit(c) and program.grants(c.id)]
    to_revise = [c for c in credentials if _to_revise(c, program, programs)]
    for name, closes, open_ones in (
        ("submission", program.submission_deadline, to_submit),
        ("revision", program.revision_deadline, to_revise),
    ):
        ids = tuple(c.id for c in open_ones)
        for days in DAYS_BEFORE if ids else ():
            day = closes - timedelta(days=days)
            at, until = _midnight(program, day), _midnight(program, day + DAY)
            yield Item(Kind.DEADLINE, f"{name} {program.id}", f"{closes} {days}", at, until, ids, closes=closes)


def _to_submit(credential: Credential) -> bool:
    began = credential.registered_with_nea or credential.clock_hours_registration or credential.workshop
    return bool(began) and not credential.submitted


def _to_revise(credential: Credential, program: Program, programs: Programs) -> bool:
    """NEA asks for a revision of a submission that was in time and that this year's deadlines govern."""
    for review in credential.to_revise:
        of_it = (a for a in credential.attempts if a.submission_id == review.submission_id)
        first = next((a for a in of_it if a.number == 1), None)
        governed_by = programs.of(first.submitted_at if first else review.decided_at)
        if governed_by == program and not credential.late(review.submission_id):
            return True
    return False


def awake(program: Program, moment: datetime) -> datetime:
    """The first moment from this one on that is not in the night."""
    local = moment.astimezone(program.zone)
    if WAKES <= local.time() < RESTS:
        return moment
    day = local.date() + (DAY if local.time() >= RESTS else timedelta(0))
    return datetime.combine(day, WAKES, program.zone).astimezone(UTC)


def _midnight(program: Program, day: date) -> datetime:
    return datetime.combine(day, time.min, program.zone).astimezone(UTC)
