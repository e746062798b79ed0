"""Where an educator stands: the union of the accounts that are one person, seen as the programme's steps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from contracts.kinds import Decision, EntryKind, SessionKind
from services.notifications.state import (
    Attempt,
    Attendance,
    Educator,
    Entry,
    Held,
    Profile,
    Registration,
    Registry,
    Reservation,
    Review,
)


@dataclass(frozen=True)
class Credential:
    """One micro-credential of one educator."""

    id: str
    nea_registration: Registration | None = None
    clock_hours_registration: Registration | None = None
    workshop: Attendance | None = None
    attempts: tuple[Attempt, ...] = ()  # by submitted_at
    reviews: tuple[Review, ...] = ()  # by (attempt, decided_at)
    award: Review | None = None  # the one that counts
    entry: Entry | None = None  # unreversed
    held: Held | None = None

    @property
    def registered_with_nea(self) -> bool:
        """A submission or a decision implies the registration, whether or not we heard of it."""
        return self.nea_registration is not None or bool(self.attempts) or bool(self.reviews)

    @property
    def submitted(self) -> bool:
        return bool(self.attempts) or bool(self.reviews)

    @property
    def to_revise(self) -> tuple[Review, ...]:
        """What NEA asked to have revised, and was not: each submission stands alone, whatever became of another."""
        if self.award is not None:
            return ()
        asked = (Decision.NOT_YET, Decision.INCOMPLETE)
        return tuple(r for r in self.reviews if r.decision in asked and not self.answered(r))

    @property
    def denial(self) -> Review | None:
        """The last word, where NEA has denied every submission there is."""
        told = {review.submission_id: review for review in self.reviews}  # by (attempt, decided_at): the last of each
        open_ones = {attempt.submission_id for attempt in self.attempts} - told.keys()
        if open_ones or any(r.decision is not Decision.DENIED or self.answered(r) for r in told.values()):
            return None
        return max(told.values(), key=lambda review: review.decided_at, default=None)

    def answered(self, review: Review) -> bool:
        """Has a later attempt, or a later review of this one, come of the same submission?"""
        newer = any(a.submission_id == review.submission_id and a.number > review.attempt for a in self.attempts)
        later = any(
            r.submission_id == review.submission_id and (r.attempt, r.decided_at) > (review.attempt, review.decided_at)
            for r in self.reviews
        )
        return newer or later

    def late(self, submission_id: str) -> bool:
        """Was the submission's first attempt after the deadline?"""
        return any(a.submission_id == submission_id and a.number == 1 and a.on_time is False for a in self.attempts)


