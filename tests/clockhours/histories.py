"""Random histories as enrollment could tell them: one integer is one event, so that they are fast to draw and shrink.

Merges are numbered per merged account as enrollment numbers them, and never make a circle when they are told.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from random import Random

from contracts import events
from contracts.enrollment import MergeData
from contracts.event import EventData
from contracts.kinds import ConflictKind, Decision
from tests.clockhours.builders import (
    ANA,
    BEN,
    CAM,
    CLIM,
    TLA,
    TRA1,
    at,
    attended,
    conflict,
    corrected,
    decided,
    merged,
    nea_registered,
    no_conflict,
    oriented,
    registered,
    revoked,
    submitted,
    unlinked,
    unmerged,
    withdrawn,
)

WHO = (ANA, BEN, CAM)
CREDENTIALS = (TRA1, CLIM, TRA1, "EX_AI1", TLA, "NEA_NEW")  # EX_AI1 is in the catalogue of 2024-25 alone
LEARNERS = ("L1", "L2", None)
MINUTES = (90, 60, 0)
DAYS = ("2024-04-10", "2024-04-26", "2024-05-20", "2024-06-10", "2024-08-30", "2024-09-10", "2023-02-01")
CLOSES = (at("2024-04-27T07:00"), at("2024-05-25T07:00"))
MOST = 2**60


class Choices:
    """Small choices out of one integer."""

    def __init__(self, number: int) -> None:
        self._left = number

    def of(self, count: int) -> int:
        self._left, chosen = divmod(self._left, count)
        return chosen

    def one(self, options: Sequence[str]) -> str:
        return options[self.of(len(options))]


class Telling:
    """What enrollment would say next; remembers what it must not contradict."""

    def __init__(self) -> None:
        self.into: dict[str, str] = {}
        self.number: dict[str, int] = defaultdict(int)
        self.conflicts: list[events.ConflictOpened] = []

    def event(self, number: int) -> EventData:
        """The event that an integer stands for. 0 is the simplest."""
        pick = Choices(number)
        kind, who = pick.of(24), pick.one(WHO)
        match kind:
            case 0 | 1:
                return self._orientation(who, pick)
            case 2 | 3 | 4 | 5:
                return self._workshop(who, pick)
            case 6 | 7:
                return registered(who, pick.one(CREDENTIALS), on=pick.one(DAYS))
            case 8:
                return withdrawn(who, pick.one(CREDENTIALS), on=pick.one(DAYS))
            case 9:
                return nea_registered(who, pick.one(CREDENTIALS), learner=LEARNERS[pick.of(3)])
            case 10 | 11 | 12 | 13:
                return self._submitted(who, pick)
            case 14 | 15 | 16 | 17:
                return self._decided(who, pick)
            case 18:
                return revoked(who, pick.one(CREDENTIALS), on=pick.one(DAYS), learner=LEARNERS[pick.of(3)])
            case 19:
                return unlinked(who, ("L1", "L2")[pick.of(2)])
            case 20 | 21:
                return self._merge(who, pick)
            case 22:
                return self._conflict(who, pick)
            case _:
                return events.SessionReserved(educator_id=who, session_id="W1", micro_credential_id=TRA1)

    def _orientation(self, who: str, pick: Choices) -> EventData:
        """Some name a micro-credential, which opens none, and some were told of as a workshop too."""
        number = pick.of(3)
        session, ended = (f"O{number}", "W0")[pick.of(8) == 7], ("2024-01-10", "2024-03-10", "2024-09-20")[number]
        minutes = MINUTES[pick.of(3)]
        fact = oriented(who, session, ended=ended, opens=(None, None, TRA1, CLIM)[pick.of(4)])
        return fact if minutes == 90 else corrected(fact, minutes=minutes)

    def _workshop(self, who: str, pick: Choices) -> EventData:
        number = pick.of(4)
        ended = ("2024-02-10", "2024-03-20", "2024-10-02", "2019-01-01")[number]
        opens = (*CREDENTIALS, None)[pick.of(len(CREDENTIALS) + 1)]
        fact = attended(who, f"W{number}", opens=opens, ended=ended)
        minutes = MINUTES[pick.of(3)]
        return fact if minutes == 90 else corrected(fact, minutes=minutes)

    def _submitted(self, who: str, pick: Choices) -> EventData:
        """Judged as enrollment does, or not judged: None."""
        credential, attempt = pick.one(CREDENTIALS), 1 + pick.of(2)
        on = at(pick.one(DAYS))
        on_time = None if pick.of(3) == 2 else on < CLOSES[attempt - 1]
        return submitted(
            who,
            credential,
            f"S{pick.of(2)}-{credential}",
            attempt=attempt,
            on=on.isoformat(),
            on_time=on_time,
            learner=LEARNERS[pick.of(3)],
        )

    def _decided(self, who: str, pick: Choices) -> EventData:
        decision = (Decision.AWARDED, Decision.AWARDED, Decision.NOT_YET, Decision.DENIED)[pick.of(4)]
        credential = pick.one(CREDENTIALS)
        return decided(
            who,
            decision,
            credential,
            f"S{pick.of(2)}-{credential}",
            attempt=1 + pick.of(2),
            on=pick.one(DAYS),
            learner=LEARNERS[pick.of(3)],
        )

    def _merge(self, who: str, pick: Choices) -> EventData:
        """Undo if it is merged; else merge it into one that does not lead back to it."""
        if who in self.into:
            kept = self.into.pop(who)
            self.number[who] += 1
            return unmerged(who, out_of=kept, number=self.number[who])
        kept = pick.one([other for other in WHO if other != who])
        walk: str | None = kept
        while walk is not None:
            if walk == who:  # a circle: refused
                return conflict(kept, ConflictKind.MERGE_CONFLICT, merging=who)
            walk = self.into.get(walk)
        self.into[who] = kept
        self.number[who] += 1
        return merged(who, into=kept, number=self.number[who])

    def _conflict(self, who: str, pick: Choices) -> EventData:
        if self.conflicts and pick.of(2):
            return no_conflict(self.conflicts.pop())
        kind = (ConflictKind.SESSION_CONFLICT, ConflictKind.ATTENDANCE_CONFLICT)[pick.of(2)]
        self.conflicts.append(conflict(who, kind, f"W{pick.of(2)}"))
        return self.conflicts[-1]


def history(numbers: Sequence[int]) -> list[EventData]:
    """A history in the order in which enrollment told it."""
    telling = Telling()
    return [telling.event(number) for number in numbers]


def interleaved(facts: Sequence[EventData], random: Random) -> list[EventData]:
    """The same facts in another order across keys: each key's own order stays."""
    lanes: dict[str, list[EventData]] = defaultdict(list)
    for fact in facts:
        lanes[fact.key].append(fact)
    left = [list(reversed(lane)) for lane in lanes.values()]
    order: list[EventData] = []
    while left:
        lane = random.choice(left)
        order.append(lane.pop())
        left = [lane for lane in left if lane]
    return order


def with_repeats(facts: Sequence[EventData], random: Random) -> list[EventData]:
    """Some facts told twice in a row."""
    return [fact for fact in facts for _ in range(1 + (random.random() < 0.1))]


def merges_in(facts: Sequence[EventData]) -> int:
    return sum(isinstance(fact, MergeData) for fact in facts)


A_DAY = timedelta(days=1)
