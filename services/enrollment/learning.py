"""Learning: one accepted event into the register that it belongs to, and whom that concerns."""

from dataclasses import dataclass, replace

from contracts import events, nea, portal
from contracts.kinds import ConflictKind
from services.enrollment import attendance, identity, merging, submissions
from services.enrollment.state import (
    MOST_CREDENTIALS,
    MOST_SESSIONS,
    ClockHours,
    Educator,
    Outcome,
    Plan,
    Profile,
    Reservation,
    Schedule,
    Stamp,
    newest,
)
from services.enrollment.submissions import FullError, check_room, written
from services.enrollment.telling import Announcement
from services.enrollment.world import World


@dataclass(frozen=True, slots=True)
class PortalFact:
    """One accepted event of the portal."""

    stamp: Stamp
    said: portal.PortalData


@dataclass(frozen=True, slots=True)
class NeaFact:
    """One accepted webhook of NEA, stamped with its own timestamp and webhook-id."""

    stamp: Stamp
    said: nea.NeaData
    learner_id: str


Fact = PortalFact | NeaFact


@dataclass(frozen=True, slots=True)
class Learned:
    """What a fact became, whom it concerns, and what arrival alone decides to tell."""

    outcome: Outcome
    changed: frozenset[str] = frozenset()
    announcements: tuple[Announcement, ...] = ()


def learn(draft: World, fact: Fact) -> Learned:
    """Put one fact into the register that it belongs to."""
    match fact:
        case NeaFact():
            return _learn_of_learner(draft, fact)
        case PortalFact():
            return _learn_from_portal(draft, fact)


def _learn_from_portal(draft: World, fact: PortalFact) -> Learned:
    match fact.said:
        case portal.EducatorMerged() | portal.EducatorUnmerged():
            return _learn_of_merge(draft, fact.said)
        case portal.EducatorErased(educator_id=educator_id):
            return Learned(Outcome.APPLIED, frozenset(merging.erase(draft, educator_id)))
        case portal.SessionScheduled() | portal.SessionCancelled():
            return _learn_of_session(draft, fact)
        case _:
            return _learn_of_educator(draft, fact)


def _learn_of_learner(draft: World, fact: NeaFact) -> Learned:
    said = fact.said
    known = draft.learner(fact.learner_id)
    named = identity.introduce(known, said.learner.nea_member_id, said.learner.email)
    try:
        learner, outcome = submissions.learn(named, said, fact.stamp)
    except FullError:
        return Learned(Outcome.APPLIED, announcements=_too_many_attempts(known.bound_to, said))
    learner = identity.bind(draft, learner)
    if learner.bound_to is None:
        return Learned(Outcome.UNMATCHED if outcome is Outcome.APPLIED else outcome)
    return Learned(outcome, frozenset({learner.bound_to}))


def _learn_of_merge(draft: World, said: portal.EducatorMerged | portal.EducatorUnmerged) -> Learned:
    kept, merged = said.kept_educator_id, said.merged_educator_id
    if isinstance(said, portal.EducatorMerged):
        changed, done = merging.merge(draft, kept, merged)
        if not done:
            refused = events.ConflictOpened(
                educator_id=kept, kind=ConflictKind.MERGE_CONFLICT, merged_educator_id=merged
            )
            return Learned(Outcome.APPLIED, frozenset(changed), (refused,))
        kind: type[events.EducatorsMerged] | type[events.EducatorsUnmerged] = events.EducatorsMerged
    else:
        changed, done = merging.unmerge(draft, kept, merged)
        if not done:
            return Learned(Outcome.SUPERSEDED, frozenset(changed))
        kind = events.EducatorsUnmerged
    number = draft.educator(merged).merge_number
    told = kind(educator_id=kept, kept_educator_id=kept, merged_educator_id=merged, merge_number=number)
    return Learned(Outcome.APPLIED, frozenset(changed), (told,))


