"""How an outcome is said on wea.clockhours.v1. Pure; the store publishes what this returns.

Everything is keyed by the id that it stands under: a grant by the kept id, a reversal by that of what it reverses, an
exception by the account that its fact came under.
"""

from contracts import events
from contracts.clockhours import ClockHoursData, EntryData, ExceptionData
from services.clockhours.state import Case, Closed, Entry, Granted, Held, HeldRow, Opened, Outcome, Reversed


def event_of(outcome: Outcome) -> ClockHoursData:
    """The event that tells an outcome."""
    match outcome:
        case Granted(entry):
            return _entry(events.ClockHoursAwarded, entry)
        case Reversed(entry):
            return _entry(events.ClockHoursReversed, entry)
        case Held(row):
            return _held(row)
        case Opened(case):
            return _exception(events.ExceptionOpened, case)
        case Closed(case):
            return _exception(events.ExceptionResolved, case)


def _entry(model: type[EntryData], entry: Entry) -> EntryData:
    return model(
        educator_id=entry.educator_id,
        entry_id=entry.entry_id,
        kind=entry.kind,
        minutes=entry.minutes,
        micro_credential_id=entry.micro_credential_id,
        session_id=entry.session_id,
        designations=entry.designations,
        completed_at=entry.completed_at,
        registered_at=entry.registered_at,
        granted_at=entry.granted_at,
        reverses=entry.reverses,
        program_year=entry.program_year,
    )


def _held(row: HeldRow) -> events.ClockHoursHeld:
    return events.ClockHoursHeld(
        educator_id=row.educator_id,
        micro_credential_id=row.micro_credential_id,
        minutes=row.minutes,
        missing=row.missing,
    )


def _exception(model: type[ExceptionData], case: Case) -> ExceptionData:
    ground = case.ground
    return model(
        educator_id=ground.educator_id,
        exception_id=case.exception_id,
        kind=ground.kind,
        micro_credential_id=ground.micro_credential_id,
        session_id=ground.session_id,
        submission_id=ground.submission_id,
        attempt=ground.attempt,
        status=case.status,
        opened_at=case.opened_at,
    )
