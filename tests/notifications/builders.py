"""Facts as enrollment and clockhours publish them, each with defaults: a test names only what matters to it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts import events, program
from contracts.kinds import Decision, EntryKind, ExceptionKind, ExceptionStatus, MissingStep, SessionKind

PROGRAMS = program.load(Path(__file__).parents[2] / "programs")
YEAR = PROGRAMS.of(datetime(2024, 4, 1, tzinfo=UTC))
assert YEAR is not None

ROSA, ANA = "E-rosa", "E-ana"
TRA1 = "NEA_TRA1"
NOON = datetime(2024, 4, 2, 19, 0, tzinfo=UTC)  # a Tuesday, 12:00 in Washington
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def local(month: int, day: int, hour: int = 12, minute: int = 0) -> datetime:
    """A moment of 2024 by Washington's clocks, in UTC."""
    assert YEAR is not None
    return datetime(2024, month, day, hour, minute, tzinfo=YEAR.zone).astimezone(UTC)


def profile(who: str = ROSA, name: str = "Rosa Diaz", email: str = "") -> events.EducatorProfile:
    return events.EducatorProfile(educator_id=who, name=name, email=email or f"{who.lower()}@example.org")


def oriented(
    who: str = ROSA, session: str = "O-1", at: datetime = NOON, minutes: int = 90
) -> events.OrientationCompleted:
    return events.OrientationCompleted(
        educator_id=who, session_id=session, kind=SessionKind.ORIENTATION, minutes=minutes, attended_minutes=minutes,
        ended_at=at,
    )  # fmt: skip


def attended(
    who: str = ROSA, session: str = "W-1", opens: str | None = TRA1, at: datetime = NOON, minutes: int = 90
) -> events.WorkshopAttended:
    return events.WorkshopAttended(
        educator_id=who, session_id=session, kind=SessionKind.WORKSHOP, minutes=minutes, attended_minutes=minutes,
        ended_at=at, micro_credential_id=opens,
    )  # fmt: skip


def corrected(
    who: str = ROSA, session: str = "W-1", opens: str | None = TRA1, at: datetime = NOON, minutes: int = 0,
    kind: SessionKind = SessionKind.WORKSHOP,
) -> events.AttendanceCorrected:  # fmt: skip
    return events.AttendanceCorrected(
        educator_id=who, session_id=session, kind=kind, minutes=minutes, attended_minutes=minutes,
        ended_at=at, micro_credential_id=opens,
    )  # fmt: skip


def registered(who: str = ROSA, credential: str = TRA1, at: datetime = NOON) -> events.ClockHoursRegistered:
    return events.ClockHoursRegistered(educator_id=who, micro_credential_id=credential, registered_at=at)


def withdrawn(who: str = ROSA, credential: str = TRA1, at: datetime = NOON) -> events.ClockHoursWithdrawn:
    return events.ClockHoursWithdrawn(educator_id=who, micro_credential_id=credential, withdrawn_at=at)


def nea_registered(
    who: str = ROSA, credential: str = TRA1, at: datetime = NOON, learner: str | None = "L"
) -> events.MicroCredentialRegistered:
    return events.MicroCredentialRegistered(
        educator_id=who, micro_credential_id=credential, registered_at=at, learner_id=learner
    )


def submitted(
    who: str = ROSA, credential: str = TRA1, at: datetime = NOON, submission: str = "S-1", attempt: int = 1,
    on_time: bool | None = True,
) -> events.CredentialSubmitted:  # fmt: skip
    return events.CredentialSubmitted(
        educator_id=who, micro_credential_id=credential, submission_id=submission, attempt=attempt, submitted_at=at,
        on_time=on_time, learner_id="L",
    )  # fmt: skip


def reviewed(
    decision: Decision, who: str = ROSA, credential: str = TRA1, at: datetime = NOON, submission: str = "S-1",
    attempt: int = 1,
) -> events.CredentialReturned | events.CredentialAwarded | events.CredentialDenied:  # fmt: skip
    model: type[events.CredentialReturned | events.CredentialAwarded | events.CredentialDenied]
    model = events.CredentialReturned
    if decision in (Decision.AWARDED, Decision.DENIED):
        model = events.CredentialAwarded if decision is Decision.AWARDED else events.CredentialDenied
    return model(
        educator_id=who, micro_credential_id=credential, submission_id=submission, attempt=attempt, decision=decision,
        decided_at=at, learner_id="L",
    )  # fmt: skip