def _learn_of_session(draft: World, fact: PortalFact) -> Learned:
    """Scheduled and cancelled are one register: the newest says whether, and as what, a session takes place."""
    said = fact.said
    told: events.SessionScheduled | events.SessionCancelled
    match said:
        case portal.SessionScheduled():
            schedule = Schedule(
                said.kind, said.title, said.starts_at, said.ends_at, said.location, said.registration_url
            )
            plan, told = Plan(schedule), events.SessionScheduled.model_validate(said.model_dump())
        case portal.SessionCancelled():
            plan, told = Plan(None, said.reason), events.SessionCancelled.model_validate(said.model_dump())
        case _:
            raise TypeError(type(said).__name__)
    session = draft.session(said.session_id)
    register = newest((session.plan, fact.stamp.on(plan)))
    if register is session.plan:
        return Learned(Outcome.SUPERSEDED)
    draft.put(replace(session, plan=register, judged_to="" if draft.crowded else None))
    news = () if session.plan is not None and session.plan.value == plan else (told,)
    return Learned(Outcome.APPLIED, frozenset() if draft.crowded else draft.attendees(session.id), news)


def _learn_of_educator(draft: World, fact: PortalFact) -> Learned:
    educator = draft.educator(fact.said.key)
    if isinstance(fact.said, portal.EducatorUpdated):
        return _learn_profile(draft, educator, fact.said, fact.stamp)
    try:
        changed, outcome = _registered(educator, fact)
        check_room(changed.sessions, MOST_SESSIONS)
    except FullError:
        return Learned(Outcome.APPLIED, frozenset({educator.id}), _record_full(fact.said))
    draft.put(changed)
    draft.joined |= changed.attendances.keys() - educator.attendances.keys()
    return Learned(outcome, frozenset({educator.id}))


def _learn_profile(draft: World, educator: Educator, said: portal.EducatorUpdated, stamp: Stamp) -> Learned:
    told = Profile(said.name, said.email, said.nea_member_id, said.certificate_number, tuple(said.roles), said.district)
    profile = newest((educator.profile, stamp.on(told)))
    if educator.erased or profile is educator.profile:
        return Learned(Outcome.SUPERSEDED)
    return Learned(Outcome.APPLIED, frozenset(merging.update_profile(draft, replace(educator, profile=profile))))


def _registered(educator: Educator, fact: PortalFact) -> tuple[Educator, Outcome]:
    """Put a fact into its register of the educator's document. Raises FullError."""
    said, stamp = fact.said, fact.stamp
    match said:
        case portal.SessionAttended():
            return attendance.attend(educator, said)
        case portal.AttendanceCorrected():
            return attendance.correct(educator, said, stamp)
        case portal.SessionReserved() | portal.ReservationCancelled():
            reserved = isinstance(said, portal.SessionReserved)
            seat = Reservation(reserved, said.micro_credential_id)
            reservations, outcome = written(educator.reservations, said.session_id, stamp.on(seat))
            return replace(educator, reservations=reservations), outcome
        case portal.MicroCredentialRegistered():
            registrations, outcome = written(
                educator.registrations, said.micro_credential_id, stamp.on(said.registered_at)
            )
            check_room(registrations, MOST_CREDENTIALS)
            return replace(educator, registrations=registrations), outcome
        case portal.ClockHoursRegistered():
            return _register_clock_hours(
                educator, said.micro_credential_id, ClockHours(True, said.registered_at), stamp
            )
        case portal.ClockHoursWithdrawn():
            withdrawn = ClockHours(False, said.withdrawn_at, said.reason)
            return _register_clock_hours(educator, said.micro_credential_id, withdrawn, stamp)
        case _:
            raise TypeError(type(said).__name__)


def _register_clock_hours(
    educator: Educator, credential: str, hours: ClockHours, stamp: Stamp
) -> tuple[Educator, Outcome]:
    clock_hours, outcome = written(educator.clock_hours, credential, stamp.on(hours))
    check_room(clock_hours, MOST_CREDENTIALS)
    return replace(educator, clock_hours=clock_hours), outcome


def _record_full(said: portal.PortalData) -> tuple[Announcement, ...]:
    """The educator's record holds as much as it may: staff see it, and what came beyond is not taken in."""
    session_id, credential = getattr(said, "session_id", None), getattr(said, "micro_credential_id", None)
    return (
        events.ConflictOpened(
            educator_id=said.key,
            kind=ConflictKind.ATTENDANCE_CONFLICT,
            session_id=session_id,
            micro_credential_id=credential,
        ),
    )


def _too_many_attempts(educator_id: str | None, said: nea.NeaData) -> tuple[Announcement, ...]:
    if educator_id is None:
        return ()
    return (
        events.ConflictOpened(
            educator_id=educator_id,
            kind=ConflictKind.DECISION_CONFLICT,
            micro_credential_id=said.micro_credential_id,
            submission_id=getattr(said, "submission_id", None),
            attempt=getattr(said, "attempt", None),
        ),
    )
