"""What notifications knows of each educator and session, and what a decision yields: frozen data.

Everything is kept per own id, as it was told; a merge is read as a union (standing.py). `heard_at` is the time of the
event that brought a fact: nobody is written to about what was heard more than a week ago.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from contracts.kinds import Decision, EntryKind, ExceptionKind, MissingStep, SessionKind


class Kind(StrEnum):
    """The messages, as `kind` says it in GET /messages."""

    WELCOME = "welcome"
    RESERVATION_CONFIRMED = "reservation_confirmed"
    SESSION_CHANGED = "session_changed"
    SESSION_CANCELLED = "session_cancelled"
    SESSION_REMINDER = "session_reminder"
    ORIENTATION_COMPLETED = "orientation_completed"
    WORKSHOP_ATTENDED = "workshop_attended"
    WORKSHOP_UNALLOCATED = "workshop_unallocated"
    CLOCK_HOURS_REGISTRATION_MISSING = "clock_hours_registration_missing"
    NEA_REGISTRATION_MISSING = "nea_registration_missing"
    STEPS_MISSING = "steps_missing"
    DEADLINE = "deadline"
    SUBMISSION_RECEIVED = "submission_received"
    SUBMISSION_LATE = "submission_late"
    SUBMISSION_RETURNED = "submission_returned"
    SUBMISSION_DENIED = "submission_denied"
    HOURS_GRANTED = "hours_granted"
    HOURS_HELD = "hours_held"
    HOURS_REVERSED = "hours_reversed"
    TRANSCRIPT_SUPERSEDED = "transcript_superseded"
    STAFF_DIGEST = "staff_digest"
    STAFF_ALERT = "staff_alert"

    @property
    def is_reminder(self) -> bool:
        """Reminders can be unsubscribed from, keep quiet at night and come at most once a day."""
        return self in _REMINDERS

    @property
    def is_for_staff(self) -> bool:
        return self in (Kind.STAFF_DIGEST, Kind.STAFF_ALERT)

    @property
    def is_repeated_when_unknown(self) -> bool:
        """SMTP cannot be exactly once. An award or a deadline had better come twice than never; a reminder not."""
        return not self.is_reminder or self is Kind.DEADLINE


_REMINDERS = frozenset(
    {
        Kind.SESSION_REMINDER,
        Kind.CLOCK_HOURS_REGISTRATION_MISSING,
        Kind.NEA_REGISTRATION_MISSING,
        Kind.STEPS_MISSING,
        Kind.WORKSHOP_UNALLOCATED,
        Kind.DEADLINE,
    }
)


class Status(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


class Registry(StrEnum):
    """The two registrations that one micro-credential needs."""

    NEA = "nea"
    CLOCK_HOURS = "clock_hours"


@dataclass(frozen=True, slots=True)
class Profile:
    """`first_heard_at` is when the account's first profile came: the moment to say welcome."""

    name: str
    email: str
    first_heard_at: datetime


@dataclass(frozen=True, slots=True)
class Attendance:
    """`minutes` is the credit now due; 0 means that the step is not done (any more)."""

    session_id: str
    kind: SessionKind
    minutes: int
    ended_at: datetime
    micro_credential_id: str | None
    heard_at: datetime

    @property
    def key(self) -> str:
        return self.session_id


@dataclass(frozen=True, slots=True)
class Reservation:
    """`cause` is the event that made or cancelled it. `told_revision` is the session's revision last written about.

    `sequence` counts the calendar files sent for this seat, so that each raises the SEQUENCE of the one before.
    `calendar_of` is the account by whose id calendars know it: a merge does not move what stands in them.
    """

    session_id: str
    micro_credential_id: str | None
    cause: str
    heard_at: datetime
    cancelled: bool = False
    told_revision: int | None = None
    sequence: int = -1  # of the last calendar file
    calendar_of: str | None = None  # None in older documents: the kept account

    @property
    def key(self) -> str:
        return self.session_id


