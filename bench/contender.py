"""What every contender of a race is told, and what it answers: one line of JSON. Each runs in processes of its own."""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

READY = "ready"


@dataclass
class Race:
    """`events` of the topic are to be worked off; the time runs from the first of them that is in hand.

    Several `processes` share the partitions evenly, each works off the events of its own.
    """

    kafka: str
    prefix: str
    mongo: str
    database: str
    events: int
    educators: int = 0
    each: int = 0
    partitions: int = 0
    processes: int = 1
    seconds: float = 0.0  # stop after so long, where all would take too long; 0: work off everything
    most: int = 1000
    _from: float = 0.0
    _until: float = 0.0
    _done: int = 0
    _cpu: float = 0.0
    _used: float = 0.0
    _all: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    async def start_line(self, consumer: Any) -> None:
        """Wait until this process has its share of the partitions, and then for all others to have theirs."""
        while len(consumer.assignment()) != self.partitions // self.processes:
            await asyncio.sleep(0.01)
        self.events = sum((await consumer.end_offsets(consumer.assignment())).values())
        print(READY, flush=True)
        await asyncio.to_thread(sys.stdin.readline)

    def begun(self) -> None:
        if not self._from:
            gc.freeze()  # as a service does when it is ready (eventing/service.py); for every contender alike
            self._from, self._cpu = time.monotonic(), time.process_time()

    def done(self, events: int) -> None:
        """So many are committed."""
        self._done += events
        self._until, self._used = time.monotonic(), time.process_time() - self._cpu
        if self._done >= self.events or (self.seconds and self._until - self._from > self.seconds):
            self._all.set()

    @property
    def over(self) -> bool:
        return self._all.is_set()

    async def finished(self) -> None:
        await self._all.wait()

    def result(self) -> dict[str, float]:
        return {
            "events": self._done,
            "from": self._from,
            "until": self._until,
            "cpu": self._used,
            "peak_mb": high_water_mb(os.getpid()),
        }


def together(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """What several processes came to: from the first event that one had in hand until the last was committed."""
    events = sum(one["events"] for one in found)
    seconds = max(one["until"] for one in found) - min(one["from"] for one in found)
    return {
        "events": events,
        "seconds": round(seconds, 3),
        "per_second": round(events / seconds, 1),
        "cpu_us": round(1e6 * sum(one["cpu"] for one in found) / events, 1),
        "peak_mb": max(one["peak_mb"] for one in found),
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
