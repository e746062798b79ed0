"""What growth costs clockhours: more educators, longer histories, a longer catalogue.

Each size has a database of its own, in which some hundred educators went through the service's handler; where more
are wanted, MongoDB copies them under other ids. Then the sizes take turns: a batch of further events for educators
anywhere among them, and reads of their clock hours. What else runs on the machine slows all of them alike.
"""

import asyncio
import gc
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import astuple, dataclass, field, replace
from statistics import median
from typing import Any
from uuid import uuid4

from bench.history import NOW, TOPIC, programs, told
from bench.knock import quantiles
from bench.servers import Servers
from bench.table import table
from contracts import events
from contracts.event import EventData
from contracts.program import Programs
from contracts.program_year import Program
from eventing.batch import Batch
from eventing.mongo import Database, connect
from eventing.service import EVENTING_INDEXES
from eventing.testing import Topics, at_positions, batch_of
from eventing.transient import repeat
from services.clockhours.handlers import on_enrollment
from services.clockhours.store import INDEXES
from services.clockhours.views import clock_hours

MADE_EVENTS = 5_000  # that go through the handler; further educators are copies of those
BATCH = 250  # so small that a busy machine is done within MongoDB's limit for a transaction
ROUNDS = 6
READS = 50  # of those in the batch, in each round
COPIES_AT_ONCE = 100  # of some hundred educators: done before the driver loses patience
COPIED = {"educators": "_id", "lanes": "_id", "entries": "educator_id", "held": "educator_id"}


