"""What must be true once all of this was told: the programme's rules said again, plainly, from the programme's file.

It knows nothing of how the system works, and takes all that was told at once, in no order.
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from faults.story import Fact

STEPS = ("orientation", "workshop", "clock_hours_registration", "on_time_submission", "award")
TAKES_BACK = {
    "attendance.corrected", "clock_hours.withdrawn", "micro_credential.revoked", "session.cancelled",
    "educator.merged", "session.scheduled",
}  # fmt: skip


@dataclass(frozen=True)
class Hours:
    """One entry that must stand: for an orientation, one of several that may."""

    kind: str
    subject: str
    minutes: int
    completed_at: datetime
    designations: tuple[str, ...] = ()


@dataclass
class Truth:
    """Of one educator, all accounts together. `unsure` credentials may have a held row or not (see `_rows`)."""

    educator: str
    members: tuple[str, ...]
    orientations: set[Hours] = field(default_factory=set)  # exactly one of them stands; none where there is none
    hours: set[Hours] = field(default_factory=set)
    held: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    takings_back: int = 0  # what may have reversed something

    @property
    def totals(self) -> set[int]:
        rest = sum(one.minutes for one in self.hours)
        return {rest + one.minutes for one in self.orientations} or {rest}


class Programme:
    """The one year that the stories play in, read from its file by nobody else's code."""

    def __init__(self, file: Path) -> None:
        said = tomllib.loads(file.read_text())
        self.zone = ZoneInfo(said["time_zone"])
        self.minutes: dict[str, int] = said["minutes"]
        self.submission = self._end_of(said["submission_deadline"])
        self.revision = self._end_of(said["revision_deadline"])
        self.catalogue: dict[str, dict[str, Any]] = {one["id"]: one for one in said["micro_credentials"]}

    def _end_of(self, day: Any) -> datetime:
        next_day = day + timedelta(days=1)
        return datetime(next_day.year, next_day.month, next_day.day, tzinfo=self.zone)

    def credit(self, kind: str, attended: int) -> int:
        step = self.minutes["rounding_step"]
        credit = min(attended // step * step, self.minutes[kind])
        return credit if credit >= self.minutes["minimum"] else 0


def truths(facts: Iterable[Fact], programme: Programme) -> Iterator[Truth]:
    """What must be true of each educator of these facts."""
    told = list(facts)
    alias = {f.data["merged_educator_id"]: f.data["kept_educator_id"] for f in told if f.type == "educator.merged"}
    groups: dict[str, list[Fact]] = {}
    members: dict[str, set[str]] = {}
    sessions: dict[str, list[Fact]] = {}
    learner: dict[str, str] = {}
    for fact in told:
        if fact.type == "educator.updated":
            learner[fact.data["nea_member_id"]] = fact.data["educator_id"]
    for fact in told:
        if fact.type.startswith("session.sched") or fact.type == "session.cancelled":
            sessions.setdefault(fact.data["session_id"], []).append(fact)
            continue
        own = fact.data.get("kept_educator_id") or fact.data.get("educator_id")
        own = own or learner[fact.data["learner"]["nea_member_id"]]
        root = alias.get(own, own)
        groups.setdefault(root, []).append(fact)
        members.setdefault(root, {root}).add(own)
    for root, mine in groups.items():
        truth = Truth(root, tuple(sorted(members[root])))
        _attendances(truth, mine, sessions, programme)
        _credentials(truth, mine, programme)
        plans = [f for id in {f.data.get("session_id") for f in mine} for f in sessions.get(str(id), ())]
        truth.takings_back = sum(f.type in TAKES_BACK for f in [*mine, *plans])
        yield truth


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _newest(facts: Iterable[Fact]) -> Fact | None:
    return max(facts, key=lambda f: (_at(f.time), f.id), default=None)


def _attendances(truth: Truth, mine: list[Fact], sessions: dict[str, list[Fact]], programme: Programme) -> None:
    for attended in (f for f in mine if f.type == "session.attended"):
        session, kind = attended.data["session_id"], attended.data["kind"]
        plan = _newest(sessions.get(session, ()))
        corrected = _newest(f for f in mine if f.type == "attendance.corrected" and f.data["session_id"] == session)
        minutes = programme.credit(kind, (corrected or attended).data["minutes"])
        if plan is not None and plan.type == "session.cancelled":
            minutes = 0
        if not minutes:
            continue
        subject = "" if kind == "orientation" else session
        entry = Hours(kind, subject, minutes, _at(attended.data["ended_at"]))
        (truth.orientations if kind == "orientation" else truth.hours).add(entry)


def _credentials(truth: Truth, mine: list[Fact], programme: Programme) -> None:
    seen = {f.data["micro_credential_id"] for f in mine if f.data.get("micro_credential_id")}
    for credential in sorted(seen):
        about = [f for f in mine if f.data.get("micro_credential_id") == credential]
        opened = _opened(truth, mine, about)
        register = _newest(f for f in about if f.type in ("clock_hours.registered", "clock_hours.withdrawn"))
        awarded = _award(about)
        have = {
            "orientation": bool(truth.orientations),
            "workshop": opened,
            "clock_hours_registration": register is not None and register.type == "clock_hours.registered",
            "on_time_submission": _on_time(about, programme),
            "award": awarded is not None,
        }
        missing = tuple(step for step in STEPS if not have[step])
        entry = programme.catalogue[credential]
        if not missing and awarded is not None:
            minutes = entry.get("minutes", programme.minutes["micro_credential"])
            decided = _at(awarded.data["decided_at"])
            designations = tuple(entry.get("designations", ()))
            truth.hours.add(Hours("micro_credential", credential, minutes, decided, designations))
        else:
            _rows(truth, credential, about, missing, opened)


def _rows(truth: Truth, credential: str, about: list[Fact], missing: tuple[str, ...], opened: bool) -> None:
    """A held row for what was ever seen. Whether a workshop without credit was "seen" hangs on what came first."""
    counts = {"clock_hours.registered", "clock_hours.withdrawn", "micro_credential.registered"}
    counts |= {"micro_credential.submitted", "micro_credential.reviewed"}
    if opened or any(f.type in counts for f in about):
        truth.held[credential] = missing
    else:
        truth.unsure.add(credential)


def _opened(truth: Truth, mine: list[Fact], about: list[Fact]) -> bool:
    """Was a workshop attended for it, with hours: named by the attendance, else by the reservation?"""
    named = {f.data["session_id"] for f in about if f.type == "session.attended"}
    reserved = {f.data["session_id"] for f in about if f.type == "session.reserved"}
    silent = {
        f.data["session_id"] for f in mine if f.type == "session.attended" and not f.data.get("micro_credential_id")
    }
    ways = named | (reserved & silent)
    return any(one.kind == "workshop" and one.subject in ways for one in truth.hours)


def _award(about: list[Fact]) -> Fact | None:
    """The award that counts: decided after every revocation. A story has one at most."""
    revoked = [_at(f.data["revoked_at"]) for f in about if f.type == "micro_credential.revoked"]
    awards = [f for f in about if f.data.get("decision") == "awarded"]
    return next((f for f in awards if all(_at(f.data["decided_at"]) > at for at in revoked)), None)


def _on_time(about: list[Fact], programme: Programme) -> bool:
    """The first attempt, and the awarded one if there is one: a revocation makes no late attempt a timely one."""
    attempts = {f.data["attempt"]: _at(f.data["submitted_at"]) for f in about if f.type == "micro_credential.submitted"}
    if 1 not in attempts or attempts[1] >= programme.submission:
        return False
    last = next((f.data["attempt"] for f in about if f.data.get("decision") == "awarded"), 1)
    return last == 1 or (last in attempts and attempts[last] < programme.revision)