@dataclass(frozen=True, slots=True)
class Registration:
    registry: Registry
    micro_credential_id: str
    registered_at: datetime
    heard_at: datetime
    withdrawn_at: datetime | None = None
    learner_id: str | None = None

    @property
    def key(self) -> str:
        return f"{self.registry}\n{self.micro_credential_id}\n{self.learner_id or ''}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """`deadline` is exclusive; `on_time` None: not judged yet."""

    micro_credential_id: str
    submission_id: str
    number: int
    submitted_at: datetime
    deadline: datetime | None
    on_time: bool | None
    heard_at: datetime
    learner_id: str | None = None

    @property
    def key(self) -> str:
        return f"{self.submission_id}\n{self.number}\n{self.micro_credential_id}\n{self.learner_id or ''}"


@dataclass(frozen=True, slots=True)
class Review:
    """What NEA decided about one attempt."""

    micro_credential_id: str
    submission_id: str
    attempt: int
    decision: Decision
    decided_at: datetime
    heard_at: datetime
    learner_id: str | None = None

    @property
    def key(self) -> str:
        when = self.decided_at.isoformat()
        return f"{self.submission_id}\n{self.attempt}\n{self.decision}\n{when}\n{self.learner_id or ''}"

    @property
    def cause(self) -> str:
        """What a message about it names."""
        return f"{self.submission_id} {self.attempt} {self.decision}"


@dataclass(frozen=True, slots=True)
class Revocation:
    micro_credential_id: str
    revoked_at: datetime
    heard_at: datetime
    learner_id: str | None = None

    @property
    def key(self) -> str:
        return f"{self.micro_credential_id}\n{self.revoked_at.isoformat()}\n{self.learner_id or ''}"


@dataclass(frozen=True, slots=True)
class Held:
    """Hours of a micro-credential that wait for the `missing` steps."""

    micro_credential_id: str
    minutes: int
    missing: tuple[MissingStep, ...]
    heard_at: datetime

    @property
    def key(self) -> str:
        return self.micro_credential_id


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry. A reversal has minus the minutes and names what it `reverses`."""

    entry_id: str
    kind: EntryKind
    minutes: int
    micro_credential_id: str | None
    session_id: str | None
    designations: tuple[str, ...]
    completed_at: datetime
    granted_at: datetime
    reverses: str | None
    heard_at: datetime

    @property
    def key(self) -> str:
        return self.entry_id

    @property
    def subject(self) -> str:
        """What the hours are for."""
        return self.micro_credential_id or self.session_id or ""


@dataclass(frozen=True, slots=True)
class Case:
    """An open exception of the educator's, as clockhours lists it for staff.

    `learned_at` is when this service came to know of it, however old the event was by then.
    """

    exception_id: str
    kind: ExceptionKind
    micro_credential_id: str | None
    session_id: str | None
    opened_at: datetime
    heard_at: datetime
    learned_at: datetime | None = None  # None in documents of before: heard_at

    @property
    def key(self) -> str:
        return self.exception_id


@dataclass(frozen=True, slots=True)
class Educator:
    """One own id. `told` holds the keys of the messages that were made to its address, so that each is made once.

    `link_epoch` is counted up when every link sent so far must become void.
    """

    id: str
    profile: Profile | None = None
    alias_of: str | None = None
    merge_number: int = 0
    erased: bool = False
    attendances: Mapping[str, Attendance] = field(default_factory=dict)
    reservations: Mapping[str, Reservation] = field(default_factory=dict)
    registrations: Mapping[str, Registration] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    reviews: Mapping[str, Review] = field(default_factory=dict)
    revocations: Mapping[str, Revocation] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    cases: Mapping[str, Case] = field(default_factory=dict)
    told: frozenset[str] = frozenset()
    reminded_on: str | None = None  # the local day of the last reminder, ISO
    unsubscribed_at: datetime | None = None
    link_epoch: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """A planned session. `revision` counts what people who reserved should hear of."""

    session_id: str
    kind: SessionKind
    title: str
    starts_at: datetime
    ends_at: datetime
    location: str | None = None
    registration_url: str | None = None
    cancelled: bool = False
    reason: str | None = None
    revision: int = 0
    heard_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be written: who, about what, because of what, when at the earliest.

    Its words are found when it is sent, from what is known then. `told` are all the keys that it answers for: a
    reminder may carry several.
    """

    kind: Kind
    educator_id: str
    subject: str
    cause: str
    due_at: datetime
    micro_credential_id: str | None = None
    session_id: str | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)
    told: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What makes it the same message, whoever of a merged group it went to. Other educators have the same."""
        return told_key(self.kind, self.subject, self.cause)

    @property
    def identity(self) -> str:
        """One message: (educator, kind, subject, cause), and of a reminder the day, for it may be said again."""
        return "\n".join((self.educator_id, self.key, str(self.facts.get("day", ""))))


def told_key(kind: Kind, subject: str, cause: str) -> str:
    return f"{kind}\n{subject}\n{cause}"
