"""The spring of 2024, hour by hour, for educators with different histories: who is told what, and when."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.event import EventData
from contracts.kinds import Decision, EntryKind, ExceptionKind, SessionKind
from services.notifications import decisions
from services.notifications.state import Message
from tests.notifications import builders as b
from tests.notifications.histories import FIRST_DAYS, HISTORIES
from tests.notifications.world import World

assert b.YEAR is not None
ZONE = b.YEAR.zone
BEGINS, ENDS = datetime(2024, 3, 1, tzinfo=ZONE), datetime(2024, 7, 1, tzinfo=ZONE)

Step = Callable[[World, datetime], None]
Sent = tuple[str, str, str, str]  # local time, educator, kind, subject


@dataclass
class Plan:
    """One educator's history, read from its lines."""

    steps: dict[datetime, list[Step]] = field(default_factory=lambda: defaultdict(list))
    expected: list[Sent] = field(default_factory=list)


def plan(lines: str, who: str, first: date) -> Plan:
    made = Plan()
    for line in filter(None, (line.strip() for line in lines.splitlines())):
        fact, _, message = line.partition(">")
        day, hour, *words = fact.split()
        on = first + timedelta(days=int(day)) if day.startswith("+") else date.fromisoformat(f"2024-{day}")
        at = datetime(on.year, on.month, on.day, int(hour), tzinfo=ZONE)
        if words:
            made.steps[at.astimezone(UTC)].append(step(words, who, first))
        if message:
            kind, subject, *account = message.split()
            made.expected.append((f"{at:%m-%d %H}", _account(who, account), kind, subject.replace("-1", f"-{who}", 1)
                                  if subject in ("O-1", "W-1") else subject))  # fmt: skip
    return made


def _account(who: str, more: list[str]) -> str:
    return f"{who}-2" if more == ["@2"] else who


def step(words: list[str], who: str, first: date) -> Step:
    name, *given = words
    account = who
    if given and given[-1] == "@2":
        account, given = f"{who}-2", given[:-1]
    given = [f"{text[:2]}{who}{text[3:]}" if text in ("O-1", "W-1", "S-1") else text for text in given]
    given = [f"W-{who}-2" if text == "W-2" else text for text in given]
    if name == "unsubscribe":
        return lambda world, at: world.unsubscribe(account, at)
    return lambda world, at: world.hear(_fact(name, given, account, at, first))


def _fact(name: str, given: list[str], who: str, at: datetime, first: date) -> EventData:
    match name, given:
        case "profile", []:
            return b.profile(who, "Rosa Diaz")
        case "oriented", [session]:
            return b.oriented(who, session, at)
        case "workshop", [session, credential]:
            return b.attended(who, session, None if credential == "-" else credential, at)
        case "correct", [session, credential, minutes]:
            return b.corrected(who, session, credential, at, int(minutes))
        case "nea", [credential]:
            return b.nea_registered(who, credential, at)
        case "wea", [credential]:
            return b.registered(who, credential, at)
        case "submit", [submission, attempt, judged]:
            return b.submitted(who, b.TRA1, at, submission, int(attempt), judged == "on")
        case "review", [submission, attempt, decision]:
            return b.reviewed(Decision(decision), who, b.TRA1, at, submission, int(attempt))
        case "award", [submission, attempt]:
            return b.reviewed(Decision.AWARDED, who, b.TRA1, at, submission, int(attempt))
        case "revoke", [credential]:
            return b.revoked(who, credential, at)
        case "grant", [kind, about, minutes]:
            return b.granted(who, EntryKind(kind), int(minutes), about, at)
        case "reverse", [kind, about, minutes]:
            return b.reversal(b.granted(who, EntryKind(kind), int(minutes), about, at), at)
        case "held", [credential, *missing]:
            return b.held(*missing, who=who, credential=credential)
        case "case", [kind]:
            return b.case(ExceptionKind(kind), who, f"X-{who}", at)
        case "schedule", [session, day, hour]:
            on = first + timedelta(days=int(day))
            starts = datetime(on.year, on.month, on.day, int(hour), tzinfo=ZONE).astimezone(UTC)
            return b.scheduled(session, starts, SessionKind.WORKSHOP)
        case "calloff", [session]:
            return b.called_off(session)
        case "reserve", [session, credential]:
            return b.reserved(who, session, credential)
        case "giveup", [session]:
            return b.gave_up(who, session)
        case "merge", ["2"]:
            return b.merged(who, f"{who}-2")
        case "erase", []:
            return b.erased(who)
        case _:
            raise LookupError(name, given)


