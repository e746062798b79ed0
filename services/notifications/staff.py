"""What staff hear of: a digest a day, and at once what cannot wait. Pure; it goes to the programme's contact."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.kinds import ExceptionKind
from contracts.program import Program, Programs
from services.notifications import words
from services.notifications.reasons import Task
from services.notifications.scene import Letter
from services.notifications.state import Kind

MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class Open:
    """An exception that is open: ids only."""

    kind: ExceptionKind
    educator_id: str
    micro_credential_id: str | None
    opened_at: datetime

    @property
    def line(self) -> str:
        about = f", {self.micro_credential_id}" if self.micro_credential_id else ""
        return f"{self.kind.replace('_', ' ')}: educator {self.educator_id}{about}"


@dataclass(frozen=True, slots=True)
class Day:
    """What happened since the last digest. `unmatched` None: enrollment could not be asked."""

    new: tuple[Open, ...] = ()
    held_too_long: tuple[Open, ...] = ()
    mail: Mapping[str, int] | None = None  # failed and unknown, by kind
    tasks: tuple[str, ...] = ()
    unmatched: int | None = None
    parked: Mapping[str, int] | None = None  # lanes, by service

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.held_too_long or self.mail or self.tasks or self.unmatched or self.parked)


def digest(day: Day, program: Program, now: datetime) -> Letter:
    sections = [s for s in _sections(day) if s["count"]]
    headline = words.listed([_counted(s) for s in sections[:3]]) or "nothing new"
    about = {"headline": headline, "day": words.local_day(now, program.zone), "sections": sections}
    return Letter(Kind.STAFF_DIGEST, "", program, about, program.contacts.program)


def _sections(day: Day) -> Iterator[dict[str, Any]]:
    yield _section("New exceptions", ("new exception", "new exceptions"), [case.line for case in day.new])
    yield _section("Hours held too long", ("held too long", "held too long"), [case.line for case in day.held_too_long])
    unmatched = (
        ["Learners that NEA reports and no profile matches: link them on the staff pages."] if day.unmatched else []
    )
    yield _section("Unmatched", ("unmatched", "unmatched"), unmatched, day.unmatched or 0)
    mail = dict(day.mail or {})
    lines = [f"{kind.replace('_', ' ')}: {count}" for kind, count in sorted(mail.items())]
    yield _section(
        "Mail that failed, or whose outcome is unknown", ("failed mail", "failed mails"), lines, sum(mail.values())
    )
    yield _section("Addresses that refuse mail", ("bad address", "bad addresses"), list(day.tasks))
    parked = dict(day.parked or {})
    lines = [f"{service}: {count}" for service, count in sorted(parked.items())]
    yield _section("Parked records, for an operator", ("parked", "parked"), lines, sum(parked.values()))


def _counted(section: Mapping[str, Any]) -> str:
    one, many = section["short"]
    return f"{section['count']} {one if section['count'] == 1 else many}"


def _section(title: str, short: tuple[str, str], lines: Sequence[str], count: int | None = None) -> dict[str, Any]:
    more = max(0, len(lines) - MOST_LINES)
    total = len(lines) if count is None else count
    return {"title": title, "short": short, "lines": list(lines[:MOST_LINES]), "count": total, "more": more}


def identity_conflict(educator_id: str, holder_id: str | None, program: Program) -> Letter:
    """Two profiles claim the same NEA member number: what NEA says may reach the wrong person."""
    facts = [("Educator", educator_id), *([("Holder of the number", holder_id)] if holder_id else [])]
    about = {
        "what": "two profiles claim one NEA number",
        "sentence": "A profile came with an NEA member number that another educator holds. "
        "It was kept without the number.",
        "facts": facts,
        "advice": "Please find out whose number it is. If both are one person, merge the accounts in the portal.",
    }
    return Letter(Kind.STAFF_ALERT, "", program, about, program.contacts.program)


def parked_lane(service: str, key: str, code: str, program: Program) -> Letter:
    """Records that the code could not process: an educator's facts wait, and nobody would hear of it."""
    about = {
        "what": f"{service}: records are parked",
        "sentence": f"In {service}, {Task.PARKED_LANE.meaning}. Until then, nothing more happens for this key.",
        "facts": [("Service", service), ("Key", key), ("Reason", code)],
        "advice": "An operator can retry, skip or edit them on the console; later records wait behind them, in order.",
    }
    return Letter(Kind.STAFF_ALERT, "", program, about, program.contacts.program)


def examples(programs: Programs) -> Iterator[Letter]:
    """For the gallery."""
    program, at = programs.years[0], datetime(2024, 5, 3, 15, tzinfo=UTC)
    new = (
        Open(ExceptionKind.LATE_ATTEMPT, "E-1042", "NEA_TRA1", at),
        Open(ExceptionKind.UNALLOCATED, "E-2310", None, at),
    )
    held = (Open(ExceptionKind.HELD_TOO_LONG, "E-0077", "NEA_TRA1", at),)
    mail = {"hours_granted": 1, "welcome": 2}
    yield digest(
        Day(new, held, mail, ("educator E-3301: the mail server said 550",), 3, {"enrollment": 1}), program, at
    )
    yield identity_conflict("E-1042", "E-0815", program)