def awarded(
    who: str = ROSA, credential: str = TRA1, at: datetime = NOON, submission: str = "S-1", attempt: int = 1
) -> events.CredentialAwarded:
    found = reviewed(Decision.AWARDED, who, credential, at, submission, attempt)
    assert isinstance(found, events.CredentialAwarded)
    return found


def revoked(who: str = ROSA, credential: str = TRA1, at: datetime = NOON) -> events.CredentialRevoked:
    return events.CredentialRevoked(educator_id=who, micro_credential_id=credential, revoked_at=at, learner_id="L")


def reserved(who: str = ROSA, session: str = "W-1", credential: str | None = TRA1) -> events.SessionReserved:
    return events.SessionReserved(educator_id=who, session_id=session, micro_credential_id=credential)


def gave_up(who: str = ROSA, session: str = "W-1") -> events.ReservationCancelled:
    return events.ReservationCancelled(educator_id=who, session_id=session)


def scheduled(
    session: str = "W-1", starts_at: datetime = NOON + 10 * DAY, kind: SessionKind = SessionKind.WORKSHOP,
    title: str = "Workshop", location: str | None = "Olympia",
) -> events.SessionScheduled:  # fmt: skip
    return events.SessionScheduled(
        session_id=session, kind=kind, title=title, starts_at=starts_at, ends_at=starts_at + 1.5 * HOUR,
        location=location,
    )  # fmt: skip


def called_off(session: str = "W-1", reason: str | None = None) -> events.SessionCancelled:
    return events.SessionCancelled(session_id=session, reason=reason)


def granted(
    who: str = ROSA, kind: EntryKind = EntryKind.MICRO_CREDENTIAL, minutes: int = 900, about: str = TRA1,
    at: datetime = NOON, entry: str = "", designations: tuple[str, ...] = (),
) -> events.ClockHoursAwarded:  # fmt: skip
    credential = about if kind is EntryKind.MICRO_CREDENTIAL else None
    return events.ClockHoursAwarded(
        educator_id=who, entry_id=entry or f"{who} {kind} {about}", kind=kind, minutes=minutes,
        micro_credential_id=credential, session_id=None if credential else about, designations=designations,
        completed_at=at, granted_at=at, program_year="2023-24",
    )  # fmt: skip


def reversal(of: events.ClockHoursAwarded, at: datetime = NOON) -> events.ClockHoursReversed:
    return events.ClockHoursReversed(
        **{
            **of.model_dump(), "entry_id": f"reversal of {of.entry_id}", "reverses": of.entry_id,
            "minutes": -of.minutes, "granted_at": at,
        }
    )  # fmt: skip


def held(*missing: str, who: str = ROSA, credential: str = TRA1, minutes: int = 900) -> events.ClockHoursHeld:
    return events.ClockHoursHeld(
        educator_id=who, micro_credential_id=credential, minutes=minutes,
        missing=tuple(MissingStep(step) for step in missing),
    )  # fmt: skip


def case(kind: ExceptionKind, who: str = ROSA, id: str = "X-1", at: datetime = NOON) -> events.ExceptionOpened:
    return events.ExceptionOpened(
        educator_id=who, exception_id=id, kind=kind, status=ExceptionStatus.OPEN, opened_at=at
    )


def resolved(kind: ExceptionKind, who: str = ROSA, id: str = "X-1", at: datetime = NOON) -> events.ExceptionResolved:
    return events.ExceptionResolved(
        educator_id=who, exception_id=id, kind=kind, status=ExceptionStatus.DISMISSED, opened_at=at
    )


def merged(kept: str, away: str, number: int = 1) -> events.EducatorsMerged:
    return events.EducatorsMerged(educator_id=kept, kept_educator_id=kept, merged_educator_id=away, merge_number=number)


def unmerged(kept: str, away: str, number: int = 2) -> events.EducatorsUnmerged:
    return events.EducatorsUnmerged(
        educator_id=kept, kept_educator_id=kept, merged_educator_id=away, merge_number=number
    )


def erased(who: str = ROSA) -> events.EducatorErased:
    return events.EducatorErased(educator_id=who)


def unlinked(who: str = ROSA, learner: str = "L") -> events.LearnerUnlinked:
    return events.LearnerUnlinked(educator_id=who, learner_id=learner)
