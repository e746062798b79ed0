"""What an educator has done, read over all accounts that are this educator: which steps are taken, what is due.

Part of policy.py: pure. Nothing here asks when something was heard of, only when it happened: so every order of
arrival ends in the same evidence.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from contracts.kinds import EntryKind, ExceptionKind, MissingStep
from contracts.kinds import ExceptionStatus as CaseStatus
from contracts.program import CatalogueEntry, Program, Programs
from services.clockhours.scope import Scope, narrowed
from services.clockhours.state import Account, Attempt, Attendance, ClockHours, Review

AcceptedAttempt = tuple[str, str, int]  # micro-credential, submission, attempt


@dataclass(slots=True)
class Submission:
    """One submission to NEA. Attempts are numbered within it; each submission stands alone."""

    submission_id: str
    attempts: dict[int, Attempt] = field(default_factory=dict)
    awards: list[Review] = field(default_factory=list)
    year: Program | None = None  # that governs it: the one that holds attempt 1's submitted_at


@dataclass(slots=True)
class Credential:
    """One micro-credential, as far as this educator has gone."""

    micro_credential_id: str
    registration: ClockHours | None = None
    revoked_at: datetime | None = None  # the newest
    seen: bool = False  # a registration, workshop, submission or decision; a revocation alone is none
    submissions: dict[str, Submission] = field(default_factory=dict)

    def counts(self, award: Review) -> bool:
        """An award counts if it was decided after every revocation of the micro-credential."""
        return self.revoked_at is None or award.decided_at > self.revoked_at

    @property
    def registered_at(self) -> datetime | None:
        """When the educator registered for its clock hours; None when not, or withdrawn since."""
        if self.registration is None or not self.registration.in_force:
            return None
        return self.registration.at


@dataclass(frozen=True, slots=True)
class Award:
    """An award that counts, of a submission that is on time: what makes hours due."""

    decided_at: datetime
    submission: Submission


class Evidence:
    """The union of the accounts of one educator; of a scope alone, where one is given."""

    def __init__(self, accounts: Iterable[Account], programs: Programs, scope: Scope | None = None) -> None:
        whole = sorted(accounts, key=lambda account: account.educator_id)
        self.oriented = any(_orients(a) for one in whole for a in one.attendances.naming([EntryKind.ORIENTATION]))
        self.accounts = tuple(whole if scope is None else (narrowed(account, scope) for account in whole))
        self.programs = programs
        self.accepted = frozenset(_accepted(self.accounts))
        self.credentials = _credentials(self.accounts, programs)
        self.attended = [(a.educator_id, attendance) for a in self.accounts for attendance in a.attendances.values()]
        done = [attendance for _, attendance in self.attended if attendance.minutes > 0]
        self.ways_open = {
            attendance.micro_credential_id for attendance in done if attendance.kind is EntryKind.WORKSHOP
        }
        # Only where a merge has joined accounts may two have attended one session.
        self._first_ends = _first_ends(done, programs) if len(self.accounts) > 1 else {}
        self._due = {(a.kind, a.session_id, a.minutes, a.ended_at) for a in done}

    def ended_first(self, session_id: str | None, ended_at: datetime) -> bool:
        """Whether of this workshop no account attended a double that grants hours and ended earlier."""
        return session_id is None or ended_at <= self._first_ends.get(session_id, ended_at)

    def still_due(self, kind: EntryKind, session_id: str | None, minutes: int, ended_at: datetime) -> bool:
        """Whether an attendance grants these very minutes now, completed when they were."""
        return (kind, session_id, minutes, ended_at) in self._due

    def attendances(self, kind: EntryKind) -> list[Attendance]:
        """Those that grant hours, the one that ended earliest first."""
        found = [(a.ended_at, a.session_id, own, a) for own, a in self.attended if a.kind is kind and a.minutes > 0]
        return [attendance for *_, attendance in sorted(found, key=lambda row: row[:3])]

    # -- deadlines

    def in_time(self, submission: Submission, number: int) -> bool | None:
        """Whether an attempt met its own deadline; None while it is unseen or cannot be judged.

        Enrollment's judgement is taken where there is one. Where there is none (a year that was loaded later, attempts
        that a merge has brought together) the same rule is applied here.
        """
        attempt = submission.attempts.get(number)
        if attempt is None or attempt.on_time is not None:
            return attempt.on_time if attempt else None
        if submission.year is None:
            return None
        year = submission.year
        return attempt.submitted_at < (year.submission_closes if number == 1 else year.revision_closes)

    def counts_as_on_time(self, credential: Credential, submission: Submission, number: int) -> bool:
        """The attempt, and attempt 1 before it, met their deadlines or were accepted by staff."""
        return all(
            self.in_time(submission, n) is True
            or (
                (credential.micro_credential_id, submission.submission_id, n) in self.accepted
                and n in submission.attempts
            )
            for n in {1, number}
        )

    # -- micro-credential hours

    def awards(self, credential: Credential) -> list[Award]:
        """Every award that would do by itself: it counts, and its submission is on time. The earliest first."""
        found = [
            Award(award.decided_at, submission)
            for submission in credential.submissions.values()
            for award in submission.awards
            if credential.counts(award) and self.counts_as_on_time(credential, submission, award.key.attempt)
        ]
        return sorted(found, key=lambda award: (award.decided_at, award.submission.submission_id))

    def prepared(self, credential: Credential) -> bool:
        """Whether all that the educator does with WEA is done for it."""
        return (
            self.oriented and credential.micro_credential_id in self.ways_open and credential.registered_at is not None
        )

    def missing(self, credential: Credential) -> tuple[MissingStep, ...]:
        """What its hours wait for, in the order in which it is told. Asked only while there is no grant."""
        submissions = credential.submissions.values()
        lacking = {
            MissingStep.ORIENTATION: not self.oriented,
            MissingStep.WORKSHOP: credential.micro_credential_id not in self.ways_open,
            MissingStep.CLOCK_HOURS_REGISTRATION: credential.registered_at is None,
            MissingStep.ON_TIME_SUBMISSION: not any(self._on_time(credential, s) for s in submissions),
            MissingStep.AWARD: not any(credential.counts(award) for s in submissions for award in s.awards),
        }
        # One submission on time and another awarded: each by itself is there, and what is lacking is one that is both.
        return tuple([step for step in MissingStep if lacking[step]]) or (MissingStep.AWARD,)

    def _on_time(self, credential: Credential, submission: Submission) -> bool:
        """First attempt on time, and the awarded attempt, if there is one. An award that counts goes before others."""
        awards = [award for award in submission.awards if credential.counts(award)] or submission.awards
        numbers = [award.key.attempt for award in awards] or [1]
        return any(self.counts_as_on_time(credential, submission, number) for number in numbers)

    def governing(self, credential: Credential) -> list[Program]:
        """The years that govern its submissions: of those on time first, then of the earliest."""
        found = [submission for submission in credential.submissions.values() if submission.year is not None]
        if len(found) > 1:
            found.sort(
                key=lambda submission: (
                    not self.counts_as_on_time(credential, submission, 1),
                    submission.attempts[1].submitted_at,
                    submission.submission_id,
                )
            )
        return [submission.year for submission in found if submission.year is not None]

    def listing(self, credential: Credential, now: datetime) -> CatalogueEntry | None:
        """The catalogue entry that its held row is read from; None where no loaded year lists it with clock hours.

        The governing year's, where a first attempt has settled that; else the current year's, else the newest with it.
        """
        for year in (*self.governing(credential), self.programs.current(now), *reversed(self.programs.years)):
            entry = year.catalogue.get(credential.micro_credential_id)
            if entry is not None and entry.eligible:
                return entry
        return None


def _orients(attendance: Attendance) -> bool:
    return attendance.kind is EntryKind.ORIENTATION and attendance.minutes > 0


def _first_ends(attended: Iterable[Attendance], programs: Programs) -> dict[str, datetime]:
    """When the first to end of each workshop's attendances ended, of those that grant hours."""
    first: dict[str, datetime] = {}
    for one in attended:
        if one.kind is EntryKind.WORKSHOP and programs.of(one.ended_at) is not None:
            first[one.session_id] = min(one.ended_at, first.get(one.session_id, one.ended_at))
    return first


