"""What this service knows about an educator, and what a decision yields.

An `Account` is what was told under one id. An educator is a person: the accounts that merges have
joined, read as a union. Nothing here does anything; see policy.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.kinds import EntryKind, ExceptionKind, MissingStep
from contracts.kinds import ExceptionStatus as CaseStatus
from services.clockhours.kept import Kept, Known

Subject = tuple[EntryKind, str]
"""What hours can be granted for once: a workshop's session, a micro-credential, or "" for the orientation."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """A session attended, as enrollment judges it. `minutes` is the credit now due; 0 is none."""

    session_id: str
    kind: EntryKind
    minutes: int
    ended_at: datetime
    micro_credential_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClockHours:
    """The registration with WEA for a micro-credential's clock hours, or its withdrawal."""

    in_force: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class AttemptKey:
    """An attempt of a submission, told about one of NEA's learners (None: about nobody by name)."""

    learner_id: str | None
    micro_credential_id: str
    submission_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """When it was submitted. `on_time` is None while enrollment cannot judge it."""

    submitted_at: datetime
    on_time: bool | None


@dataclass(frozen=True, slots=True)
class Review:
    """One of NEA's decisions on an attempt; `awarded` or one of the three that are not."""

    key: AttemptKey
    decision: str
    decided_at: datetime

    @property
    def awarded(self) -> bool:
        return self.decision == "awarded"


@dataclass(frozen=True, slots=True)
class Ground:
    """Why an exception is there: its kind and the ids that it is about."""

    kind: ExceptionKind
    educator_id: str
    micro_credential_id: str | None = None
    session_id: str | None = None
    submission_id: str | None = None
    attempt: int | None = None
    other_educator_id: str | None = None  # the account to be merged, or the holder of an identity
    entry_id: str | None = None  # the entry that a transcript shows and the ledger no longer does


@dataclass(frozen=True, slots=True)
class Case:
    """An exception as staff see it."""

    exception_id: str
    ground: Ground
    status: CaseStatus
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. Written once, changed never; a reversal is another line.

    `subject` is what can be granted once: the session of a workshop, the micro-credential, or ""
    for the orientation. `generation` counts its reversals before, and is None on a reversal.
    `ordinal` puts entries of the same instant in granting order.
    """

    entry_id: str
    educator_id: str
    kind: EntryKind
    subject: str
    generation: int | None
    minutes: int
    micro_credential_id: str | None
    session_id: str | None
    designations: tuple[str, ...]
    completed_at: datetime
    registered_at: datetime | None
    granted_at: datetime
    reverses: str | None
    program_year: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A micro-credential's hours that are not due yet, and why. `since` is programme time."""

    educator_id: str
    micro_credential_id: str
    minutes: int
    missing: tuple[MissingStep, ...]
    since: datetime


@dataclass(frozen=True)
class Account:
    """All that came under one educator id, and what the ledger holds under it.

    Everything told by enrollment is kept by what it is about, the last word on each: the order of
    one key's events is kept by the topic, and between keys nothing here depends on order.
    """

    educator_id: str
    merged_into: str | None = None
    merge_number: int = 0
    erased: bool = False
    attendances: Kept[str, Attendance] = field(default_factory=Known)  # by session
    # By micro-credential:
    clock_hours: Kept[str, ClockHours] = field(default_factory=Known)
    registrations: Kept[str, frozenset[str | None]] = field(default_factory=Known)  # with NEA: learners
    attempts: Kept[str, Mapping[AttemptKey, Attempt]] = field(default_factory=Known)
    reviews: Kept[str, Mapping[tuple[AttemptKey, datetime], Review]] = field(default_factory=Known)  # and decided_at
    revocations: Kept[str, Mapping[str | None, datetime]] = field(default_factory=Known)  # by learner, the newest
    conflicts: frozenset[Ground] = frozenset()  # told by enrollment and not taken back
    cases: Mapping[str, Case] = field(default_factory=dict)  # by exception id, resolved ones gone
    live: Kept[Subject, Entry] = field(default_factory=Known)  # unreversed entries: one for each subject, at most
    reversals: Mapping[Subject, int] = field(default_factory=dict)  # by subject
    held: Mapping[str, HeldRow] = field(default_factory=dict)  # by micro-credential
    on_transcript: frozenset[str] = frozenset()  # entry ids that an issued transcript shows
    last_granted_at: datetime | None = None
    last_ordinal: int = 0

    def each_attempt(self) -> Iterator[tuple[AttemptKey, Attempt]]:
        for attempts in self.attempts.values():
            yield from attempts.items()

    def each_review(self) -> Iterator[Review]:
        for reviews in self.reviews.values():
            yield from reviews.values()

    def but(self, **changed: Any) -> "Account":
        """The account with these fields changed: `dataclasses.replace`, ten times faster for as many fields."""
        other = object.__new__(Account)
        other.__dict__.update(self.__dict__, **changed)
        return other


@dataclass(frozen=True, slots=True)
class Verdict:
    """What staff decided about an exception."""

    exception_id: str
    status: CaseStatus  # ACCEPTED or DISMISSED


@dataclass(frozen=True, slots=True)
class Reversed:
    entry: Entry


@dataclass(frozen=True, slots=True)
class Granted:
    entry: Entry


@dataclass(frozen=True, slots=True)
class Held:
    """The row as it is now; with nothing missing the row is gone."""

    row: HeldRow


@dataclass(frozen=True, slots=True)
class Opened:
    case: Case


@dataclass(frozen=True, slots=True)
class Closed:
    """An exception that resolved by itself, or that staff decided; see its status."""

    case: Case


Outcome = Reversed | Granted | Held | Opened | Closed


@dataclass(frozen=True, slots=True)
class Decision:
    """The accounts as they are now, those changed or locked by it, and what follows, in order."""

    accounts: Mapping[str, Account]
    touched: frozenset[str]
    outcomes: tuple[Outcome, ...]
