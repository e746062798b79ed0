"""Random histories as the portal and NEA could send them: families of accounts, of which some are one person.

What arrival alone may decide is kept in an order that every way of sending keeps: see `Piece.ordered`, and `phases`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.clockhours.builders import at
from tests.enrollment.model import Fact

CREDENTIALS = ("NEA_TRA1", "EX_CLIM1", "NEA_TRA1", "EX_AI1", "EX_TLA1", "NEA_NEW")
MINUTES = (90, 90, 90, 60, 89, 120, 45, 0)
ENDED = ("2024-02-10T18:00", "2024-03-20T18:00", "2024-10-02T18:00", "2024-04-02T18:00", "2019-01-01T18:00")
DAYS = (
    "2024-04-10T12:00", "2024-04-27T06:59", "2024-04-27T07:00", "2024-05-20T12:00", "2024-05-25T07:00",
    "2024-09-10T12:00", "2023-02-01T12:00",
)  # fmt: skip
REVIEWED = ("2024-05-02T12:00", "2024-05-10T12:00", "2024-06-10T12:00", "2024-07-01T12:00")
DECISIONS = ("awarded", "awarded", "awarded", "not_yet", "incomplete", "denied")
ACCOUNTS, PHASES = 3, 4


@dataclass(frozen=True)
class Piece:
    """One event and how it may be sent. `ordered`: after those before it of the same account, by the same way."""

    fact: Fact
    ordered: bool = False

    @property
    def account(self) -> str:
        return str(self.fact.data.get("educator_id", ""))


@dataclass
class Family:
    """Accounts that may be merged with each other, their learners and their sessions."""

    name: str
    random: Random
    phases: list[list[Piece]] = field(default_factory=list)  # each in any order, merge and all, after the one before
    merges: list[Piece] = field(
        default_factory=list
    )  # one a phase but the first: two in any order would be two stories
    count: int = 0

    @property
    def accounts(self) -> list[str]:
        return [f"E{number}-{self.name}" for number in range(ACCOUNTS)]

    def fact(self, type: str, **data: Any) -> Fact:
        """Times are few, so that there are ties; ids are in no order."""
        self.count += 1
        time = at(f"2024-06-{self.random.randint(1, 6):02}T12:00")
        number = self.random.randrange(10**6)
        return Fact(type, data, time, f"{self.name}-{number:06}-{self.count}")

    def webhook(self, kind: str, learner: Mapping[str, str], **data: Any) -> Fact:
        told = self.fact(f"micro_credential.{kind}", learner=dict(learner), **data)
        return Fact(told.type, told.data, told.time, told.id, "/webhooks/nea")


def family(name: str, random: Random, events: int) -> Family:
    """A family with this many events, the merges among them."""
    found = Family(name, random)
    begin = [*_profiles(found), *_first_webhooks(found)]
    found.merges = [_merge(found) for _ in range(PHASES - 1)]
    found.phases = [begin, *([merge] for merge in found.merges)]
    while found.count < events:
        random.choice(found.phases).append(_any(found))
    return found


def learner(found: Family, account: str) -> dict[str, str]:
    """The first account is known by its member id, the second by its address alone, the third by both."""
    member, email = {"nea_member_id": f"N-{account}"}, {"email": f"{account.lower()}@example.org"}
    return (member, email, member | email)[found.accounts.index(account)]


def _profiles(found: Family) -> Iterator[Piece]:
    """Some come later, or never: what NEA says of such an account waits."""
    for account in found.accounts:
        if "email" not in learner(found, account) and found.random.random() < 0.3:
            continue
        yield Piece(_profile(found, account))


def _profile(found: Family, account: str) -> Fact:
    known = learner(found, account)
    data = {"educator_id": account, "name": f"Ana {found.random.randint(1, 9)}", "email": f"{account}@example.org"}
    return found.fact("educator.updated", **data, **{k: v for k, v in known.items() if k == "nea_member_id"})


def _first_webhooks(found: Family) -> Iterator[Piece]:
    """Who is known by an address is matched before any merge: afterwards another's member id may stand against it."""
    for account in found.accounts:
        yield Piece(_submitted(found, account))


def _merge(found: Family) -> Piece:
    kept, merged = found.random.choice(found.accounts), found.random.choice(found.accounts)
    kind = "educator.unmerged" if found.random.random() < 0.3 else "educator.merged"
    return Piece(found.fact(kind, kept_educator_id=kept, merged_educator_id=merged))


