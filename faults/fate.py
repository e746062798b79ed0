"""Who chooses what is done to the system, and the diary of it."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from faults.stage import Stage


@dataclass
class Diary:
    """What was done: how often each, how many processes were killed, and at which points."""

    done: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def wrote(self, what: str, about: str = "") -> None:
        self.done[what] += 1
        self.lines.append(f"{time.monotonic() - self.began:7.1f} s  {what} {about}".rstrip())

    @property
    def killed(self) -> int:
        return sum(self.kills.values())


@dataclass
class Fate:
    """Chooses, and does."""

    stage: Stage
    rng: Random
    menu: "Menu"
    diary: Diary = field(default_factory=Diary)
    burst: Callable[[], Awaitable[None]] | None = None

    async def strike(self, name: str | None = None) -> str:
        """One misfortune of the menu, at random or by name."""
        chosen = name or self.rng.choices(list(self.menu), weights=[weight for weight, _ in self.menu.values()])[0]
        about = await self.menu[chosen][1](self)
        self.diary.wrote(chosen, about)
        return chosen

    def server(self, kind: str) -> str:
        """One of Kafka's or of MongoDB's."""
        return self.rng.choice(self.stage.servers.names(kind))

    def victim(self) -> tuple[str, int] | None:
        living = sorted(self.stage.pids().items())
        return self.rng.choice(living) if living else None


Strike = Callable[[Fate], Awaitable[str]]
Menu = Mapping[str, tuple[int, Strike]]  # how often each comes, in proportion to the others
