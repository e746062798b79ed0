"""The closed lists of words that events use."""

from enum import StrEnum


class SessionKind(StrEnum):
    ORIENTATION = "orientation"
    WORKSHOP = "workshop"


class EntryKind(StrEnum):
    """What a ledger entry is for."""

    ORIENTATION = "orientation"
    WORKSHOP = "workshop"
    MICRO_CREDENTIAL = "micro_credential"


class Decision(StrEnum):
    """What NEA's reviewers said about one attempt."""

    AWARDED = "awarded"
    NOT_YET = "not_yet"
    INCOMPLETE = "incomplete"
    DENIED = "denied"


class MissingStep(StrEnum):
    """What hours wait for, in the order in which an educator reads it."""

    ORIENTATION = "orientation"
    WORKSHOP = "workshop"
    CLOCK_HOURS_REGISTRATION = "clock_hours_registration"
    ON_TIME_SUBMISSION = "on_time_submission"
    AWARD = "award"


class ConflictKind(StrEnum):
    """A case for staff that enrollment found; clockhours keeps the list."""

    ATTENDANCE_CONFLICT = "attendance_conflict"
    IDENTITY_CONFLICT = "identity_conflict"
    MERGE_CONFLICT = "merge_conflict"
    SESSION_CONFLICT = "session_conflict"
    DECISION_CONFLICT = "decision_conflict"  # NEA says more of one micro-credential than a record holds
    NO_PROGRAM_YEAR = "no_program_year"  # of an attendance: no loaded year holds its ended_at


class ExceptionKind(StrEnum):
    """A case for staff."""

    LATE_ATTEMPT = "late_attempt"
    NOT_IN_CATALOGUE = "not_in_catalogue"
    NOT_ELIGIBLE = "not_eligible"
    NO_PROGRAM_YEAR = "no_program_year"
    UNALLOCATED = "unallocated"
    HELD_TOO_LONG = "held_too_long"
    ATTENDANCE_CONFLICT = "attendance_conflict"
    DECISION_CONFLICT = "decision_conflict"
    IDENTITY_CONFLICT = "identity_conflict"
    MERGE_CONFLICT = "merge_conflict"
    SESSION_CONFLICT = "session_conflict"
    TRANSCRIPT_SUPERSEDED = "transcript_superseded"


class ExceptionStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    RESOLVED = "resolved"