def _accepted(accounts: Iterable[Account]) -> Iterator[AcceptedAttempt]:
    """The late attempts that staff accepted, by what they are: a merge or its undo does not take that back."""
    for account in accounts:
        for case in account.cases.values():
            ground = case.ground
            if ground.kind is ExceptionKind.LATE_ATTEMPT and case.status is CaseStatus.ACCEPTED:
                yield ground.micro_credential_id or "", ground.submission_id or "", ground.attempt or 0


def _credentials(accounts: Iterable[Account], programs: Programs) -> Mapping[str, Credential]:
    found: dict[str, Credential] = {}

    def of(micro_credential_id: str, *, seen: bool = True) -> Credential:
        credential = found.get(micro_credential_id)
        if credential is None:
            credential = found[micro_credential_id] = Credential(micro_credential_id)
        credential.seen = credential.seen or seen
        return credential

    def submission(micro_credential_id: str, submission_id: str) -> Submission:
        submissions = of(micro_credential_id).submissions
        if submission_id not in submissions:
            submissions[submission_id] = Submission(submission_id)
        return submissions[submission_id]

    for account in accounts:
        for micro_credential_id in account.registrations:
            of(micro_credential_id)
        for attendance in account.attendances.values():
            if attendance.kind is EntryKind.WORKSHOP and attendance.micro_credential_id is not None:
                of(attendance.micro_credential_id)
        for micro_credential_id, registration in account.clock_hours.items():
            credential = of(micro_credential_id)
            credential.registration = _newer(credential.registration, registration)
        for key, attempt in account.each_attempt():
            attempts = submission(key.micro_credential_id, key.submission_id).attempts
            known = attempts.get(key.attempt)
            attempts[key.attempt] = attempt if known is None else max(known, attempt, key=_certainty)
        for review in account.each_review():
            reviewed = submission(review.key.micro_credential_id, review.key.submission_id)
            if review.awarded:
                reviewed.awards.append(review)
        for micro_credential_id, revoked in account.revocations.items():
            credential = of(micro_credential_id, seen=False)
            credential.revoked_at = max(filter(None, [credential.revoked_at, *revoked.values()]))
    for credential in found.values():
        for each in credential.submissions.values():
            first = each.attempts.get(1)
            each.year = programs.of(first.submitted_at) if first else None
    return found


def _newer(one: ClockHours | None, other: ClockHours) -> ClockHours:
    """Of what two accounts say about the same registration, the newer; on the same instant, that it is in force."""
    return other if one is None else max(one, other, key=lambda hours: (hours.at, hours.in_force))


def _certainty(attempt: Attempt) -> tuple[datetime, bool, bool]:
    """Of one attempt told about two learners: the later submitted_at, then the one that is judged."""
    return attempt.submitted_at, attempt.on_time is not None, attempt.on_time is False