@dataclass(frozen=True)
class Size:
    educators: int = 1000
    history: int = 10
    catalogue: int = 0  # how many micro-credentials more than the programme has

    @property
    def made(self) -> int:
        return min(200, MADE_EVENTS // self.history)

    @property
    def copies(self) -> int:
        return self.educators // self.made

    @property
    def further(self) -> str:
        """A micro-credential that no history has."""
        return f"NEA_MORE{self.catalogue}"


def sizes(full: bool) -> Iterator[tuple[str, Sequence[tuple[int, Size]]]]:
    """Of each kind of growth the sizes, the smallest first."""
    educators = (1_000, 100_000, 1_000_000) if full else (1_000, 30_000)
    yield "educators", [(n, Size(educators=n)) for n in educators]
    yield "history", [(n, Size(history=n, catalogue=200)) for n in (10, 100, 500)]
    yield "catalogue", [(n, Size(catalogue=n)) for n in (200, 2000)]


def figure(servers: Servers, *, full: bool) -> dict[str, dict[str, Any]]:
    return asyncio.run(_figure(servers.mongo, full))


async def _figure(mongo: str, full: bool) -> dict[str, dict[str, Any]]:
    """A size that stands in two kinds, as the smallest of each, is measured once."""
    kinds = dict(sizes(full))
    async with AsyncExitStack() as stack:
        every = {size for of in kinds.values() for _, size in of}
        grown_to = {size: await stack.enter_async_context(filled(mongo, size)) for size in sorted(every, key=astuple)}
        gc.collect()
        gc.freeze()  # as a service does when it is ready: else a size is slower for the collections that fall to it
        found = await in_turns(grown_to, ROUNDS * (5 if full else 1))
    return {kind: {f"{n:,}": found[size] for n, size in of} for kind, of in kinds.items()}


async def in_turns(grown_to: dict[Size, "Grown"], rounds: int) -> dict[Size, dict[str, Any]]:
    """The median batch of each, and the quantiles of its reads. The first batch of each is its warming up."""
    took: dict[Size, list[float]] = defaultdict(list)
    reads: dict[Size, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for size, grown in grown_to.items():
            who, further = await grown.further(random.Random(number))
            took[size].append(await _timed(handled(grown.database, further, grown.years)))
            for one in who[:READS]:
                reads[size].append(await _timed(clock_hours(grown.database, one, grown.years, NOW)))
    return {
        size: {"per_second": round(BATCH / median(took[size][1:]), 1), **quantiles(reads[size][READS:])}
        for size in grown_to
    }


TOLD = {"educators": "educators", "history": "events in each history", "catalogue": "micro-credentials more"}
GOAL = 1.3


def lines(found: dict[str, dict[str, Any]]) -> list[str]:
    rows = [
        [f"{size} {TOLD[kind]}", f"{run['per_second']:,.0f}", run["p50"], run["p99"], *beside(run, of)]
        for kind, of in found.items()
        for size, run in of.items()
    ]
    head = ["", "events/s", "read p50 ms", "read p99 ms", "slower than the smallest", "read p99 above it"]
    return [
        f"Batches of {BATCH} further events for educators anywhere among them, by clockhours' handler, and reads of"
        f" their clock hours, all sizes in turns; of batches the median. Goal: within {GOAL} times the smallest of its"
        " kind.",
        "",
        *table(head, rows),
    ]


def beside(run: dict[str, Any], of: dict[str, Any]) -> list[str]:
    smallest = next(iter(of.values()))
    return [f"{smallest['per_second'] / run['per_second']:.2f}", f"{run['p99'] / smallest['p99']:.2f}"]


@dataclass
class Grown:
    """A database that has come to a size, and who of its educators is registered for what comes further."""

    database: Database
    size: Size
    years: Programs
    registered: set[str] = field(default_factory=set)

    async def further(self, chance: random.Random) -> tuple[list[str], Batch]:
        """Educators anywhere among them, and an event for each: registered for clock hours, or withdrawn again.

        So every event changes what is due, and no history grows by it.
        """
        chosen = chance.sample(range(self.size.made * self.size.copies), BATCH)
        who = [_copy(number % self.size.made, number // self.size.made) for number in chosen]
        told = [self._toggled(one) for one in who]
        lanes = self.database["lanes"].find({"_id": {"$in": who}})
        seen = {lane["_id"]: lane["seen"][TOPIC.name.replace(".", "-")] async for lane in lanes}
        at = {place["_id"]: place["next"] async for place in self.database["positions"].find({})}
        topics = Topics()
        records = []
        for one, fact in zip(who, told, strict=True):
            record = topics.record(TOPIC.name, one, fact.TYPE, fact)
            offset = record.offset + at.get(f"{TOPIC.name}-{record.partition}", 0)
            event = replace(record.event, sequence=seen[one] + 1, id=uuid4().hex)
            records.append(replace(record, offset=offset, event=event))
        return who, batch_of(records)

    def _toggled(self, one: str) -> EventData:
        self.registered ^= {one}
        if one in self.registered:
            return events.ClockHoursRegistered(
                educator_id=one, micro_credential_id=self.size.further, registered_at=NOW
            )
        return events.ClockHoursWithdrawn(educator_id=one, micro_credential_id=self.size.further, withdrawn_at=NOW)


@asynccontextmanager
async def filled(mongo: str, size: Size) -> Any:
    """A database of that size."""
    years = grown(programs(), size.catalogue + 1)
    with connect(mongo, f"bench-{uuid4().hex[:8]}") as database:
        await database.ensure({**EVENTING_INDEXES, **INDEXES})
        try:
            topics = Topics()
            history = told(size.made, size.history, years=grown(programs(), size.catalogue))
            records = [topics.record(TOPIC.name, one.key, one.event.type, one.fact) for one in history]
            for first in range(0, len(records), BATCH):
                await handled(database, batch_of(records[first : first + BATCH]), years)
            await copy(database, size.copies)
            yield Grown(database, size, years)
        finally:
            await database.client.drop_database(database.name)


async def handled(database: Database, batch: Batch, years: Programs) -> None:
    """As the consumer does it: all again where MongoDB was too slow."""
    await at_positions(database, batch)
    await repeat(lambda: on_enrollment(batch, database, years, NOW))


async def copy(database: Database, times: int) -> None:
    """Everybody `times` times, made by MongoDB itself, some at a time; the first of each is there already."""
    for name, key in COPIED.items():
        originals = {"_id": {"$in": [d["_id"] for d in await database[name].find({}, {"_id": 1}).to_list(None)]}}
        renamed = {"$concat": [f"${key}", "#", {"$toString": "$n"}]}
        ids = {"_id": {"$concat": ["$_id", "#", {"$toString": "$n"}]}, key: renamed}
        for first in range(1, times, COPIES_AT_ONCE):
            number = {"$range": [first, min(times, first + COPIES_AT_ONCE)]}
            steps = [{"$match": originals}, {"$set": {"n": number}}, {"$unwind": "$n"}, {"$set": ids}, {"$unset": "n"}]
            await database[name].aggregate([*steps, {"$merge": {"into": name, "whenMatched": "fail"}}]).to_list(None)


def grown(years: Programs, more: int) -> Programs:
    """The programme with so many micro-credentials more."""
    first, *others = years.years
    model = first.micro_credentials[0]
    added = tuple(model.model_copy(update={"id": f"NEA_MORE{n}"}) for n in range(more))
    fields = {name: getattr(first, name) for name in type(first).model_fields}
    year = Program.model_validate(fields | {"micro_credentials": (*first.micro_credentials, *added)})
    return Programs((year, *others))


def _copy(number: int, copy: int) -> str:
    return f"educator-{number:06}" + (f"#{copy}" if copy else "")


async def _timed(work: Any) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began
