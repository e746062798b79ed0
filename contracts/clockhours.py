"""What clockhours says: what is due, and why not. Kept without limit, so ids only, no personal data."""

from contracts import topics
from contracts.event import EducatorData
from contracts.fields import Attempt, EntryMinutes, Id, Ids, Moment
from contracts.kinds import EntryKind, ExceptionKind, ExceptionStatus, MissingStep


class ClockHoursData(EducatorData):
    TOPIC = topics.CLOCKHOURS


class EntryData(ClockHoursData):
    """One entry of the ledger, as it stands there for good."""

    entry_id: Id
    kind: EntryKind
    minutes: EntryMinutes
    micro_credential_id: Id | None = None
    session_id: Id | None = None
    designations: Ids = ()
    completed_at: Moment
    registered_at: Moment | None = None
    granted_at: Moment
    reverses: Id | None = None
    program_year: Id


class ClockHoursAwarded(EntryData):
    """Hours were granted."""


class ClockHoursReversed(EntryData):
    """Hours stopped being due: minus the minutes of the entry that it `reverses`."""


class ClockHoursHeld(ClockHoursData):
    """What a micro-credential's hours wait for. `missing` empty: the row is gone without a grant."""

    micro_credential_id: Id
    minutes: EntryMinutes
    missing: tuple[MissingStep, ...] = ()


class ExceptionData(ClockHoursData):
    """A case for staff."""

    exception_id: Id
    kind: ExceptionKind
    micro_credential_id: Id | None = None
    session_id: Id | None = None
    submission_id: Id | None = None
    attempt: Attempt | None = None
    status: ExceptionStatus
    opened_at: Moment


class ExceptionOpened(ExceptionData):
    """Something that staff should look at."""


class ExceptionResolved(ExceptionData):
    """Accepted, dismissed, or resolved by itself: `status` says which."""


MODELS = (ClockHoursAwarded, ClockHoursReversed, ClockHoursHeld, ExceptionOpened, ExceptionResolved)
