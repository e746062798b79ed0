"""What an event teaches: each fact goes to the account that it came under, and replaces the last word on its subject.

Part of policy.py: pure. Between accounts nothing depends on order; a merge is kept by its number for that reason.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from contracts import events
from contracts.enrollment import AttendanceData, ConflictData, DecisionData, MergeData
from contracts.event import EventData
from contracts.kinds import EntryKind, ExceptionKind
from contracts.kinds import ExceptionStatus as CaseStatus
from services.clockhours.kept import Kept, Known
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

V = TypeVar("V")


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
            learners = account.registrations.get(fact.micro_credential_id, frozenset())
            return _with(account, "registrations", fact.micro_credential_id, learners | {fact.learner_id})
        case events.CredentialSubmitted():
            attempts = account.attempts.get(fact.micro_credential_id, {})
            attempt = Attempt(fact.submitted_at, fact.on_time)
            return _with(account, "attempts", fact.micro_credential_id, {**attempts, _attempt_key(fact): attempt})
        case DecisionData():
            review = Review(_attempt_key(fact), fact.decision, fact.decided_at)
            reviews = account.reviews.get(fact.micro_credential_id, {})
            key = (review.key, review.decided_at)
            return _with(account, "reviews", fact.micro_credential_id, {**reviews, key: review})
        case events.CredentialRevoked():
            revoked = account.revocations.get(fact.micro_credential_id, {})
            # Only the newest matters: an award counts if it was decided after every revocation.
            newest = max(fact.revoked_at, revoked.get(fact.learner_id, fact.revoked_at))
            return _with(account, "revocations", fact.micro_credential_id, {**revoked, fact.learner_id: newest})
        case events.LearnerUnlinked():
            return _without_learner(account, fact.learner_id)
        case MergeData():
            return _merged(account, fact)
        case events.EducatorErased():
            return account.but(erased=True)
        case events.ConflictOpened():
            ground = _ground(fact)
            account = _without_verdict(account, ground)
            return account if ground in account.conflicts else account.but(conflicts=account.conflicts | {ground})
        case events.ConflictResolved():
            return account.but(conflicts=account.conflicts - {_ground(fact)})
        case _:
            return account


def _with(account: Account, field: str, key: Any, value: Any) -> Account:
    """The account with one more word on something, which replaces the last one."""
    known: Kept[Any, Any] = getattr(account, field)
    if known.get(key) == value:
        return account
    changed: dict[str, Any] = {field: known.put(key, value)}
    return account.but(**changed)


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
        registrations=_filtered(account.registrations, lambda learners: learners - {learner_id}),
        attempts=_filtered(
            account.attempts, lambda known: {k: v for k, v in known.items() if k.learner_id != learner_id}
        ),
        reviews=_filtered(
            account.reviews, lambda known: {k: v for k, v in known.items() if k[0].learner_id != learner_id}
        ),
        revocations=_filtered(account.revocations, lambda known: {k: at for k, at in known.items() if k != learner_id}),
    )


def _filtered(known: Kept[str, V], left: Callable[[V], V]) -> Kept[str, V]:
    """What is left by micro-credential. Nothing left is no word on it."""
    return Known({id: rest for id, of_it in known.items() if (rest := left(of_it))})


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
