"""A line of stations before one set of cores: what the measured costs let one expect (docs/scaling.md).

    .venv/bin/python -m bench.queueing        the estimates beside what bench/figures.json has measured

An event goes through the stations in turn. A station is one process: it takes what waits, at most `most` events, works
on a core for `cpu` seconds an event, then waits `flush` seconds for the batch to be durable, and hands all of it on.
Whoever finds no core free waits its turn. Nothing else is in it: no network, no garbage collector, no neighbour.
"""

import heapq
import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

FIGURES = Path(__file__).with_name("figures.json")


@dataclass(frozen=True)
class Station:
    cpu: float  # seconds an event
    flush: float = 0.0  # seconds a batch, without a core
    most: int = 1000  # events a batch


@dataclass
class _Place:
    """A station at work: who waits before it, and whether it has a batch in hand."""

    station: Station
    waiting: deque[int] = field(default_factory=deque)
    busy: bool = False


class Line:
    """The simulation. `run` returns when each event has left the last station."""

    def __init__(self, stations: Iterable[Station], cores: int) -> None:
        self._places = [_Place(station) for station in stations]
        self._free = cores
        self._wanting: deque[int] = deque()  # places that have a batch to take and no core
        self._coming: list[tuple[float, int, str, int, list[int]]] = []  # what happens when, in order
        self._order = count()

    def run(self, arrivals: Sequence[float]) -> list[float]:
        left = [0.0] * len(arrivals)
        for event, at in enumerate(arrivals):
            self._later(at, "arrived", 0, [event])
        while self._coming:
            now, _, what, place, events = heapq.heappop(self._coming)
            if what == "worked":
                self._free += 1
                self._later(now + self._places[place].station.flush, "durable", place, events)
            elif what == "durable":
                self._places[place].busy = False
                self._wants(place)
                if place + 1 < len(self._places):
                    self._arrive(place + 1, events)
                else:
                    for event in events:
                        left[event] = now
            else:
                self._arrive(place, events)
            self._give_cores(now)
        return left

    def _arrive(self, place: int, events: list[int]) -> None:
        self._places[place].waiting.extend(events)
        self._wants(place)

    def _wants(self, place: int) -> None:
        found = self._places[place]
        if found.waiting and not found.busy and place not in self._wanting:
            self._wanting.append(place)

    def _give_cores(self, now: float) -> None:
        while self._free and self._wanting:
            place = self._wanting.popleft()
            found = self._places[place]
            batch = [found.waiting.popleft() for _ in range(min(found.station.most, len(found.waiting)))]
            found.busy = True
            self._free -= 1
            self._later(now + found.station.cpu * len(batch), "worked", place, batch)

    def _later(self, at: float, what: str, place: int, events: list[int]) -> None:
        heapq.heappush(self._coming, (at, next(self._order), what, place, events))


def poisson(per_second: float, events: int, seed: int = 5) -> list[float]:
    """Arrivals at random, at this rate."""
    random, now, at = Random(seed), 0.0, []
    for _ in range(events):
        now += random.expovariate(per_second)
        at.append(now)
    return at


def waits_md1(per_second: float, seconds: float) -> float:
    """The mean wait before one server that takes `seconds` for each (Pollaczek and Khinchine)."""
    load = per_second * seconds
    return load * seconds / (2 * (1 - load))


def md1(per_second: float, seconds: float, events: int = 200_000) -> float:
    """The same by simulation: one station, one event at a time, a core of its own."""
    arrivals = poisson(per_second, events)
    left = Line([Station(seconds, most=1)], cores=1).run(arrivals)
    return sum(at - came - seconds for at, came in zip(left, arrivals, strict=True)) / events


def together(costs: Sequence[float], cores: int, events: int = 5_000) -> float:
    """Events a second when all are there at once and every process has its cost, in seconds an event."""
    left = Line([Station(cost, most=100) for cost in costs], cores).run([0.0] * events)
    return events / max(left)


def main() -> None:
    figures = json.loads(FIGURES.read_text())
    chain = figures["whole"]["found"]["chain"]
    costs = [seconds / 1000 for seconds in chain["cpu_per_1000"].values()]
    print(
        f"the whole chain, two cores: {together(costs, 2):,.0f} events/s expected, {chain['per_second']:,.0f} measured"
    )
    consumer = figures["consumer"]["found"]["worked"]["clockhours"]
    alone = together([consumer["cpu_us"] / 1e6], 1)
    print(f"clockhours alone on a core: {alone:,.0f} events/s expected, {consumer['per_second']:,.0f} measured")
    for per_second, seconds in ((50.0, 0.01), (80.0, 0.01), (95.0, 0.01)):
        print(f"M/D/1 at {per_second * seconds:.0%}: {md1(per_second, seconds) * 1000:.2f} ms simulated,"
              f" {waits_md1(per_second, seconds) * 1000:.2f} ms by formula")  # fmt: skip


if __name__ == "__main__":
    main()
