"""Applying a batch, whatever it takes: wait for faults to pass, and park the one record that fails.

Each try is one transaction of the handler's. After a fault that passes the same batch is tried again; where MongoDB
refuses a write, or our code fails for the whole batch, the record is found by bisection; a batch too slow for one
transaction is done in halves.
"""

import asyncio
import time
from collections import defaultdict
from functools import partial

import structlog

from eventing import metrics
from eventing.batch import Batch, Failure, Record
from eventing.gate import ParkingStormError
from eventing.mongo import Database
from eventing.ownership import Ownership
from eventing.parking import Handlers, retry
from eventing.positions import StaleError
from eventing.reasons import Reason, why
from eventing.transient import RefusedError, TransientError, pause, repeat

log = structlog.get_logger(__name__)

SLOW_SECONDS = 2.0  # of one transaction: well under the limit of 5 s that our own servers set


class StoppedError(Exception):
    """Nothing more may be applied until people have looked: `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Applying:
    """Applies batches by the handlers of their topics, `most` records in one transaction."""

    def __init__(self, database: Database, ownership: Ownership, handlers: Handlers, most: int) -> None:
        self._database, self._ownership, self._handlers = database, ownership, handlers
        self._reader = handlers.reader
        self._most = self._at_once = most
        self.running = True

    async def apply(self, batch: Batch) -> None:
        """Apply all of it, unless the process stops or its partitions are taken from us meanwhile.

        Raises StaleError, where the batch was not next, and StoppedError; what came before either is applied.
        """
        for part in self._by_handler(batch):
            await self._apply(part)

    async def retry_after_gaps(self) -> None:
        """Try what was parked behind a gap, of keys whose missing record has come."""
        while self._reader.gaps_closed:
            key = self._reader.gaps_closed.pop()
            await repeat(partial(retry, self._database, key, self._handlers), tries=None)

    async def _apply(self, batch: Batch) -> None:
        attempt = 0
        while self.running and self._ownership.holds(batch):
            if len(batch.records) > self._at_once:
                await self._in_halves(batch)
                return
            try:
                await self._once(batch)
            except TransientError as error:
                attempt += 1
                metrics.RETRIES.labels(self._reader.group).inc()
                log.warning("transient", attempt=attempt, error=str(error))
                await asyncio.sleep(pause(attempt))
                await self._ownership.renew()
                continue
            except ParkingStormError as error:
                raise StoppedError("parking_storm") from error
            except StaleError:
                raise  # no bug of the handler's, as other exceptions are
            except RefusedError as error:
                await self._bisect(batch, why(error))
            except Exception as error:
                log.exception("handler_failed", error=type(error).__name__)
                await self._bisect(batch, why(error))
            return

    async def _once(self, batch: Batch) -> None:
        began = time.monotonic()
        try:
            with metrics.batch(self._reader.group, len(batch.records)):
                await self._handlers(batch)
        finally:
            self._adapt_size(len(batch.records), time.monotonic() - began)
        self._ownership.applied(batch)

    def _adapt_size(self, size: int, seconds: float) -> None:
        """Keep batches so small that their transactions end in time, also on a busy machine.

        MongoDB aborts a transaction that exceeds transactionLifetimeLimitSeconds, and the same batch would do so again.
        """
        if seconds > SLOW_SECONDS:
            self._at_once = max(1, size // 2)
        elif seconds < SLOW_SECONDS / 4:
            self._at_once = min(self._most, self._at_once * 2)

    async def _in_halves(self, batch: Batch) -> None:
        for half in batch.halves():
            await self._apply(half)

    async def _bisect(self, batch: Batch, reason: Reason) -> None:
        """Find the record that fails, and park it without another try."""
        record = batch.records[0]
        if len(batch.records) > 1:
            await self._in_halves(batch)
        elif isinstance(record, Failure) or record.place in batch.forced:
            raise StoppedError("cannot_park") from RuntimeError(reason.code)
        else:
            await self._apply(batch.parking(record, reason))

    def _by_handler(self, batch: Batch) -> list[Batch]:
        """The batch, one part for each handler: topics that share one are applied together."""
        parts: dict[int, list[Record | Failure]] = defaultdict(list)
        for record in batch.records:
            parts[id(self._handlers.by_topic[record.topic])].append(record)
        return [batch.of(tuple(records)) for records in parts.values()]
