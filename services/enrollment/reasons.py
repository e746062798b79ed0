"""Each case that enrollment opens for staff, and each refusal of its intake, with a line of meaning."""

from enum import StrEnum

from contracts.kinds import ConflictKind

CONFLICTS: dict[ConflictKind, str] = {
    ConflictKind.ATTENDANCE_CONFLICT: "A second attendance of a session differs from the first, which stands;"
    " or the educator's record is full (500 sessions).",
    ConflictKind.SESSION_CONFLICT: "Attendance at a session that is cancelled, or planned as another kind: no hours.",
    ConflictKind.NO_PROGRAM_YEAR: "Attendance at a session that ended on a date that no loaded programme year holds.",
    ConflictKind.DECISION_CONFLICT: "NEA says more of one micro-credential than a record holds (50 attempts).",
    ConflictKind.IDENTITY_CONFLICT: "The profile claims an NEA member id that another account holds; kept without it.",
    ConflictKind.MERGE_CONFLICT: "A merge was refused: with itself, of an account already merged, or in a circle.",
}


class Unused(StrEnum):
    """Why an event that reached us is kept in quarantine and has no effect."""

    ID_REUSED = "id_reused"  # its (source, id) came before with another content
    UNKNOWN_TYPE = "unknown_type"
    WRONG_SHAPE = "wrong_shape"
    RESERVED_SOURCE = "reserved_source"  # the portal may not speak as NEA
    UNSAFE_JSON = "unsafe_json"  # a key twice, and the like: two readers could see two different events
