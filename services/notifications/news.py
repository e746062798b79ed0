"""What happened that an educator should hear of: one message a fact, pure.

Here is told what the facts support; policy.py takes out what is too old or was told before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.kinds import Decision, ExceptionKind, MissingStep, SessionKind
from services.notifications import reversals
from services.notifications.standing import Credential, Group
from services.notifications.state import Attendance, Case, Kind, Message, told_key

# Facts that arrive in reverse order make hours held and granted within a second: wait a while before telling.
SETTLES = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class News:
    """A message, and the moments that must all be fresh for it to be made."""

    message: Message
    moments: tuple[datetime, ...]


def of(group: Group, eligible: frozenset[str], now: datetime) -> Iterator[News]:
    """All that is known and worth telling, told or not, of seats and reminders apart.

    `eligible`: the micro-credentials that can earn hours. Of others NEA writes, and we have nothing to add.
    """
    tell = _Teller(group.id, now)
    yield from _welcome(group, tell)
    yield from _steps(group, tell)
    for credential in group.credentials.values():
        if credential.id in eligible:
            yield from _submissions(credential, tell)
            yield from _reviews(credential, tell)
            yield from _held(credential, tell)
    yield from _hours(group, tell)
    yield from _transcripts(group, tell)


@dataclass(frozen=True, slots=True)
class _Teller:
    educator_id: str
    now: datetime

    def __call__(
        self,
        kind: Kind,
        subject: str,
        cause: str,
        *moments: datetime,
        micro_credential_id: str | None = None,
        session_id: str | None = None,
        settles: bool = False,
    ) -> News:
        due_at = self.now + SETTLES if settles else self.now
        message = Message(kind, self.educator_id, subject, cause, due_at, micro_credential_id, session_id)
        return News(message, moments)


def _welcome(group: Group, tell: _Teller) -> Iterator[News]:
    if group.profile is not None:
        yield tell(Kind.WELCOME, "", "first_profile", group.profile.first_heard_at)


def _steps(group: Group, tell: _Teller) -> Iterator[News]:
    oriented = group.orientation
    if oriented is not None:
        moments = (oriented.heard_at, oriented.ended_at)
        yield tell(Kind.ORIENTATION_COMPLETED, "", "completed", *moments, session_id=oriented.session_id)
    for workshop in group.attendances:
        if workshop.kind is SessionKind.WORKSHOP and workshop.micro_credential_id:
            yield tell(
                Kind.WORKSHOP_ATTENDED,
                workshop.session_id,
                workshop.micro_credential_id,
                *_workshop_moments(group, workshop),
                micro_credential_id=workshop.micro_credential_id,
                session_id=workshop.session_id,
            )


def _workshop_moments(group: Group, workshop: Attendance) -> tuple[datetime, ...]:
    """Whoever was asked which micro-credential it was for hears what came of it, however long ago it was."""
    asked = told_key(Kind.WORKSHOP_UNALLOCATED, workshop.session_id, "unallocated") in group.told
    return (workshop.heard_at,) if asked else (workshop.heard_at, workshop.ended_at)


def _submissions(credential: Credential, tell: _Teller) -> Iterator[News]:
    for attempt in credential.attempts:
        kind = Kind.SUBMISSION_LATE if attempt.on_time is False else Kind.SUBMISSION_RECEIVED
        cause = f"{attempt.submission_id} {attempt.number}"
        moments = (attempt.heard_at, attempt.submitted_at)
        yield tell(kind, credential.id, cause, *moments, micro_credential_id=credential.id)


def _reviews(credential: Credential, tell: _Teller) -> Iterator[News]:
    """An award is told with its hours. What sorts after an award, or was answered since, is no news."""
    if credential.award is not None:
        return
    for review in credential.reviews:
        if review.decision is Decision.AWARDED or credential.answered(review):
            continue
        kind = Kind.SUBMISSION_DENIED if review.decision is Decision.DENIED else Kind.SUBMISSION_RETURNED
        moments = (review.heard_at, review.decided_at)
        yield tell(kind, credential.id, review.cause, *moments, micro_credential_id=credential.id)


def _held(credential: Credential, tell: _Teller) -> Iterator[News]:
    """Only an award makes held hours worth a mail; before it the reminders say what is missing."""
    held = credential.held
    if held is not None and MissingStep.AWARD not in held.missing:
        cause, id_ = " ".join(held.missing), credential.id
        yield tell(Kind.HOURS_HELD, id_, cause, held.heard_at, micro_credential_id=id_, settles=True)


def _hours(group: Group, tell: _Teller) -> Iterator[News]:
    live = {entry.entry_id for entry in group.live_entries}
    for entry in group.entries:
        if reversals.given_back(entry, group) if entry.reverses else entry.entry_id not in live:
            continue
        yield tell(
            Kind.HOURS_REVERSED if entry.reverses else Kind.HOURS_GRANTED,
            entry.subject,
            entry.entry_id,
            entry.heard_at,
            micro_credential_id=entry.micro_credential_id,
            session_id=entry.session_id,
            settles=entry.reverses is not None,
        )


def _transcripts(group: Group, tell: _Teller) -> Iterator[News]:
    for member in group.members:
        for case in member.cases.values():
            if case.kind is ExceptionKind.TRANSCRIPT_SUPERSEDED:
                yield tell(Kind.TRANSCRIPT_SUPERSEDED, "", _taken_back(group, case), case.heard_at)


def _taken_back(group: Group, case: Case) -> str:
    """Entries of a transcript that one decision takes back are one piece of news: its moment. Before, each was one."""
    before = told_key(Kind.TRANSCRIPT_SUPERSEDED, "", case.exception_id) in group.told
    return case.exception_id if before else case.heard_at.astimezone(UTC).isoformat(timespec="milliseconds")
