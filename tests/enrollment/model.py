"""What section 2 of the design asks of enrollment, said again plainly and slowly: no import from services/.

A clerk keeps every event that was ever accepted in one drawer and reads all of them again for each question. Remembered
from arrival to arrival is only what arrival decides: the first attendance of a session, merges, and whom a learner is.

Left out, because the histories never ask for it: rivals for one NEA member id, addresses that two people share,
erasure and staff's links, which persons.py is for; records beyond their bounds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts import events
from contracts.event import EventData
from contracts.kinds import ConflictKind, Decision, SessionKind
from contracts.program import Program, Programs

Attempt = tuple[str, str, int]
"""Micro-credential, submission, number."""

DECIDED: Mapping[str, type[events.CredentialAwarded | events.CredentialDenied | events.CredentialReturned]] = {
    "awarded": events.CredentialAwarded,
    "denied": events.CredentialDenied,
    "not_yet": events.CredentialReturned,
    "incomplete": events.CredentialReturned,
}


@dataclass(frozen=True)
class Fact:
    """One event as it was sent. `source` tells NEA's from the portal's."""

    type: str
    data: Mapping[str, Any]
    time: datetime
    id: str
    source: str = "/portal"

    @property
    def rank(self) -> tuple[datetime, str, str]:
        return self.time, self.id, self.source

    @property
    def is_nea(self) -> bool:
        return self.source == "/webhooks/nea"

    def at(self, name: str) -> datetime:
        return datetime.fromisoformat(self.data[name])


def newest(facts: Iterable[Fact]) -> Fact | None:
    return max(facts, key=lambda fact: fact.rank, default=None)


class Clerk:
    """`learner_id` names a learner by what NEA calls them."""

    def __init__(self, programs: Programs, learner_id: Callable[[Mapping[str, str]], str]) -> None:
        self.programs = programs
        self.learner_id = learner_id
        self.drawer: list[Fact] = []
        self.seen: set[tuple[str, str]] = set()
        self.first: dict[tuple[str, str], Fact] = {}  # attendances by account and session
        self.into: dict[str, str] = {}
        self.bound: dict[str, str] = {}
        self.disputed: set[tuple[str, str]] = set()
        self.refused: set[tuple[str, str]] = set()
        self.ids: set[str] = set()

    # -- what arrival decides

    def hear(self, fact: Fact) -> None:
        """An event was applied. The same (source, id) again is nothing."""
        if (fact.source, fact.id) in self.seen:
            return
        self.seen.add((fact.source, fact.id))
        self.drawer.append(fact)
        match fact.type:
            case "educator.merged" | "educator.unmerged":
                self._merge(fact)
            case "session.attended":
                self._attend(fact)
            case _ if "educator_id" in fact.data:
                self.ids.add(fact.data["educator_id"])
            case _:
                pass
        self._match()

    def _attend(self, fact: Fact) -> None:
        place = (fact.data["educator_id"], fact.data["session_id"])
        self.ids.add(place[0])
        first = self.first.setdefault(place, fact)
        if said(first) != said(fact):
            self.disputed.add(place)

    def _merge(self, fact: Fact) -> None:
        kept, merged = fact.data["kept_educator_id"], fact.data["merged_educator_id"]
        self.ids |= {kept, merged}
        if fact.type == "educator.unmerged":
            if self.into.get(merged) == kept:
                del self.into[merged]
        elif kept == merged or merged in self.into or self.root(kept) == merged:
            self.refused.add((kept, merged))
        else:
            self.into[merged] = kept

    def _match(self) -> None:
        for learner in sorted({self.learner(fact) for fact in self.drawer if fact.is_nea} - self.bound.keys()):
            found = self._meant(learner)
            if found is not None:
                self.bound[learner] = found

    def _meant(self, learner: str) -> str | None:
        """The profile with the member id; else the one person with the address, if no other member id is theirs."""
        calls = [fact.data["learner"] for fact in self.drawer if fact.is_nea and self.learner(fact) == learner]
        member = next((call["nea_member_id"] for call in calls if "nea_member_id" in call), None)
        addresses = {call["email"].strip().casefold() for call in calls if "email" in call}
        profiles = {id: profile for id in sorted(self.ids) if (profile := self.profile(id)) is not None}
        for id, profile in profiles.items():
            if member is not None and profile.get("nea_member_id") == member:
                return id
        having = [id for id, profile in profiles.items() if profile["email"].strip().casefold() in addresses]
        if len({self.root(id) for id in having}) != 1:
            return None
        root = self.root(having[0])
        persons = [profiles[id].get("nea_member_id") for id in self.group(root) if id in profiles]
        if any(held not in (None, member) for held in persons):
            return None
        return root if root in having else having[0]

    # -- who is who

    def learner(self, fact: Fact) -> str:
        return self.learner_id(fact.data["learner"])

    def profile(self, id: str) -> Mapping[str, Any] | None:
        told = newest(self.of([id], "educator.updated"))
        return told.data if told else None

    def root(self, id: str) -> str:
        while id in self.into:
            id = self.into[id]
        return id

    def group(self, id: str) -> list[str]:
        root = self.root(id)
        return [root, *sorted(other for other in self.ids if other != root and self.root(other) == root)]

    def of(self, ids: Iterable[str], *types: str, **fields: str) -> list[Fact]:
        """The portal's facts of these accounts, of these types, with these fields."""
        wanted = set(ids)
        return [
            fact
            for fact in self.drawer
            if fact.type in types
            and not fact.is_nea
            and fact.data.get("educator_id") in wanted
            and all(fact.data.get(name) == value for name, value in fields.items())
        ]

    # -- what is true now, as enrollment would tell it to a reader who starts today

    def letters(self) -> Iterator[EventData]:
        for merged, kept in sorted(self.into.items()):
            yield events.EducatorsMerged(
                educator_id=kept, kept_educator_id=kept, merged_educator_id=merged, merge_number=1
            )
        for kept, merged in sorted(self.refused):
            yield events.ConflictOpened(educator_id=kept, kind=ConflictKind.MERGE_CONFLICT, merged_educator_id=merged)
        for id in sorted(self.ids):
            yield from self._sessions(id)
            yield from self._registrations(id)
            for learner in sorted(learner for learner, bound in self.bound.items() if bound == id):
                yield from self._of_learner(id, learner)

    def _sessions(self, id: str) -> Iterator[EventData]:
        for (who, session), attended in self.first.items():
            if who != id:
                continue
            if (who, session) in self.disputed:
                yield events.ConflictOpened(educator_id=id, kind=ConflictKind.ATTENDANCE_CONFLICT, session_id=session)
            against = self.against(attended)
            for kind in against:
                yield events.ConflictOpened(educator_id=id, kind=kind, session_id=session)
            if (credit := self.credit(attended)) and not against:
                model = events.OrientationCompleted if is_orientation(attended) else events.WorkshopAttended
                yield model(
                    educator_id=id,
                    session_id=session,
                    kind=SessionKind(attended.data["kind"]),
                    minutes=credit,
                    attended_minutes=self.minutes(attended),
                    ended_at=attended.at("ended_at"),
                    micro_credential_id=self.named(attended),
                )

    def minutes(self, attended: Fact) -> int:
        """Minutes attended: the newest correction's, under whatever account of the person."""
        corrected = newest(self._corrections(attended))
        minutes: int = (corrected or attended).data["minutes"]
        return minutes

    def credit(self, attended: Fact) -> int:
        """90 minutes, lowered by the minutes attended in steps of 30; under 60 nothing."""
        credit = min(90, self.minutes(attended) // 30 * 30)
        return credit if credit >= 60 else 0

    def named(self, attended: Fact) -> str | None:
        """The newest correction that has the field; else the attendance; else the reservation, if it stands."""
        corrected = newest(fact for fact in self._corrections(attended) if "micro_credential_id" in fact.data)
        if corrected is not None:
            return optional(corrected, "micro_credential_id")
        if optional(attended, "micro_credential_id") is not None:
            return optional(attended, "micro_credential_id")
        seat = newest(self._about(attended, "session.reserved", "reservation.cancelled"))
        return optional(seat, "micro_credential_id") if seat and seat.type == "session.reserved" else None

    def against(self, attended: Fact) -> list[ConflictKind]:
        """A session that was cancelled or planned as another kind, or in no loaded year. Nothing, once revoked."""
        if not self.minutes(attended):
            return []
        found = []
        plans = ("session.scheduled", "session.cancelled")
        session = attended.data["session_id"]
        plan = newest(fact for fact in self.drawer if fact.type in plans and fact.data["session_id"] == session)
        if plan and (plan.type == "session.cancelled" or plan.data["kind"] != attended.data["kind"]):
            found.append(ConflictKind.SESSION_CONFLICT)
        if self.programs.of(attended.at("ended_at")) is None:
            found.append(ConflictKind.NO_PROGRAM_YEAR)
        return found

    def _corrections(self, attended: Fact) -> list[Fact]:
        return self._about(attended, "attendance.corrected")

    def _about(self, attended: Fact, *types: str) -> list[Fact]:
        group = self.group(attended.data["educator_id"])
        return self.of(group, *types, session_id=attended.data["session_id"])

    def _registrations(self, id: str) -> Iterator[EventData]:
        for credential in credentials(self.of([id], "micro_credential.registered")):
            told = newest(self.of([id], "micro_credential.registered", micro_credential_id=credential))
            if told is not None:
                yield events.MicroCredentialRegistered(
                    educator_id=id, micro_credential_id=credential, registered_at=told.at("registered_at")
                )
        types = ("clock_hours.registered", "clock_hours.withdrawn")
        for credential in credentials(self.of([id], *types)):
            last = newest(self.of(self.group(id), *types, micro_credential_id=credential))
            if last is not None and last.type == "clock_hours.registered":
                yield events.ClockHoursRegistered(
                    educator_id=id, micro_credential_id=credential, registered_at=last.at("registered_at")
                )
            elif last is not None:
                yield events.ClockHoursWithdrawn(
                    educator_id=id,
                    micro_credential_id=credential,
                    withdrawn_at=last.at("withdrawn_at"),
                    reason=last.data["reason"],
                )

    # -- what NEA says

    def _said_of(self, learner: str, suffix: str) -> list[Fact]:
        type_ = f"micro_credential.{suffix}"
        return [fact for fact in self.drawer if fact.is_nea and fact.type == type_ and self.learner(fact) == learner]

    def _of_learner(self, id: str, learner: str) -> Iterator[EventData]:
        who: dict[str, Any] = {"educator_id": id, "learner_id": learner}
        registered = self._said_of(learner, "registered")
        for credential in credentials(registered):
            told = newest(fact for fact in registered if fact.data["micro_credential_id"] == credential)
            if told is not None:
                at = told.at("registered_at")
                yield events.MicroCredentialRegistered(**who, micro_credential_id=credential, registered_at=at)
        for key in dict.fromkeys(attempt_of(fact) for fact in self._said_of(learner, "submitted")):
            yield self._submitted(who, key)
        yield from self._decided(who, learner)
        for credential, at in dict.fromkeys(
            (fact.data["micro_credential_id"], fact.at("revoked_at")) for fact in self._said_of(learner, "revoked")
        ):
            yield events.CredentialRevoked(**who, micro_credential_id=credential, revoked_at=at)

    def _submitted(self, who: dict[str, Any], key: Attempt) -> EventData:
        credential, submission, number = key
        submitted_at = self.submitted_at(who["educator_id"], key)
        assert submitted_at is not None
        return events.CredentialSubmitted(
            **who,
            micro_credential_id=credential,
            submission_id=submission,
            attempt=number,
            submitted_at=submitted_at,
            on_time=self.on_time(who["educator_id"], key),
        )

    def submitted_at(self, id: str, key: Attempt) -> datetime | None:
        """By the newest webhook about it, of all that NEA says of this person."""
        learners = [learner for learner, bound in self.bound.items() if bound in self.group(id)]
        told = [fact for learner in learners for fact in self._said_of(learner, "submitted")]
        last = newest(fact for fact in told if attempt_of(fact) == key)
        return last.at("submitted_at") if last else None

    def on_time(self, id: str, key: Attempt) -> bool | None:
        """By the year of attempt 1; unjudged until that is seen and a loaded year holds it."""
        credential, submission, number = key
        first, own = self.submitted_at(id, (credential, submission, 1)), self.submitted_at(id, key)
        year: Program | None = self.programs.of(first) if first else None
        if year is None or own is None:
            return None
        return year.local_date(own) <= (year.submission_deadline if number == 1 else year.revision_deadline)

    def _decided(self, who: dict[str, Any], learner: str) -> Iterator[EventData]:
        told = self._said_of(learner, "reviewed")
        for key in dict.fromkeys((attempt_of(fact), fact.at("decided_at")) for fact in told):
            of_one_moment = [fact for fact in told if (attempt_of(fact), fact.at("decided_at")) == key]
            awards = [fact for fact in of_one_moment if fact.data["decision"] == Decision.AWARDED]
            last = newest(awards or of_one_moment)
            assert last is not None
            (credential, submission, number), decided_at = key
            yield DECIDED[last.data["decision"]](
                **who,
                micro_credential_id=credential,
                submission_id=submission,
                attempt=number,
                decision=Decision(last.data["decision"]),
                decided_at=decided_at,
            )

    # -- what arrival leaves open

    def perhaps_named(self, id: str) -> set[tuple[str, str]]:
        """What attendances without hours were ever said to be for: whether that was told depends on their arrival.

        Pairs of the account that attended and a micro-credential, of all accounts of this educator.
        """
        found: set[tuple[str, str | None]] = set()
        for (who, session), attended in self.first.items():
            if self.root(who) == self.root(id) and (self.against(attended) or not self.credit(attended)):
                said_of = self.of(self.ids, "attendance.corrected", "session.reserved", session_id=session)
                found |= {(who, optional(fact, "micro_credential_id")) for fact in (attended, *said_of)}
        return {(who, name) for who, name in found if name is not None}


def said(attended: Fact) -> tuple[Any, ...]:
    """What an attendance says."""
    data = attended.data
    return data["kind"], data["minutes"], attended.at("ended_at"), optional(attended, "micro_credential_id")


def optional(fact: Fact, name: str) -> str | None:
    value: str | None = fact.data.get(name)
    return value


def is_orientation(attended: Fact) -> bool:
    return bool(attended.data["kind"] == "orientation")


def credentials(facts: Iterable[Fact]) -> list[str]:
    return sorted({fact.data["micro_credential_id"] for fact in facts})


def attempt_of(fact: Fact) -> Attempt:
    data = fact.data
    return data["micro_credential_id"], data["submission_id"], data["attempt"]