class Spring:
    """Walks programme time hour by hour, as the handlers, the reminder scan and the sender would."""

    def __init__(self) -> None:
        self.world = World(BEGINS.astimezone(UTC))
        self.sent: list[Sent] = []
        self._looks: dict[str, datetime | None] = {}

    def walk(self, steps: dict[datetime, list[Step]]) -> None:
        while self.world.now < ENDS.astimezone(UTC):
            for act in steps.get(self.world.now, ()):
                act(self.world, self.world.now)
            self._plan(self.world.known.changed)
            self._remind()
            for message in self.world.messages():
                self._send(message)
            self.world.now += timedelta(hours=1)

    def _plan(self, changed: frozenset[str]) -> None:
        world = self.world
        for id_ in changed:
            self._looks[id_] = decisions.next_look(world.known, id_, world.programs, world.now)
        world.known = replace(world.known, changed=frozenset())

    def _remind(self) -> None:
        world = self.world
        for id_ in [id_ for id_, look in self._looks.items() if look is not None and look <= world.now]:
            world.known = decisions.remind(world.known, id_, world.programs, world.now)
        self._plan(world.known.changed)

    def _send(self, message: Message) -> None:
        if self.world.obstacle(message, max(message.due_at, self.world.now)) is None:
            local = self.world.now.astimezone(ZONE)
            subject = message.micro_credential_id or message.session_id or "-"
            self.sent.append((f"{local:%m-%d %H}", message.educator_id, message.kind.value, subject))


@pytest.fixture(scope="module")
def spring() -> tuple[dict[str, list[Sent]], dict[str, list[Sent]]]:
    """What was sent, and what should have been, by educator."""
    plans = {
        f"{name}, from {first}": plan(lines, f"E{number}{letter}", date.fromisoformat(first))
        for number, (name, lines) in enumerate(HISTORIES.items())
        for letter, first in zip("abc", FIRST_DAYS, strict=True)
    }
    steps: dict[datetime, list[Step]] = defaultdict(list)
    for one in plans.values():
        for at, acts in one.steps.items():
            steps[at].extend(acts)
    walked = Spring()
    walked.walk(steps)
    expected = {name: sorted(one.expected) for name, one in plans.items()}
    sent: dict[str, list[Sent]] = {}
    for name, one in plans.items():
        who = one.expected[0][1]
        sent[name] = sorted(s for s in walked.sent if s[1] in (who, f"{who}-2"))
    return sent, expected


def test_at_least_fifty_educators_are_walked_through_the_spring(spring: tuple[dict[str, list[Sent]], ...]) -> None:
    assert len(spring[1]) >= 50


@pytest.mark.parametrize("first", FIRST_DAYS)
@pytest.mark.parametrize("name", HISTORIES)
def test_everyone_hears_exactly_what_the_rules_owe_them(
    spring: tuple[dict[str, list[Sent]], dict[str, list[Sent]]], name: str, first: str
) -> None:
    sent, expected = spring
    assert sent[f"{name}, from {first}"] == expected[f"{name}, from {first}"]


def test_nobody_gets_two_reminders_a_day_or_one_at_night(spring: tuple[dict[str, list[Sent]], ...]) -> None:
    kinds = {"session_reminder", "steps_missing", "workshop_unallocated", "deadline"}
    for one in spring[0].values():
        reminders = [s for s in one if s[2] in kinds or s[2].endswith("registration_missing")]
        days = [s[0][:5] for s in reminders]
        assert len(days) == len(set(days))
        assert all(7 <= int(s[0][6:]) < 20 for s in reminders)