@dataclass(frozen=True)
class Group:
    """The accounts that are one person: the kept one first."""

    members: tuple[Educator, ...]

    @property
    def root(self) -> Educator:
        return self.members[0]

    @property
    def id(self) -> str:
        return self.root.id

    @property
    def named(self) -> Educator | None:
        """By whose profile she is called and written to: the kept account; before it has one, one merged into it."""
        return next((member for member in self.members if member.profile is not None), None)

    @property
    def profile(self) -> Profile | None:
        return self.named.profile if self.named else None

    @property
    def erased(self) -> bool:
        """An erasure is told of each account of the person: an erased one that came into a living one says nothing."""
        return self.root.erased

    @property
    def unsubscribed(self) -> bool:
        return any(member.unsubscribed_at is not None for member in self.members)

    @cached_property
    def told(self) -> frozenset[str]:
        return frozenset().union(*(member.told for member in self.members))

    @cached_property
    def reminded_on(self) -> frozenset[str]:
        """The local days of the last reminders."""
        return frozenset(member.reminded_on for member in self.members if member.reminded_on)

    @cached_property
    def attendances(self) -> tuple[Attendance, ...]:
        """Those that do their step, earliest first; of a double the earliest."""
        return tuple(_earliest(a for m in self.members for a in m.attendances.values() if a.minutes > 0))

    @cached_property
    def reservations(self) -> tuple[tuple[Educator, Reservation], ...]:
        return tuple((m, r) for m in self.members for r in m.reservations.values())

    @cached_property
    def orientation(self) -> Attendance | None:
        return next((a for a in self.attendances if a.kind is SessionKind.ORIENTATION), None)

    @cached_property
    def unallocated(self) -> tuple[Attendance, ...]:
        """Workshops that open the way for nothing yet."""
        return tuple(a for a in self.attendances if a.kind is SessionKind.WORKSHOP and not a.micro_credential_id)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All ledger entries, in granting order."""
        return tuple(
            sorted((e for m in self.members for e in m.entries.values()), key=lambda e: (e.granted_at, e.entry_id))
        )

    @cached_property
    def live_entries(self) -> tuple[Entry, ...]:
        reversed_ids = {e.reverses for e in self.entries if e.reverses}
        return tuple(e for e in self.entries if e.reverses is None and e.entry_id not in reversed_ids)

    @cached_property
    def total_minutes(self) -> int:
        return sum(e.minutes for e in self.entries)

    def designation_minutes(self, designation: str) -> int:
        return sum(e.minutes for e in self.entries if designation in e.designations)

    @cached_property
    def credentials(self) -> Mapping[str, Credential]:
        """Every micro-credential that anything is known of, in the order in which it was first heard of."""
        found: dict[str, datetime] = {}
        for credential_id, heard_at in self._mentions():
            found[credential_id] = min(heard_at, found.get(credential_id, heard_at))
        ordered = sorted(found, key=lambda id_: (found[id_], id_))
        return {credential_id: self._credential(credential_id) for credential_id in ordered}

    def credential(self, credential_id: str) -> Credential:
        return self.credentials.get(credential_id) or Credential(credential_id)

    def _mentions(self) -> Iterable[tuple[str, datetime]]:
        for member in self.members:
            for registration in member.registrations.values():
                if registration.withdrawn_at is None:
                    yield registration.micro_credential_id, registration.heard_at
            facts: tuple[Attempt | Review | Held, ...] = (
                *member.attempts.values(),
                *member.reviews.values(),
                *member.held.values(),
            )
            for fact in facts:
                yield fact.micro_credential_id, fact.heard_at
        for attendance in self.attendances:
            if attendance.kind is SessionKind.WORKSHOP and attendance.micro_credential_id:
                yield attendance.micro_credential_id, attendance.heard_at
        for entry in self.live_entries:
            if entry.kind is EntryKind.MICRO_CREDENTIAL and entry.micro_credential_id:
                yield entry.micro_credential_id, entry.heard_at

    def _credential(self, credential_id: str) -> Credential:
        workshops = (a for a in self.attendances if a.kind is SessionKind.WORKSHOP)
        reviews = sorted(
            (r for m in self.members for r in m.reviews.values() if r.micro_credential_id == credential_id),
            key=lambda r: (r.attempt, r.decided_at),
        )
        attempts = sorted(
            (a for m in self.members for a in m.attempts.values() if a.micro_credential_id == credential_id),
            key=lambda a: (a.submitted_at, a.number),
        )
        entries = (e for e in self.live_entries if e.kind is EntryKind.MICRO_CREDENTIAL)
        held = (m.held[credential_id] for m in self.members if credential_id in m.held)
        entry = next((e for e in entries if e.micro_credential_id == credential_id), None)
        return Credential(
            credential_id,
            self._registration(credential_id, Registry.NEA),
            self._registration(credential_id, Registry.CLOCK_HOURS),
            next((a for a in workshops if a.micro_credential_id == credential_id), None),
            tuple(attempts),
            tuple(reviews),
            self._award(credential_id, reviews),
            entry,
            # An account merged away may still have its row: the kept one's is the newest word.
            None if entry else max(held, key=lambda h: h.heard_at, default=None),
        )

    def _registration(self, credential_id: str, registry: Registry) -> Registration | None:
        made = (
            r
            for m in self.members
            for r in m.registrations.values()
            if r.registry is registry and r.micro_credential_id == credential_id and r.withdrawn_at is None
        )
        return min(made, key=lambda r: r.registered_at, default=None)

    def _award(self, credential_id: str, reviews: Iterable[Review]) -> Review | None:
        revoked = [
            v.revoked_at for m in self.members for v in m.revocations.values() if v.micro_credential_id == credential_id
        ]
        return next(
            (
                r
                for r in reviews
                if r.decision is Decision.AWARDED and all(r.decided_at > revoked_at for revoked_at in revoked)
            ),
            None,
        )


def _earliest(attendances: Iterable[Attendance]) -> list[Attendance]:
    """One attendance a session, in the order in which they ended."""
    found: dict[str, Attendance] = {}
    for attendance in sorted(attendances, key=lambda a: (a.ended_at, a.session_id)):
        found.setdefault(attendance.session_id, attendance)
    return list(found.values())


def groups(educators: Mapping[str, Educator]) -> dict[str, Group]:
    """The group of each of these accounts, by own id. All members must be among them.

    Merges come under different keys, so for a moment two accounts may point at each other: then the lower id is kept.
    """
    roots = {id_: _root(id_, educators) for id_ in educators}
    members: dict[str, list[Educator]] = {}
    for id_, root in roots.items():
        members.setdefault(root, []).append(educators[id_])
    formed = {root: Group(tuple(sorted(those, key=lambda e: (e.id != root, e.id)))) for root, those in members.items()}
    return {id_: formed[root] for id_, root in roots.items()}


def _root(id_: str, educators: Mapping[str, Educator]) -> str:
    seen = [id_]
    while True:
        alias = educators[seen[-1]].alias_of if seen[-1] in educators else None
        if alias is None:
            return seen[-1]
        if alias in seen:
            return min(seen[seen.index(alias) :])
        seen.append(alias)
