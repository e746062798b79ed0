"""What to publish when what is true of an educator differs from what was last told."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from contracts import events
from contracts.event import EventData
from contracts.kinds import ConflictKind, Decision, SessionKind
from services.enrollment.state import (
    ClockHours,
    Conflict,
    DecisionKey,
    JudgedAttempt,
    LearnerView,
    Profile,
    Reservation,
    Step,
    Verdict,
    View,
)

K = TypeVar("K")
V = TypeVar("V")

DecisionEvent = events.CredentialAwarded | events.CredentialDenied | events.CredentialReturned

DECISIONS: Mapping[Decision, type[DecisionEvent]] = {
    Decision.AWARDED: events.CredentialAwarded,
    Decision.DENIED: events.CredentialDenied,
    Decision.NOT_YET: events.CredentialReturned,
    Decision.INCOMPLETE: events.CredentialReturned,
}


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An EducatorProfile without data: who reads the topic from the start finds nobody."""

    educator_id: str


Announcement = EventData | Tombstone


def tell(educator_id: str, told: View, view: View) -> Iterator[Announcement]:
    """The events that bring readers from what was told to what is true, under the educator's own id."""
    for learner_id in told.learners.keys() - view.learners.keys():
        yield events.LearnerUnlinked(educator_id=educator_id, learner_id=learner_id)
    yield from _profile(educator_id, told, view)
    for session_id, step in changed(told.steps, view.steps):
        yield from _step(educator_id, session_id, told.steps.get(session_id), step)
    for session_id, reservation in changed(told.reservations, view.reservations):
        yield _reservation(educator_id, session_id, reservation)
    for credential, at in changed(told.registrations, view.registrations):
        yield events.MicroCredentialRegistered(
            educator_id=educator_id, micro_credential_id=credential, registered_at=at
        )
    for credential, hours in changed(told.clock_hours, view.clock_hours):
        yield _clock_hours(educator_id, credential, hours)
    for learner_id, learner in view.learners.items():
        yield from _learner(educator_id, learner_id, told.learners.get(learner_id, LearnerView()), learner)
    yield from _conflicts(educator_id, told, view)


def changed(before: Mapping[K, V], after: Mapping[K, V]) -> Iterator[tuple[K, V]]:
    """What is new or other, in the order in which it came."""
    return ((key, value) for key, value in after.items() if key not in before or before[key] != value)


def _profile(educator_id: str, told: View, view: View) -> Iterator[Announcement]:
    if view.erased and not told.erased:
        yield Tombstone(educator_id)
        yield events.EducatorErased(educator_id=educator_id)
    elif view.profile is not None and view.profile != told.profile:
        yield _whole(educator_id, view.profile)


def _whole(educator_id: str, profile: Profile) -> events.EducatorProfile:
    return events.EducatorProfile(
        educator_id=educator_id,
        name=profile.name,
        email=profile.email,
        nea_member_id=profile.nea_member_id,
        certificate_number=profile.certificate_number,
        roles=profile.roles,
        district=profile.district,
    )


def _step(educator_id: str, session_id: str, told: Step | None, step: Step) -> Iterator[Announcement]:
    """Told when it comes to do its step, or does it for another; from then on every other credit or name is corrected.

    Other minutes attended that leave the credit alone are kept with what was told, and are no news.
    """
    if told is not None and replace(told, attended_minutes=step.attended_minutes) == step:
        return
    data: dict[str, Any] = {
        "educator_id": educator_id,
        "session_id": session_id,
        "kind": step.kind,
        "minutes": step.minutes,
        "attended_minutes": step.attended_minutes,
        "ended_at": step.ended_at,
        "micro_credential_id": step.micro_credential_id,
    }
    if step.minutes and (told is None or told.minutes in (0, step.minutes)):
        is_orientation = step.kind is SessionKind.ORIENTATION
        yield events.OrientationCompleted(**data) if is_orientation else events.WorkshopAttended(**data)
    elif step.was_told:
        yield events.AttendanceCorrected(**data, reason=step.reason)


def _reservation(educator_id: str, session_id: str, reservation: Reservation) -> Announcement:
    kind = events.SessionReserved if reservation.reserved else events.ReservationCancelled
    return kind(educator_id=educator_id, session_id=session_id, micro_credential_id=reservation.micro_credential_id)


def _clock_hours(educator_id: str, credential: str, hours: ClockHours) -> Announcement:
    if hours.registered:
        return events.ClockHoursRegistered(
            educator_id=educator_id, micro_credential_id=credential, registered_at=hours.at
        )
    return events.ClockHoursWithdrawn(
        educator_id=educator_id, micro_credential_id=credential, withdrawn_at=hours.at, reason=hours.reason
    )


def _learner(educator_id: str, learner_id: str, told: LearnerView, view: LearnerView) -> Iterator[Announcement]:
    who: dict[str, Any] = {"educator_id": educator_id, "learner_id": learner_id}
    for credential, at in changed(told.registrations, view.registrations):
        yield events.MicroCredentialRegistered(**who, micro_credential_id=credential, registered_at=at)
    for (credential, submission, attempt), judged in changed(told.attempts, view.attempts):
        yield _submitted(who, credential, submission, attempt, judged)
    # All of it is told at once where a learner is matched late: what was taken back must not be due in between, and of
    # several awards the earliest must be heard of first, since it completes.
    for (credential, revoked_at), reason in changed(told.revocations, view.revocations):
        yield events.CredentialRevoked(**who, micro_credential_id=credential, revoked_at=revoked_at, reason=reason)
    for key, verdict in sorted(changed(told.decisions, view.decisions), key=_decided_at):
        yield _decided(who, key, verdict)


def _decided_at(decision: tuple[DecisionKey, Verdict]) -> datetime:
    (*_, decided_at), _ = decision
    return decided_at


def _submitted(
    who: dict[str, Any], credential: str, submission: str, attempt: int, judged: JudgedAttempt
) -> Announcement:
    return events.CredentialSubmitted(
        **who,
        micro_credential_id=credential,
        submission_id=submission,
        attempt=attempt,
        submitted_at=judged.submitted_at,
        deadline=judged.deadline,
        on_time=judged.on_time,
    )


def _decided(who: dict[str, Any], key: DecisionKey, verdict: Verdict) -> Announcement:
    credential, submission, attempt, decided_at = key
    return DECISIONS[verdict.decision](
        **who,
        micro_credential_id=credential,
        submission_id=submission,
        attempt=attempt,
        decision=verdict.decision,
        decided_at=decided_at,
        credential_url=verdict.credential_url,
    )


def _conflicts(educator_id: str, told: View, view: View) -> Iterator[Announcement]:
    for conflict in told.conflicts:
        if conflict not in view.conflicts:
            yield events.ConflictResolved(educator_id=educator_id, **_case(conflict))
    for conflict in view.conflicts:
        if conflict not in told.conflicts:
            yield events.ConflictOpened(educator_id=educator_id, **_case(conflict))
    for session_id, _ in changed(told.disputes, view.disputes):
        yield events.ConflictOpened(
            educator_id=educator_id, kind=ConflictKind.ATTENDANCE_CONFLICT, session_id=session_id
        )


def _case(conflict: Conflict) -> dict[str, Any]:
    return {
        "kind": conflict.kind,
        "session_id": conflict.session_id,
        "holder_educator_id": conflict.holder_educator_id,
    }
