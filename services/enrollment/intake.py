"""The intake's group commit: what concurrent requests bring is claimed together, majority-committed.

Events that stand alone go in by one insert for all of them: the unique id is the check, and what is taken already says
so by itself. Those, batches, and what is kept for operators are then judged in one transaction. A request is answered
when its part is committed, a repeat as well: what it repeats was read in that transaction. One write a request would
make a tenth of the throughput (docs/decisions/0403-group-commit.md).
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from eventing import tracing
from eventing.mongo import Database, Operation, Owner, faults
from eventing.points import reached
from eventing.transient import RefusedError, TransientError, pause
from services.enrollment import metrics
from services.enrollment.claims import COLLECTION, Claim

log = structlog.get_logger(__name__)

MOST_EVENTS = 1000  # of a group
MOST_BYTES = 8 * 1024 * 1024
MOST_WAITING = 5000
PATIENCE_SECONDS = 5.0
ALONE_SECONDS = 0.02  # how long one group's commit keeps the next one back

OWNERS = "intake_owners"


class UnavailableError(Exception):
    """It could not be made durable in time. Nothing is known: the sender must repeat it."""


class Submission(Protocol):
    """What one request brings, to be taken whole or not at all."""

    @property
    def claims(self) -> Sequence[Claim]: ...
    @property
    def alone(self) -> Claim | None:
        """The claim, where taking it is all that there is to do."""

    def settle(self, held: dict[str, str]) -> "Settled":
        """Judge against the digests that are claimed; adds its own where it is taken."""


@dataclass(frozen=True, slots=True)
class Settled:
    """`conflicts`: indexes of events whose (source, id) stands for something else. Then there are no writes."""

    writes: list[tuple[str, Operation]] = field(default_factory=list)
    conflicts: tuple[int, ...] = ()


@dataclass(slots=True)
class _Waiting:
    submission: Submission
    answer: asyncio.Future[tuple[int, ...]]
    size: int


class Intake:
    """Takes submissions from the HTTP intakes, for its committers to commit in groups."""

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(MOST_WAITING)
        self._until: dict[asyncio.Future[tuple[int, ...]], float] = {}  # the first to come is the first to give up
        self._looking: asyncio.TimerHandle | None = None
        self.turn = asyncio.Lock()

    async def submit(self, submission: Submission) -> tuple[int, ...]:
        """Make it durable. Returns the indexes of conflicting events (then nothing was taken); none: accepted.

        Raises UnavailableError.
        """
        began = tracing.now_ns()
        size = sum([len(claim.value or b"") for claim in submission.claims])
        loop = asyncio.get_running_loop()
        waiting = _Waiting(submission, loop.create_future(), size)
        try:
            self._waiting.put_nowait(waiting)
        except asyncio.QueueFull:
            raise UnavailableError from None
        self._until[waiting.answer] = loop.time() + self._patience
        if self._looking is None:  # one timer for all: of its own, each would pay more for it than for its signature
            self._looking = loop.call_later(self._patience, self._give_up, loop)
        try:
            conflicts = await waiting.answer
        finally:
            del self._until[waiting.answer]
        if not conflicts:
            tracing.TRACING.accepted((claim.value for claim in submission.claims), began)
        return conflicts

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer those whose time is over, and look again when the next one's is."""
        self._looking = None
        for answer, until in self._until.items():
            if until > loop.time():
                self._looking = loop.call_at(until, self._give_up, loop)
                return
            if not answer.done():
                answer.set_exception(UnavailableError())

    async def group(self) -> list[_Waiting]:
        """Wait for a submission, and take what else is waiting with it.

        Requests that are being read this very moment come along: fewer commits, and nobody has waited for a clock.
        """
        group, before = [await self._waiting.get()], -1
        while before < (waiting := self._waiting.qsize()) < MOST_EVENTS:
            before = waiting
            await asyncio.sleep(0)
        events, size = len(group[0].submission.claims), group[0].size
        while not self._waiting.empty() and events < MOST_EVENTS and size < MOST_BYTES:
            group.append(self._waiting.get_nowait())
            events, size = events + len(group[-1].submission.claims), size + group[-1].size
        return group


