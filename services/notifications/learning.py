"""What each event teaches: pure functions of (what is known, the event). Order across topics does not matter here."""

from dataclasses import replace
from datetime import datetime

from contracts import events
from contracts.events import EventData
from contracts.kinds import SessionKind
from services.notifications.state import (
    Attempt,
    Attendance,
    Case,
    Educator,
    Entry,
    Held,
    Profile,
    Registration,
    Registry,
    Reservation,
    Review,
    Revocation,
    Session,
)


def learn(educator: Educator, fact: EventData, event_id: str, heard_at: datetime, now: datetime) -> Educator:
    """Add one fact to what is known of the educator it came under. Merges and erasure have functions of their own."""
    if educator.erased:
        return educator  # later facts are ids only, and nobody is left to be told of them
    match fact:
        case events.EducatorProfile():
            return _profile(educator, fact, heard_at)
        case events.OrientationCompleted() | events.WorkshopAttended() | events.AttendanceCorrected():
            return _attendance(educator, fact, heard_at)
        case events.SessionReserved() | events.ReservationCancelled():
            return _reservation(educator, fact, event_id, heard_at)
        case events.MicroCredentialRegistered() | events.ClockHoursRegistered() | events.ClockHoursWithdrawn():
            return _registration(educator, fact, heard_at)
        case events.CredentialSubmitted():
            return _attempt(educator, fact, heard_at)
        case events.CredentialReturned() | events.CredentialAwarded() | events.CredentialDenied():
            return _review(educator, fact, heard_at)
        case events.CredentialRevoked():
            revoked = Revocation(fact.micro_credential_id, fact.revoked_at, heard_at, fact.learner_id)
            return replace(educator, revocations={**educator.revocations, revoked.key: revoked})
        case events.LearnerUnlinked():
            return unlink(educator, fact.learner_id)
        case events.ClockHoursAwarded() | events.ClockHoursReversed():
            return _entry(educator, fact, heard_at)
        case events.ClockHoursHeld():
            return _held(educator, fact, heard_at)
        case events.ExceptionOpened() | events.ExceptionResolved():
            return _case(educator, fact, heard_at, now)
        case _:
            return educator


def _profile(educator: Educator, fact: events.EducatorProfile, heard_at: datetime) -> Educator:
    known = educator.profile
    profile = Profile(fact.name, fact.email, known.first_heard_at if known else heard_at)
    moved = known is not None and known.email != fact.email
    # Links in mail to the old address become void: somebody else may read that mailbox now.
    return replace(educator, profile=profile, link_epoch=educator.link_epoch + moved)


def _attendance(
    educator: Educator,
    fact: events.OrientationCompleted | events.WorkshopAttended | events.AttendanceCorrected,
    heard_at: datetime,
) -> Educator:
    attended = Attendance(
        fact.session_id, SessionKind(fact.kind), fact.minutes, fact.ended_at, fact.micro_credential_id, heard_at
    )
    return replace(educator, attendances={**educator.attendances, attended.key: attended})


def _reservation(
    educator: Educator, fact: events.SessionReserved | events.ReservationCancelled, event_id: str, heard_at: datetime
) -> Educator:
    known = educator.reservations.get(fact.session_id)
    cancelled = isinstance(fact, events.ReservationCancelled)
    if known is None:
        seat = Reservation(
            fact.session_id, fact.micro_credential_id, event_id, heard_at, cancelled, calendar_of=educator.id
        )
    elif known.cancelled == cancelled:  # the same seat, perhaps for another micro-credential: no news to mail
        seat = replace(known, micro_credential_id=fact.micro_credential_id)
    else:
        told = known.told_revision if cancelled else None
        seat = replace(
            known,
            # Giving a seat up need not say again what it was for.
            micro_credential_id=fact.micro_credential_id or (known.micro_credential_id if cancelled else None),
            cause=event_id,
            heard_at=heard_at,
            cancelled=cancelled,
            told_revision=told,
        )
    return replace(educator, reservations={**educator.reservations, seat.key: seat})


def _registration(
    educator: Educator,
    fact: events.MicroCredentialRegistered | events.ClockHoursRegistered | events.ClockHoursWithdrawn,
    heard_at: datetime,
) -> Educator:
    match fact:
        case events.MicroCredentialRegistered():
            made = Registration(
                Registry.NEA, fact.micro_credential_id, fact.registered_at, heard_at, learner_id=fact.learner_id
            )
        case events.ClockHoursRegistered():
            made = Registration(Registry.CLOCK_HOURS, fact.micro_credential_id, fact.registered_at, heard_at)
        case events.ClockHoursWithdrawn():
            at = fact.withdrawn_at
            made = Registration(Registry.CLOCK_HOURS, fact.micro_credential_id, at, heard_at, withdrawn_at=at)
    return replace(educator, registrations={**educator.registrations, made.key: made})


