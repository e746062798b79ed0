"""Why staff should look at an educator: every cause of an exception that holds now.

Part of policy.py: pure. A cause belongs to the account that its fact came under, hours held too long to the educator.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from contracts.kinds import EntryKind, ExceptionKind
from services.clockhours.evidence import Evidence
from services.clockhours.state import Account, Attendance, Ground, HeldRow


def grounds(evidence: Evidence, held: Iterable[HeldRow], now: datetime) -> Iterator[Ground]:
    """All causes, over all accounts of the educator."""
    alert_after = timedelta(days=evidence.programs.current(now).held_alert_days)
    for row in held:
        if now - row.since > alert_after:
            yield Ground(ExceptionKind.HELD_TOO_LONG, row.educator_id, row.micro_credential_id)
    named = {a.session_id for _, a in evidence.attended if a.micro_credential_id is not None}
    for account in evidence.accounts:
        yield from account.conflicts
        for attendance in account.attendances.values():
            if attendance.minutes > 0:
                yield from _of_attendance(account, attendance, evidence, named)
        yield from _of_attempts(account, evidence)
        yield from _of_reviews(account, evidence)
        yield from _of_catalogue(account, evidence)


def _of_attendance(account: Account, attendance: Attendance, evidence: Evidence, named: set[str]) -> Iterator[Ground]:
    session_id = attendance.session_id
    if attendance.kind is EntryKind.WORKSHOP and session_id not in named:
        yield Ground(ExceptionKind.UNALLOCATED, account.educator_id, session_id=session_id)
    if evidence.programs.of(attendance.ended_at) is None:
        told = (c.session_id for c in account.conflicts if c.kind is ExceptionKind.NO_PROGRAM_YEAR)
        if session_id not in told:  # enrollment has the same case
            yield Ground(ExceptionKind.NO_PROGRAM_YEAR, account.educator_id, session_id=session_id)


def _of_attempts(account: Account, evidence: Evidence) -> Iterator[Ground]:
    """Late attempts, and first attempts that no loaded year holds. Accepted or not: an accepted one stays late."""
    for key, _ in account.each_attempt():
        submission = evidence.credentials[key.micro_credential_id].submissions[key.submission_id]
        subject = (account.educator_id, key.micro_credential_id, None, key.submission_id, key.attempt)
        if evidence.in_time(submission, key.attempt) is False:
            yield Ground(ExceptionKind.LATE_ATTEMPT, *subject)
        if key.attempt == 1 and submission.year is None:
            yield Ground(ExceptionKind.NO_PROGRAM_YEAR, *subject)


def _of_reviews(account: Account, evidence: Evidence) -> Iterator[Ground]:
    """Decisions that take back what was awarded. Within a submission they are ordered by (attempt, decided_at)."""
    for review in account.each_review():
        if review.awarded:
            continue
        key = review.key
        submission = evidence.credentials[key.micro_credential_id].submissions[key.submission_id]
        if any((a.key.attempt, a.decided_at) < (key.attempt, review.decided_at) for a in submission.awards):
            subject = (account.educator_id, key.micro_credential_id, None, key.submission_id, key.attempt)
            yield Ground(ExceptionKind.DECISION_CONFLICT, *subject)


def _of_catalogue(account: Account, evidence: Evidence) -> Iterator[Ground]:
    for micro_credential_id in _named(account):
        credential = evidence.credentials[micro_credential_id]
        governing = (s.year for s in credential.submissions.values() if s.year is not None)
        unlisted = any(micro_credential_id not in year.catalogue for year in governing)
        if unlisted or evidence.programs.catalogue_entry(micro_credential_id) is None:
            yield Ground(ExceptionKind.NOT_IN_CATALOGUE, account.educator_id, micro_credential_id)
    for review in account.each_review():
        key = review.key
        credential = evidence.credentials[key.micro_credential_id]
        if review.awarded and credential.counts(review):
            year = credential.submissions[key.submission_id].year
            listed = year.catalogue.get(key.micro_credential_id) if year else None
            listed = listed or evidence.programs.catalogue_entry(key.micro_credential_id)
            if listed is not None and not listed.eligible:
                yield Ground(ExceptionKind.NOT_ELIGIBLE, account.educator_id, key.micro_credential_id)


def _named(account: Account) -> set[str]:
    """Every micro-credential that a registration, workshop, submission or decision of this account names."""
    workshops = (a for a in account.attendances.values() if a.kind is EntryKind.WORKSHOP)
    return {
        *account.registrations,
        *(a.micro_credential_id for a in workshops if a.micro_credential_id is not None),
        *account.clock_hours,
        *account.attempts,
        *account.reviews,
    }
