"""Every reason that this service gives, each with a line of meaning.

The page to open when somebody asks "why": an exception is a case for staff, a missing step is why hours are held,
a refusal is why a staff action was not done.
"""

from enum import StrEnum

from contracts.kinds import ExceptionKind, MissingStep

EXCEPTIONS = {
    ExceptionKind.LATE_ATTEMPT: "An attempt came after its deadline. Staff may accept it; then it counts as on time.",
    ExceptionKind.NOT_IN_CATALOGUE: "A micro-credential is named that the programme year does not list.",
    ExceptionKind.NOT_ELIGIBLE: "NEA awarded a micro-credential that the programme lists without clock hours.",
    ExceptionKind.NO_PROGRAM_YEAR: "A session's end or a first attempt lies in no loaded programme year.",
    ExceptionKind.UNALLOCATED: "A workshop names no micro-credential, so it opens the way for none.",
    ExceptionKind.HELD_TOO_LONG: "Hours have been held for longer than the programme's held_alert_days.",
    ExceptionKind.ATTENDANCE_CONFLICT: "The same attendance was told twice with other content; the first holds.",
    ExceptionKind.DECISION_CONFLICT: "NEA sent not_yet, incomplete or denied after it had awarded the submission.",
    ExceptionKind.IDENTITY_CONFLICT: "A profile claims an NEA member id that another profile holds.",
    ExceptionKind.MERGE_CONFLICT: "A merge was refused: with itself, of a merged account, or in a circle.",
    ExceptionKind.SESSION_CONFLICT: "Attended a cancelled session, or one of another kind than was scheduled.",
    ExceptionKind.TRANSCRIPT_SUPERSEDED: "An entry that stands on an issued transcript was reversed.",
}

# What was contradicted, refused or handed out stays so: these do not resolve, staff dismiss them.
STAYS_UNTIL_DISMISSED = frozenset(
    {ExceptionKind.ATTENDANCE_CONFLICT, ExceptionKind.MERGE_CONFLICT, ExceptionKind.TRANSCRIPT_SUPERSEDED}
)

MISSING = {
    MissingStep.ORIENTATION: "No orientation was attended that grants hours.",
    MissingStep.WORKSHOP: "No workshop was attended for this micro-credential.",
    MissingStep.CLOCK_HOURS_REGISTRATION: "Not registered with WEA for its clock hours, or withdrawn.",
    MissingStep.ON_TIME_SUBMISSION: "No submission whose first attempt, and awarded attempt if any, are on time.",
    MissingStep.AWARD: "No award by NEA that counts.",
}


class Refusal(StrEnum):
    """Why a staff action on an exception was not done (409)."""

    NOT_ACCEPTABLE = "not_acceptable"
    """Only a late attempt can be accepted; everything else is dismissed."""

    DECIDED_OTHERWISE = "decided_otherwise"
    """Staff gave the opposite verdict before, and a verdict stands."""

    ALREADY_RESOLVED = "already_resolved"
    """Its cause is gone: there is nothing left to decide."""
