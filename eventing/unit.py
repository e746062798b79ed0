"""One unit of work: one MongoDB transaction that writes state, ledger, outbox, lanes and positions together.

A service's store subclasses UnitOfWork with its own reads and staged writes. What the class itself takes care of: which
records of its batch may be applied (incoming.py), the numbering of what it publishes (outgoing.py), and that a batch
counts only where it began (positions.py).
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, Self

import structlog
from pydantic import BaseModel

from eventing import lanes, metrics, outbox, positions, quarantine, tracing
from eventing.batch import Batch, Cause, Failure, Record
from eventing.envelope import Event
from eventing.incoming import Incoming
from eventing.lanes import Lanes
from eventing.mongo import Binary, Database, Operation, Owner, Session, Written
from eventing.outgoing import Outgoing
from eventing.positions import StaleError
from eventing.reasons import Reason, why
from eventing.topics import Topic

log = structlog.get_logger(__name__)

AHEAD = 1000  # as many staged events are sent while the next records are decided


class _TakenBack(Exception):  # noqa: N818 - no error: how a rehearsal ends
    """Leaves the transaction so that nothing of it is kept."""


class UnitOfWork:
    """One transaction. `session` goes into every read and write; `now` is programme time, read once."""

    def __init__(self, database: Database, session: Session, batch: Batch, now: datetime) -> None:
        self.db = database
        self.session = session
        self.now = now
        self._lanes = Lanes(database, session)
        self._incoming = Incoming(batch, self._lanes)
        self._outgoing = Outgoing(self._lanes, now)
        self._staged: list[tuple[str, Operation]] = []
        self._written: set[str] = set()  # collections
        self._on_its_way: asyncio.Future[Written] | None = None

    @classmethod
    @asynccontextmanager
    async def begin(
        cls, database: Database, batch: Batch, now: datetime, owner: Owner | None = None
    ) -> AsyncIterator[Self]:
        """Open the transaction and the lanes of the batch. Commits on a clean exit, aborts on any other."""
        if owner is None and batch.records and not batch.replay:
            owner = batch.reader.owner
        began = tracing.now_ns()
        try:
            async with database.transaction(owner) as session:
                unit = cls(database, session, batch, now)
                records = unit._incoming.readable
                await unit._lanes.load({record.key for record in records})
                to_stay = batch.replay and batch.rehearsal is None  # what is rehearsed may be an edit that nobody made
                if to_stay and not all([await unit._lanes.holds(record) for record in records]):
                    # Somebody else has applied or edited the record since we read it.
                    unit._incoming = Incoming(batch.of(()), unit._lanes)
                try:
                    yield unit
                finally:
                    await unit._landed()  # the session does one thing at a time: no commit or abort before that
                if batch.rehearsal is not None:
                    batch.rehearsal.append(unit)
                    raise _TakenBack  # noqa: TRY301 - just this leaves the transaction
        except _TakenBack:
            return
        database.committed(unit._written)
        batch.reader.gaps_closed.update(unit._lanes.gaps_closed)
        metrics.records(batch.reader.group, unit._incoming.outcomes)
        tracing.TRACING.published(unit._outgoing.numbered, began)
        for record, reason in unit.parked:
            log.warning("parked", key=record.key, event_id=record.event.id, reason=reason.code, place=reason.detail,
                        trace_id=tracing.trace_id(record.event.traceparent))  # fmt: skip

    @classmethod
    @asynccontextmanager
    async def reading(cls, database: Database, now: datetime) -> AsyncIterator[Self]:
        """A unit's reads alone, all of one moment, for views."""
        async with database.snapshot() as session:
            yield cls(database, session, Batch.none(), now)

    @property
    def upcoming(self) -> list[Record]:
        """The records that may be decided, for reading in one go what that will need.

        Not those that park without another try: what they need may be what cannot be read.
        """
        return self._incoming.upcoming

    def records(self) -> Iterator[Record]:
        """The records to apply, in order. Duplicates, what waits behind a parked record, and gaps are taken out.

        Decide each one before asking for the next: whether it parked decides what its key's later records may do.
        """
        return self._incoming.records()

    def every(self) -> Iterator[Record]:
        """Every readable record as it stands on its topic, repeats included: for a reader that only keeps a log."""
        return self._incoming.every()

    @contextmanager
    def parking(self, record: Record) -> Iterator[None]:
        """A bug inside parks this record, not the batch, and takes back what was staged for it.

        No await may stand inside: no fault of MongoDB is a bug.
        """
        events, writes = len(self._outgoing), len(self._staged)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever our code raises, this record shows it
            self._outgoing.take_back(events)
            del self._staged[writes:]
            self._incoming.park(record, why(error))

    def park(self, record: Record, reason: Reason) -> None:
        """Park a record for a reason that the service knows."""
        self._incoming.park(record, reason)

    def publish(
        self, topic: Topic, type: str, key: str, data: BaseModel | Mapping[str, Any] | None, cause: Cause
    ) -> None:
        """Stage an event of our own; `write` gives its sequence. Data None on a compacted topic is a tombstone."""
        self._outgoing.stage(topic, type, key, data, cause)

    def bulk(self, collection: str, *operations: Operation) -> None:
        """Stage writes; `write` sends them in one ordered bulk a collection."""
        self._staged += [(collection, operation) for operation in operations]

    def quarantine(self, id: str, topic: str, reason: Reason, value: bytes | None, **about: Any) -> None:
        """Keep what cannot be used, whole, for operators. `id` makes doing it again harmless."""
        self.bulk(quarantine.COLLECTION, quarantine.keep(id, topic, reason, value, **about))

    async def ahead(self) -> None:
        """Send what is staged, once it is much, while the next records are decided.

        Between records, never under `parking`: what has gone ahead stands or falls with the transaction alone.
        """
        if len(self._outgoing) >= AHEAD:
            await self.send()

    async def send(self) -> None:
        """Begin to send what is staged so far."""
        await self._number()
        await self._arrived()
        if self._staged:
            by_collection: dict[str, list[Operation]] = defaultdict(list)
            for collection, operation in self._staged:
                by_collection[collection].append(operation)
            self._on_its_way = self.db.writing(by_collection, self.session)
            self._written |= by_collection.keys()
            self._staged.clear()

    async def write(self) -> None:
        """Send everything that was staged: all or nothing with the transaction.

        Raises StaleError where the batch began elsewhere than its partitions stand.
        """
        batch = self._incoming.batch
        batch.reader.gate.check(self._incoming.newly_parked)
        await self._number()
        for failure in self._incoming.unreadable:
            self._keep(failure)
        self._staged += self._incoming.writes()
        if changes := self._lanes.changes():
            self.bulk(lanes.COLLECTION, *changes)
        moves = [] if batch.replay else positions.moves(batch)
        if moves:
            self.bulk(positions.COLLECTION, *moves)
        await self.send()
        written = await self._arrived()
        if moves and written[positions.COLLECTION].matched_count != len(moves):
            raise StaleError(", ".join(positions.position_id(partition) for partition in batch.began))

    @property
    def published(self) -> list[Event]:
        """What this unit publishes, so far as it was sent, without its data."""
        return [event for event, _ in self._outgoing.numbered]

    @property
    def parked(self) -> list[tuple[Record, Reason]]:
        """What this unit parks, in order."""
        return list(self._incoming.parked)

    async def _number(self) -> None:
        """Give each staged event its sequence on its key's lane, and its row in the outbox."""
        if unread := self._lanes.unread(self._outgoing.keys):
            await self._arrived()  # first: the session does one thing at a time
            await self._lanes.load(unread)
        self.bulk(outbox.COLLECTION, *self._outgoing.rows())

    async def _landed(self) -> None:
        """Wait for what is on its way, whatever becomes of it. Being cancelled meanwhile leaves it on its way."""
        if self._on_its_way is not None:
            await asyncio.wait([self._on_its_way])
            self._on_its_way.exception()  # seen: who needs it asks `_arrived`

    async def _arrived(self) -> Written:
        """What MongoDB answered to what was sent last. Raises what it raised."""
        await self._landed()
        return {} if self._on_its_way is None else self._on_its_way.result()

    def _keep(self, failure: Failure) -> None:
        key = None if failure.key is None else Binary(failure.key)
        headers = [[name, Binary(content)] for name, content in failure.headers]
        self.quarantine(failure.place, failure.topic, failure.reason, failure.value, key=key, headers=headers)
