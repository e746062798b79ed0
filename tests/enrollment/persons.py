"""Who is who, said again plainly and slowly from "Who is meant", "Merge" and "Erasure" of section 2: no import from
services/.

A registrar keeps what arrival decides (merges, who holds a member id, whom a learner was found to be) and looks at
everybody again after each event. model.py leaves out what is asked for here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Learner:
    """One of NEA's learners, by member id, or by address where NEA gives none."""

    member: str | None
    addresses: set[str] = field(default_factory=set)
    account: str | None = None
    barred: set[str] = field(default_factory=set)
    forgotten: bool = False


@dataclass(frozen=True)
class Profile:
    said: tuple[datetime, str]
    address: str
    claim: str | None


def address_of(mail: str) -> str:
    return mail.strip().casefold()


class Registrar:
    """`learners` are by member id, else by address."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.erased: set[str] = set()
        self.into: dict[str, str] = {}
        self.profiles: dict[str, Profile] = {}
        self.holders: dict[str, str] = {}
        self.learners: dict[str, Learner] = {}

    # -- events

    def hear(self, type_: str, data: Mapping[str, Any], said: tuple[datetime, str]) -> None:
        match type_:
            case "educator.updated":
                self._profile(data, said)
            case "educator.merged" | "educator.unmerged":
                self._merge(data["kept_educator_id"], data["merged_educator_id"], undo=type_ == "educator.unmerged")
            case "educator.erased":
                self.known.add(data["educator_id"])
                self._erase(self.person(data["educator_id"]))
            case _:
                self._introduce(**data["learner"])
        self._look_again()

    def link(self, name: str, account: str) -> None:
        self.known.add(account)
        self.learners[name].account = account
        self.learners[name].barred.discard(account)
        self._look_again()

    def unlink(self, name: str) -> None:
        learner = self.learners[name]
        if learner.account is not None:
            learner.barred.add(learner.account)
            learner.account = None
        self._look_again()

    def _profile(self, data: Mapping[str, Any], said: tuple[datetime, str]) -> None:
        who = data["educator_id"]
        self.known.add(who)
        if who in self.erased or (who in self.profiles and self.profiles[who].said >= said):
            return
        self.profiles[who] = Profile(said, address_of(data["email"]), data.get("nea_member_id"))

    def _merge(self, kept: str, merged: str, *, undo: bool) -> None:
        self.known |= {kept, merged}
        if undo:
            if self.into.get(merged) == kept:
                del self.into[merged]
        elif merged not in self.into and self.root(kept) != merged:  # which is so with itself, too
            self.into[merged] = kept
            if self.root(kept) in self.erased:
                self._erase(self.person(kept))

    def _erase(self, accounts: set[str]) -> None:
        gone = [profile for who, profile in self.profiles.items() if who in accounts]
        names = {name for profile in gone for name in (profile.address, profile.claim)} - {None}
        self.erased |= accounts
        for who in accounts:
            self.profiles.pop(who, None)
        left = {name for profile in self.profiles.values() for name in (profile.address, profile.claim)} - {None}
        for learner in self.learners.values():
            called = {*learner.addresses, learner.member} - {None}
            unknown = learner.account is None and called & names and not called & left
            if learner.account in accounts or unknown:
                learner.forgotten = True

    def _introduce(self, nea_member_id: str | None = None, email: str | None = None) -> None:
        name = nea_member_id or address_of(email or "")
        learner = self.learners.setdefault(name, Learner(nea_member_id))
        if email is not None:
            learner.addresses.add(address_of(email))

    # -- what follows

    def root(self, who: str) -> str:
        while who in self.into:
            who = self.into[who]
        return who

    def person(self, who: str) -> set[str]:
        return {account for account in self.known | {who} if self.root(account) == self.root(who)}

    def rivals(self) -> set[tuple[str, str]]:
        """Each account whose claim another person holds, with the holder."""
        claims = [(who, self.holders[profile.claim]) for who, profile in self.profiles.items() if profile.claim]
        return {(who, holder) for who, holder in claims if self.root(who) != self.root(holder)}

    def _look_again(self) -> None:
        for member, holder in list(self.holders.items()):
            if holder not in self._claimants(member):
                del self.holders[member]
        for member in {profile.claim for profile in self.profiles.values() if profile.claim}:
            # Of several that wait, the claim with the oldest profile.
            longest = min(self._claimants(member), key=lambda who: (self.profiles[who].said, who))
            self.holders.setdefault(member, longest)
        for learner in self.learners.values():
            if learner.account is None and not learner.forgotten:
                found = self._meant(learner)
                barred = {self.root(who) for who in learner.barred}
                learner.account = found if found is not None and self.root(found) not in barred else None

    def _claimants(self, member: str) -> list[str]:
        return [who for who, profile in self.profiles.items() if profile.claim == member]

    def _meant(self, learner: Learner) -> str | None:
        if learner.member in self.holders:
            return self.holders[learner.member]
        having = {who for who, profile in self.profiles.items() if profile.address in learner.addresses}
        persons = {self.root(who) for who in having}
        if len(persons) != 1 or self._held_by(persons) - {learner.member}:
            return None
        (person,) = persons
        return person if person in having else min(having)

    def _held_by(self, persons: Iterable[str]) -> set[str]:
        return {member for member, holder in self.holders.items() if self.root(holder) in persons}
