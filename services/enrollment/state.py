"""What enrollment knows of educators, NEA's learners and sessions, and what it has told of them.

All of it is made of registers that commute (the newest event wins, whatever the order of arrival) and of the few
facts that arrival decides: the first attendance at a session, merges, matches.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from contracts.kinds import ConflictKind, Decision, SessionKind

V = TypeVar("V")

# What one document may hold, so that it stays under 256 KiB; beyond is a case for staff.
MOST_SESSIONS = 500
MOST_CREDENTIALS = 500
MOST_ATTEMPTS = 50  # of a micro-credential; as many decisions and revocations
MOST_DISPUTES = 10
MOST_EMAILS = 20

AttemptKey = tuple[str, str, int]  # micro-credential, submission, attempt
DecisionKey = tuple[str, str, int, datetime]  # micro-credential, submission, attempt, decided_at
RevocationKey = tuple[str, datetime]  # micro-credential, revoked_at


class Outcome(StrEnum):
    """What became of an accepted event: exactly one of these."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    UNMATCHED = "unmatched"
    QUARANTINED = "quarantined"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Register(Generic[V]):
    """The newest of the facts that overwrite each other; `time`, `id` and `source` are its event's."""

    value: V
    time: datetime
    id: str
    source: str = ""

    @property
    def rank(self) -> tuple[datetime, str, str]:
        return self.time, self.id, self.source


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a fact was said, and by which event: what its registers are compared by."""

    time: datetime
    id: str
    source: str = ""

    def on(self, value: V) -> Register[V]:
        return Register(value, self.time, self.id, self.source)


def newest(registers: Iterable[Register[V] | None]) -> Register[V] | None:
    found: Register[V] | None = None
    for register in registers:
        if register is not None and (found is None or register.rank > found.rank):
            found = register
    return found


def latest(first: Register[V], *others: Register[V] | None) -> Register[V]:
    return newest((first, *others)) or first


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    email: str
    nea_member_id: str | None = None
    certificate_number: str | None = None
    roles: tuple[str, ...] = ()
    district: str | None = None


@dataclass(frozen=True, slots=True)
class Attendance:
    kind: SessionKind
    minutes: int
    ended_at: datetime
    micro_credential_id: str | None = None


@dataclass(frozen=True, slots=True)
class CorrectedMinutes:
    minutes: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """The newest minutes, and the newest micro-credential of those corrections that had the field."""

    minutes: Register[CorrectedMinutes] | None = None
    micro_credential: Register[str | None] | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    reserved: bool
    micro_credential_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClockHours:
    """A registration with WEA for a micro-credential's clock hours, or its withdrawal."""

    registered: bool
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    decision: Decision
    credential_url: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An attendance as it counts: `minutes` are the credit due, 0 when it does not do its step."""

    kind: SessionKind
    minutes: int
    ended_at: datetime
    micro_credential_id: str | None = None
    attended_minutes: int = 0
    reason: str | None = field(default=None, compare=False)  # explains the credit; another alone is not told
    was_told: bool = field(default=False, compare=False)  # it does its step, or has done so


@dataclass(frozen=True, slots=True)
class Conflict:
    """A contradiction that resolves by itself when its cause no longer holds."""

    kind: ConflictKind
    session_id: str | None = None
    holder_educator_id: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedAttempt:
    """`deadline` is the exclusive instant it was judged by; `on_time` None: not judged (yet)."""

    submitted_at: datetime
    deadline: datetime | None = None
    on_time: bool | None = None


@dataclass(frozen=True, slots=True)
class LearnerView:
    """What holds of one of NEA's learners, as told under the educator it is bound to."""

    registrations: Mapping[str, datetime] = field(default_factory=dict)
    attempts: Mapping[AttemptKey, JudgedAttempt] = field(default_factory=dict)
    decisions: Mapping[DecisionKey, Verdict] = field(default_factory=dict)
    revocations: Mapping[RevocationKey, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """What is true of one educator's own id; what was last told of it has the same form."""

    profile: Profile | None = None
    erased: bool = False
    steps: Mapping[str, Step] = field(default_factory=dict)  # by session
    reservations: Mapping[str, Reservation] = field(default_factory=dict)  # by session
    registrations: Mapping[str, datetime] = field(default_factory=dict)  # by micro-credential, from the portal
    clock_hours: Mapping[str, ClockHours] = field(default_factory=dict)  # by micro-credential
    learners: Mapping[str, LearnerView] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    disputes: Mapping[str, int] = field(default_factory=dict)  # attendances that contradict the first, by session


@dataclass(frozen=True, slots=True)
class Educator:
    """One account, by its own id. A merge makes it an alias and rewrites nothing."""

    id: str
    profile: Register[Profile] | None = None
    erased: bool = False
    member_id: str | None = None  # the NEA member id that this account holds
    rival_id: str | None = None  # the account that holds the one its profile claims
    attendances: Mapping[str, Attendance] = field(default_factory=dict)
    disputes: Mapping[str, tuple[Attendance, ...]] = field(default_factory=dict)
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    reservations: Mapping[str, Register[Reservation]] = field(default_factory=dict)
    registrations: Mapping[str, Register[datetime]] = field(default_factory=dict)
    clock_hours: Mapping[str, Register[ClockHours]] = field(default_factory=dict)
    alias_of: str | None = None
    merge_number: int = 0
    told: View = field(default_factory=View)

    @property
    def claimed_id(self) -> str | None:
        """The NEA member id that the profile claims, held or not."""
        return self.profile.value.nea_member_id if self.profile else None

    @property
    def email(self) -> str | None:
        return normal_email(self.profile.value.email) if self.profile else None

    @property
    def identities(self) -> frozenset[str]:
        return identities(self.claimed_id, (self.email,)) | identities(self.member_id, ())

    @property
    def sessions(self) -> frozenset[str]:
        """Every session that this document says something of."""
        return frozenset((*self.attendances, *self.corrections, *self.reservations))


@dataclass(frozen=True, slots=True)
class Learner:
    """One of NEA's learners and all that NEA said of them, bound to an educator once it is clear who is meant."""

    id: str
    member_id: str | None = None
    emails: tuple[str, ...] = ()
    forgotten: bool = False  # erased with the educator: no address or member id is kept again
    bound_to: str | None = None
    bindings: int = 0  # times that it was bound or unbound, so that each time has ids of its own
    barred: tuple[str, ...] = ()  # educators that staff unlinked it from: never matched with them again by itself
    registrations: Mapping[str, Register[datetime]] = field(default_factory=dict)
    attempts: Mapping[AttemptKey, Register[datetime]] = field(default_factory=dict)
    decisions: Mapping[DecisionKey, Register[Verdict]] = field(default_factory=dict)
    revocations: Mapping[RevocationKey, Register[str | None]] = field(default_factory=dict)

    @property
    def identities(self) -> frozenset[str]:
        return identities(self.member_id, self.emails)


@dataclass(frozen=True, slots=True)
class Schedule:
    kind: SessionKind
    title: str
    starts_at: datetime
    ends_at: datetime
    location: str | None = None
    registration_url: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A session as last planned: `schedule` None when it is cancelled."""

    schedule: Schedule | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    plan: Register[Plan] | None = None
    # Where more attended than one unit of work can judge by a new plan: the id up to which they are judged.
    judged_to: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """All that is one person: the kept account, those merged into it, NEA's learners bound to any of them."""

    members: tuple[Educator, ...]  # the root first
    learners: tuple[Learner, ...] = ()
    sessions: Mapping[str, Session] = field(default_factory=dict)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(member.id for member in self.members)


def normal_email(address: str) -> str:
    """Two addresses are the same if they are after this."""
    return address.strip().casefold()


def intake_key(learner_id: str, member_id: str | None) -> str:
    """The key of a learner's events on the inbox."""
    return f"nea:{member_id}" if member_id is not None else f"email:{learner_id}"


def identities(member_id: str | None, emails: Iterable[str | None]) -> frozenset[str]:
    """The identities by which a learner and a profile may meet. Personal data: never an id or a key."""
    found = {f"email:{email}" for email in emails if email}
    return frozenset(found | {f"nea:{member_id}"} if member_id else found)
