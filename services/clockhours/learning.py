"""What an event teaches: each fact goes to the account that it came under, and replaces the last word on its subject.

Part of policy.py: pure. Between accounts nothing depends on order; a merge is kept by its number for that reason.
"""

from collections.abc import Mapping
from typing import Any

from contracts import events
from contracts.enrollment import AttendanceData, ConflictData, DecisionData, MergeData
from contracts.event import EventData
from contracts.kinds import EntryKind, ExceptionKind
from contracts.kinds import ExceptionStatus as CaseStatus
from services.clockhours.ledger import exception_id
from services.clockhours.state import (
    Account,
    Attempt,
    AttemptKey,
    Attendance,
    ClockHours,
    Ground,
    Review,
)


def about(fact: EventData) -> tuple[str, ...]:
    """The ids of the accounts that the fact is about; the first is the one that keeps it."""
    match fact:
        case MergeData():
            return fact.merged_educator_id, fact.kept_educator_id
        case _:
            return (fact.key,)


def learn(account: Account, fact: EventData) -> Account:
    """The account with the fact; the same object where it teaches nothing new, as reservations do."""
    match fact:
        case AttendanceData():
            return _with(account, "attendances", fact.session_id, _attendance(fact))
        case events.ClockHoursRegistered():
            registration = ClockHours(in_force=True, at=fact.registered_at)
            return _with(account, "clock_hours", fact.micro_credential_id, registration)
        case events.ClockHoursWithdrawn():
            withdrawal = ClockHours(in_force=False, at=fact.withdrawn_at)
            return _with(account, "clock_hours", fact.micro_credential_id, withdrawal)
        case events.MicroCredentialRegistered():
            return _and(account, "registrations", (fact.learner_id, fact.micro_credential_id))
        case events.CredentialSubmitted():
            return _with(account, "attempts", _attempt_key(fact), Attempt(fact.submitted_at, fact.on_time))
        case DecisionData():
            review = Review(_attempt_key(fact), fact.decision, fact.decided_at)
            return _with(account, "reviews", (review.key, review.decided_at), review)
        case events.CredentialRevoked():
            key = (fact.learner_id, fact.micro_credential_id)
            # Only the newest matters: an award counts if it was decided after every revocation.
            newest = max(fact.revoked_at, account.revocations.get(key, fact.revoked_at))
            return _with(account, "revocations", key, newest)
        case events.LearnerUnlinked():
            return _without_learner(account, fact.learner_id)
        case MergeData():
            return _merged(account, fact)
        case events.EducatorErased():
            return account.but(erased=True)
        case events.ConflictOpened():
            return _and(_without_verdict(account, _ground(fact)), "conflicts", _ground(fact))
        case events.ConflictResolved():
            return account.but(conflicts=account.conflicts - {_ground(fact)})
        case _:
            return account


def _with(account: Account, field: str, key: Any, value: Any) -> Account:
    """The account with one more word on something, which replaces the last one."""
    known: Mapping[Any, Any] = getattr(account, field)
    if known.get(key) == value:
        return account
    changed: dict[str, Any] = {field: {**known, key: value}}
    return account.but(**changed)


def _and(account: Account, field: str, one: Any) -> Account:
    known: frozenset[Any] = getattr(account, field)
    changed: dict[str, Any] = {field: known | {one}}
    return account if one in known else account.but(**changed)


def _attendance(fact: AttendanceData) -> Attendance:
    return Attendance(
        session_id=fact.session_id,
        kind=EntryKind(fact.kind),
        minutes=fact.minutes,
        ended_at=fact.ended_at,
        micro_credential_id=fact.micro_credential_id,
    )


def _attempt_key(fact: events.CredentialSubmitted | DecisionData) -> AttemptKey:
    return AttemptKey(fact.learner_id, fact.micro_credential_id, fact.submission_id, fact.attempt)


def _without_learner(account: Account, learner_id: str) -> Account:
    """Staff unlink takes the effects of all that came with the learner back."""
    return account.but(
        registrations=frozenset(r for r in account.registrations if r[0] != learner_id),
        attempts={key: attempt for key, attempt in account.attempts.items() if key.learner_id != learner_id},
        reviews={key: review for key, review in account.reviews.items() if review.key.learner_id != learner_id},
        revocations={key: at for key, at in account.revocations.items() if key[0] != learner_id},
    )


def _without_verdict(account: Account, ground: Ground) -> Account:
    """What is told again after staff dismissed it has happened again: they look again."""
    id = exception_id(ground)
    case = account.cases.get(id)
    if case is None or case.status is not CaseStatus.DISMISSED:
        return account
    return account.but(cases={other: case for other, case in account.cases.items() if other != id})


def _merged(account: Account, fact: MergeData) -> Account:
    """Merges of one account come under different kept ids, so in no order: the higher number is the later one."""
    if fact.merge_number <= account.merge_number:
        return account
    kept = fact.kept_educator_id if isinstance(fact, events.EducatorsMerged) else None
    return account.but(merged_into=kept, merge_number=fact.merge_number)


def _ground(fact: ConflictData) -> Ground:
    return Ground(
        kind=ExceptionKind(fact.kind),
        educator_id=fact.educator_id,
        micro_credential_id=fact.micro_credential_id,
        session_id=fact.session_id,
        submission_id=fact.submission_id,
        attempt=fact.attempt,
        other_educator_id=fact.merged_educator_id or fact.holder_educator_id,
    )