class Committer:
    """A loop that commits group after group. `name` is the same for the process that replaces this one."""

    def __init__(self, intake: Intake, database: Database, name: str) -> None:
        self._intake, self._database, self._name = intake, database, name
        self._owner: Owner | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._next()

    async def _next(self) -> None:
        """Commit one group; the other committer's waits for it and grows, but not for long: slow commits overlap.

        The driver works in a thread that contends for the interpreter, so that a commit costs much and an event little.
        """
        async with asyncio.TaskGroup() as tasks, self._intake.turn:
            taking = tasks.create_task(self._take(await self._intake.group()))
            await asyncio.wait((taking,), timeout=ALONE_SECONDS)

    async def _take(self, group: list[_Waiting]) -> None:
        attempt = 0
        while group := [waiting for waiting in group if not waiting.answer.done()]:  # those who gave up are left out
            began = time.perf_counter()
            try:
                answers = await self._commit([waiting.submission for waiting in group])
            except (TransientError, RefusedError) as error:
                # RefusedError: another replica has claimed one of them meanwhile; it is seen the next time.
                attempt += 1
                self._owner = None
                log.warning("intake_waits", attempt=attempt, error=str(error))
                await asyncio.sleep(pause(attempt))
                continue
            metrics.GROUP_SECONDS.observe(time.perf_counter() - began)
            metrics.GROUP_EVENTS.observe(sum(len(waiting.submission.claims) for waiting in group))
            for waiting, conflicts in zip(group, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(conflicts)
            return

    async def _commit(self, submissions: Sequence[Submission]) -> list[tuple[int, ...]]:
        """Claim a group; what is not simply new is judged. Returns each one's conflicts."""
        reached("intake.received")
        owner = await self._own()  # first of all: what a killed predecessor left open would hold up the insert
        answers: list[tuple[int, ...]] = [()] * len(submissions)
        if left := await self._insert(submissions):
            judged = await self._judge([submissions[index] for index in left], owner)
            for index, conflicts in zip(left, judged, strict=True):
                answers[index] = conflicts
        return answers

    async def _insert(self, submissions: Sequence[Submission]) -> list[int]:
        """Insert the claims that stand alone. Returns which submissions are left to be judged, in their order."""
        alone = {index: claim for index, one in enumerate(submissions) if (claim := one.alone) is not None}
        repeated: set[int] = set()
        if alone:
            taken = await self._database.insert_new(COLLECTION, [claim.document() for claim in alone.values()])
            reached("intake.inserted")
            repeated = {index for place, index in enumerate(alone) if place in taken}
        return [index for index in range(len(submissions)) if index not in alone or index in repeated]

    async def _judge(self, submissions: Sequence[Submission], owner: Owner) -> list[tuple[int, ...]]:
        """Judge and write in one transaction. What it read is majority-committed once it commits."""
        async with self._database.transaction(owner) as session:
            held = await self._held({claim.id for s in submissions for claim in s.claims}, session)
            settled = [submission.settle(held) for submission in submissions]
            for collection, operations in _by_collection(settled).items():
                await self._database[collection].bulk_write(operations, ordered=True, session=session)
        self._database.committed([COLLECTION])
        return [one.conflicts for one in settled]

    async def _held(self, ids: Iterable[str], session: Any) -> dict[str, str]:
        with faults():
            found = self._database[COLLECTION].find({"_id": {"$in": list(ids)}}, {"digest": 1}, session=session)
            return {document["_id"]: document["digest"] async for document in found}

    async def _own(self) -> Owner:
        """A session that is on record, so that the next of our name kills what we leave open when we are killed."""
        if self._owner is None:
            fresh = await self._database.owner()
            with faults():
                change = {"$set": {"session": fresh.id}}
                former = await self._database[OWNERS].find_one_and_update({"_id": self._name}, change, upsert=True)
            if former is not None:
                await self._database.kill([former["session"]])
            self._owner = fresh
        return self._owner


def _by_collection(settled: Iterable[Settled]) -> Mapping[str, list[Operation]]:
    writes: dict[str, list[Operation]] = {}
    for one in settled:
        for collection, operation in one.writes:
            writes.setdefault(collection, []).append(operation)
    return writes
