"""What every contender of a race is told, and what it answers: one line of JSON. Each runs in a process of its own."""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvloop


@dataclass
class Race:
    """`events` of the topic are to be worked off; the time runs from the first of them that is in hand."""

    kafka: str
    prefix: str
    mongo: str
    database: str
    events: int
    educators: int = 0
    each: int = 0
    seconds: float = 0.0  # stop after so long, where all would take too long; 0: work off everything
    most: int = 1000
    _from: float = 0.0
    _until: float = 0.0
    _done: int = 0
    _cpu: float = 0.0
    _used: float = 0.0
    _all: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def begun(self) -> None:
        if not self._from:
            gc.freeze()  # as a service does when it is ready (eventing/service.py); for every contender alike
            self._from, self._cpu = time.perf_counter(), time.process_time()

    def done(self, events: int) -> None:
        """So many are committed."""
        self._done += events
        self._until, self._used = time.perf_counter(), time.process_time() - self._cpu
        if self._done >= self.events or (self.seconds and self._until - self._from > self.seconds):
            self._all.set()

    @property
    def over(self) -> bool:
        return self._all.is_set()

    async def finished(self) -> None:
        await self._all.wait()

    def result(self) -> dict[str, float]:
        seconds = self._until - self._from
        return {
            "events": self._done,
            "seconds": round(seconds, 3),
            "per_second": round(self._done / seconds, 1),
            "cpu_us": round(1e6 * self._used / self._done, 1),
            "peak_mb": high_water_mb(os.getpid()),
        }


def high_water_mb(pid: int) -> int:
    """The most that a process ever had in memory. Not getrusage: that counts what its parent had when it forked."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)


def ran(run: Callable[[Race], Awaitable[None]]) -> None:
    """Run one contender as the race on the command line says."""

    async def main() -> Race:
        race = Race(**json.loads(sys.argv[1]))
        await run(race)
        return race

    print(json.dumps(uvloop.run(main()).result()))