def _attempt(educator: Educator, fact: events.CredentialSubmitted, heard_at: datetime) -> Educator:
    attempt = Attempt(
        fact.micro_credential_id,
        fact.submission_id,
        fact.attempt,
        fact.submitted_at,
        fact.deadline,
        fact.on_time,
        heard_at,
        fact.learner_id,
    )
    return replace(educator, attempts={**educator.attempts, attempt.key: attempt})


def _review(
    educator: Educator,
    fact: events.CredentialReturned | events.CredentialAwarded | events.CredentialDenied,
    heard_at: datetime,
) -> Educator:
    review = Review(
        fact.micro_credential_id,
        fact.submission_id,
        fact.attempt,
        fact.decision,
        fact.decided_at,
        heard_at,
        fact.learner_id,
    )
    return replace(educator, reviews={**educator.reviews, review.key: review})


def unlink(educator: Educator, learner_id: str) -> Educator:
    """Take back all that came from a learner who turned out to be someone else."""
    return replace(
        educator,
        registrations={k: r for k, r in educator.registrations.items() if r.learner_id != learner_id},
        attempts={k: a for k, a in educator.attempts.items() if a.learner_id != learner_id},
        reviews={k: r for k, r in educator.reviews.items() if r.learner_id != learner_id},
        revocations={k: r for k, r in educator.revocations.items() if r.learner_id != learner_id},
    )


def _entry(
    educator: Educator, fact: events.ClockHoursAwarded | events.ClockHoursReversed, heard_at: datetime
) -> Educator:
    entry = Entry(
        fact.entry_id,
        fact.kind,
        fact.minutes,
        fact.micro_credential_id,
        fact.session_id,
        fact.designations,
        fact.completed_at,
        fact.granted_at,
        fact.reverses,
        heard_at,
    )
    return replace(educator, entries={**educator.entries, entry.key: entry})


def _held(educator: Educator, fact: events.ClockHoursHeld, heard_at: datetime) -> Educator:
    held = {k: v for k, v in educator.held.items() if k != fact.micro_credential_id}
    if fact.missing:
        held[fact.micro_credential_id] = Held(fact.micro_credential_id, fact.minutes, fact.missing, heard_at)
    return replace(educator, held=held)


def _case(
    educator: Educator, fact: events.ExceptionOpened | events.ExceptionResolved, heard_at: datetime, now: datetime
) -> Educator:
    cases = {k: v for k, v in educator.cases.items() if k != fact.exception_id}
    if isinstance(fact, events.ExceptionOpened):
        cases[fact.exception_id] = Case(
            fact.exception_id, fact.kind, fact.micro_credential_id, fact.session_id, fact.opened_at, heard_at, now
        )
    return replace(educator, cases=cases)


def merge(educator: Educator, kept_id: str | None, number: int) -> Educator:
    """Read this account under another id from now on (None: under its own again). The highest number seen holds."""
    if number <= educator.merge_number:
        return educator
    # Its links show one account; the page of the kept one shows both.
    return replace(educator, alias_of=kept_id, merge_number=number, link_epoch=educator.link_epoch + 1)


def erase(educator: Educator) -> Educator:
    """Forget the person. What stays says only that there is nobody to write to."""
    return Educator(
        educator.id,
        alias_of=educator.alias_of,
        merge_number=educator.merge_number,
        erased=True,
        link_epoch=educator.link_epoch + 1,
    )


def learn_session(
    session: Session | None, fact: events.SessionScheduled | events.SessionCancelled, heard_at: datetime
) -> Session | None:
    """The session as now planned. Its revision rises when people who hold a seat should hear of it."""
    if isinstance(fact, events.SessionCancelled):
        if session is None or session.cancelled:
            return session
        return replace(session, cancelled=True, reason=fact.reason, revision=session.revision + 1, heard_at=heard_at)
    planned = Session(
        fact.session_id,
        fact.kind,
        fact.title,
        fact.starts_at,
        fact.ends_at,
        fact.location,
        fact.registration_url,
        revision=session.revision if session else 0,
        heard_at=session.heard_at if session else heard_at,
    )
    if session is None or planned == session:
        return planned
    return replace(planned, revision=session.revision + 1, heard_at=heard_at)