def _any(found: Family) -> Piece:
    random = found.random
    account, credential = random.choice(found.accounts), random.choice(CREDENTIALS)
    whose: dict[str, Any] = {"educator_id": account, "micro_credential_id": credential}
    match random.randrange(26):
        case 0 | 1 | 2:
            return Piece(_attended(found, account, "orientation"), ordered=True)
        case 3 | 4 | 5 | 6 | 7:
            return Piece(_attended(found, account, "workshop"), ordered=True)
        case 8 | 9:
            return Piece(_corrected(found, account))
        case 10:
            return Piece(found.fact("session.reserved", session_id=_session(random, "W", found), **whose))
        case 11:
            session = _session(random, "W", found)
            return Piece(found.fact("reservation.cancelled", educator_id=account, session_id=session))
        case 12:
            return Piece(_plan(found))
        case 13 | 14 | 15:
            return Piece(found.fact("clock_hours.registered", registered_at=_at(random.choice(DAYS)), **whose))
        case 16:
            gone = {"withdrawn_at": _at(random.choice(DAYS)), "reason": "asked"}
            return Piece(found.fact("clock_hours.withdrawn", **gone, **whose))
        case 17:
            return Piece(found.fact("micro_credential.registered", registered_at=_at(random.choice(DAYS)), **whose))
        case 18:
            return Piece(_profile(found, account))
        case 19 | 20 | 21:
            return Piece(_submitted(found, account))
        case 22 | 23 | 24:
            return Piece(_reviewed(found, account))
        case _:
            who, day = learner(found, account), _at(random.choice(REVIEWED))
            return Piece(found.webhook("revoked", who, micro_credential_id=credential, revoked_at=day))


def _attended(found: Family, account: str, kind: str) -> Fact:
    random = found.random
    letter = "O" if kind == "orientation" else "W"
    data: dict[str, Any] = {"educator_id": account, "session_id": _session(random, letter, found), "kind": kind}
    data |= {"minutes": random.choice(MINUTES), "ended_at": _at(random.choice(ENDED))}
    if kind == "workshop" and random.random() < 0.8:
        data["micro_credential_id"] = random.choice(CREDENTIALS)
    return found.fact("session.attended", **data)


def _corrected(found: Family, account: str) -> Fact:
    random = found.random
    data: dict[str, Any] = {"educator_id": account, "session_id": _session(random, random.choice("OW"), found)}
    data |= {"minutes": random.choice(MINUTES), "reason": "the sign-in sheet"}
    if random.random() < 0.4:
        data["micro_credential_id"] = random.choice((*CREDENTIALS, None))
    return found.fact("attendance.corrected", **data)


def _plan(found: Family) -> Fact:
    random = found.random
    letter = random.choice("OWW")
    session = _session(random, letter, found)
    if random.random() < 0.4:
        return found.fact("session.cancelled", session_id=session)
    right = "orientation" if letter == "O" else "workshop"
    kind = right if random.random() < 0.8 else random.choice(("orientation", "workshop"))
    times = {"starts_at": _at("2024-03-20T16:00"), "ends_at": _at("2024-03-20T18:00")}
    return found.fact("session.scheduled", session_id=session, kind=kind, title="A session", **times)


def _submitted(found: Family, account: str) -> Fact:
    day = _at(found.random.choice(DAYS))
    return found.webhook("submitted", learner(found, account), **_attempt(found, account), submitted_at=day)


def _reviewed(found: Family, account: str) -> Fact:
    decided = {"decision": found.random.choice(DECISIONS), "decided_at": _at(found.random.choice(REVIEWED))}
    return found.webhook("reviewed", learner(found, account), **_attempt(found, account), **decided)


def _attempt(found: Family, account: str) -> dict[str, Any]:
    credential = found.random.choice(CREDENTIALS)
    submission = f"S{found.random.randrange(2)}-{credential}-{account}"
    return {"micro_credential_id": credential, "submission_id": submission, "attempt": found.random.choice((1, 1, 2))}


def _session(random: Random, letter: str, found: Family) -> str:
    return f"{letter}{random.randrange(2 if letter == 'O' else 4)}-{found.name}"


def _at(text: str) -> str:
    return at(text).isoformat()
