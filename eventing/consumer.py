"""The consumer: batches from Kafka to handlers, each batch one transaction, for ever.

FastStream runs the loop (MANUAL acknowledgement, our own parser and batch decoder); where a partition stands is ours
(positions.py). A batch is done when its transaction is committed, and only then is the next one taken. Transient
faults are waited for here, under the same batch. A write that MongoDB refuses is found by bisection and parks its
record alone.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Annotated, Any, cast

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka.structs import TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.specification import AsyncAPI
from pydantic import SkipValidation

from eventing import metrics, positions
from eventing.batch import Batch, Failure, Partition, Reason, Record
from eventing.gate import ParkingStormError
from eventing.kafka import KafkaError, KafkaSettings
from eventing.mongo import Database, Owner
from eventing.parking import Handlers, retry
from eventing.points import reached
from eventing.positions import StaleError
from eventing.progress import Progress
from eventing.reading import parse, read
from eventing.transient import RefusedError, TransientError, pause
from eventing.unit import Topic

log = structlog.get_logger(__name__)

MOST_RECORDS = 2000
SLOW_SECONDS = 2.0  # of one transaction: well under the limit of 5 s that our own servers set
WAIT_MS = 500
MANY_BYTES = 512 * 1024  # where these are there, no reader lingers
SESSION_MS = 6_000

Handler = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Topics that one handler reads: `async handler(batch, *context, now)`, one transaction block in it."""

    handler: Handler
    topics: tuple[Topic, ...]

    def __init__(self, *topics_then_handler: Any) -> None:
        *topics, handler = topics_then_handler
        object.__setattr__(self, "handler", handler)
        object.__setattr__(self, "topics", tuple(topics))


class Consumer:
    """One service's consumer group member. `context` goes to every handler between the batch and `now`.

    `linger_ms`: how long records may wait at Kafka for more to come, so that there are few batches.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        group: str,
        subscriptions: Sequence[Subscription],
        database: Database,
        *context: Any,
        clock: Callable[[], datetime],
        most_records: int = MOST_RECORDS,
        linger_ms: int = 0,
    ) -> None:
        self.kafka, self.group, self.database, self.clock = kafka, group, database, clock
        self._topics = [topic for subscription in subscriptions for topic in subscription.topics]
        self._handlers = {topic.name: s.handler for s in subscriptions for topic in s.topics}
        self._context = context
        self._next: dict[Partition, int] = {}
        self._most = most_records
        self._assignments = self._polled = 0  # how many there were; how many when the last poll began
        self._busy = asyncio.Lock()
        self._progress = Progress(lambda: self._raw)
        self._at_once = most_records
        self._running = False
        self._started = False
        self.stopped_because: str | None = None
        database.group = group
        database.compacted = frozenset(topic.name for topic in self._topics if topic.compacted)
        self.broker = KafkaBroker(
            kafka.addresses,
            security=kafka.broker_security,
            allow_auto_create_topics=False,
            graceful_timeout=10.0,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
        )
        self._subscriber = self.broker.subscriber(
            *(kafka.physical(topic.name) for topic in self._topics),
            batch=True,
            group_id=kafka.prefix + group,
            group_instance_id=kafka.instance,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            max_records=most_records,
            batch_timeout_ms=20,
            fetch_max_wait_ms=linger_ms or 100,
            fetch_min_bytes=MANY_BYTES if linger_ms else 1,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=1_500,
            max_poll_interval_ms=600_000,
            listener=_Listener(self),
            parser=parse,
            decoder=self._decode,
            title=f"{group} reads",
        )
        self._subscriber(self._consume)
        # FastStream sleeps batch_timeout_ms after each empty poll, on top of the poll's own wait: forty wake-ups a
        # second while idle, and up to 20 ms more for a record. Waiting once, in Kafka's own client, costs neither.
        self._subscriber.get_msg = self._poll  # type: ignore[method-assign]

    @property
    def handlers(self) -> Handlers:
        """What retrying a parked record runs: the same handlers, with the same context."""
        return Handlers(self._handlers, self._context, self.clock)

    @property
    def ready(self) -> bool:
        return self._started and self.stopped_because is None

    def lags(self) -> dict[Partition, int]:
        """Records not yet handled, of each partition that this process reads and knows the end of."""
        raw = self._raw
        if raw is None:
            return {}
        ends = {part: raw.highwater(self._tp(part)) for part in self._next if self._tp(part) in raw.assignment()}
        return {part: max(0, end - self._next[part]) for part, end in ends.items() if end is not None}

    async def start(self) -> None:
        self.database.reading = await self.database.owner()
        self._running = True
        await self.broker.start()
        self._started = True

    async def stop(self) -> None:
        self._running = False
        await self._progress.shown()
        await self.broker.stop()

    async def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Own the partitions, and read on from where the database stands, whatever Kafka has committed."""
        async with self._busy:
            owned = {self._partition(tp): tp for tp in partitions}
            standing = await self._until_known(partial(positions.take_over, self.database, owned, self._owner))
            self._next = standing
            raw = self._raw
            ends = await raw.end_offsets(list(owned.values())) if owned else {}
            for partition, tp in owned.items():
                if standing[partition] > ends[tp]:  # the topic was made anew: sequences and claims know what is old
                    log.warning("position_beyond_end", topic=tp.topic, partition=tp.partition, at=standing[partition])
                    await positions.rewind(self.database, partition, 0)
                    self._next[partition] = 0
                raw.seek(tp, self._next[partition])
            self._assignments += 1
            reached("consumer.assigned")
            log.info("assigned", partitions=len(owned))

    async def revoked(self) -> None:
        """Finish or drop the batch in hand before the partitions go to another."""
        self._next = {}
        async with self._busy:
            await self._progress.shown()

    async def _consume(self, records: Annotated[list[Any], SkipValidation]) -> None:
        try:
            async with self._busy:
                if self._polled != self._assignments:
                    # Read before we had sought: from where Kafka has committed, which may be beyond where we stand.
                    self._seek_back()
                    return
                batch = self._batch(records)
                reached("consumer.received")
                for part in _by_handler(batch, self._handlers):
                    await self._apply(part)
                self._progress.at({self._tp(part): at for part, at in self._next.items() if part in batch.began})
                if not self._running:
                    await self._progress.shown()  # the last one
            await self._retry_mended()
        except Exception:
            # FastStream goes on with the next batch whatever is raised here: go back first, so nothing is passed over.
            log.exception("consume_failed")
            self._seek_back()
            raise

    async def _poll(self, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        """What has come, at once if there is anything; else what comes within the wait."""
        self._polled = self._assignments
        found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=self._most)
        return tuple(chain.from_iterable(found.values()))

    async def _retry_mended(self) -> None:
        """The record that a lane waited for has come: try what stands behind it."""
        while self.database.mended:
            key = self.database.mended.pop()
            await self._until_known(partial(retry, self.database, key, self.handlers))

    async def _apply(self, batch: Batch) -> None:
        """Apply the batch, whatever it takes: wait out what passes, park what cannot be written."""
        if len(batch.records) > self._at_once:
            await self._in_halves(batch)
            return
        attempt = 0
        while self._running and self._still_ours(batch):
            began = time.monotonic()
            try:
                with metrics.batch(self.group, len(batch.records)):
                    await self._handlers[batch.records[0].topic](batch, *self._context, self.clock())
            except TransientError as error:
                attempt += 1
                metrics.RETRIES.labels(self.group).inc()
                log.warning("transient", attempt=attempt, error=str(error))
                await self._renew(attempt)
                if self._was_slow(batch, began):
                    await self._in_halves(batch)
                    return
            except StaleError:
                await self._reread(batch)
                return
            except RefusedError as error:
                await self._bisect(batch, error)
                return
            except ParkingStormError as error:
                await self._give_up("parking_storm", error)
                return
            except Exception as error:
                attempt += 1
                log.exception("handler_failed", attempt=attempt, error=type(error).__name__)
                if len(batch.records) > 1:
                    await self._bisect(batch, RefusedError(type(error).__name__))
                    return
                await self._park_alone(batch, Reason("bug", type(error).__name__))
                return
            else:
                self._next.update(batch.ends)
                self._was_slow(batch, began)
                return

    async def _in_halves(self, batch: Batch) -> None:
        for half in batch.halves():
            await self._apply(half)

    def _was_slow(self, batch: Batch, began: float) -> bool:
        """Keep batches so small that their transactions end in time, on a busy machine too.

        MongoDB aborts what exceeds transactionLifetimeLimitSeconds; the same batch would then never come through.
        Returns whether this one must be made smaller.
        """
        size, seconds = len(batch.records), time.monotonic() - began
        if seconds > SLOW_SECONDS and size > 1:
            self._at_once = max(1, size // 2)
            return True
        if seconds < SLOW_SECONDS / 4:
            self._at_once = min(MOST_RECORDS, self._at_once * 2)
        return False

    async def _bisect(self, batch: Batch, error: RefusedError) -> None:
        if len(batch.records) == 1:
            await self._park_alone(batch, Reason("write_refused", str(error)))
            return
        await self._in_halves(batch)

    async def _park_alone(self, batch: Batch, reason: Reason) -> None:
        record = batch.records[0]
        if isinstance(record, Failure) or record.place in batch.forced:
            await self._give_up("cannot_park", RuntimeError(reason.code))
            return
        await self._apply(batch.parking(record, reason))

    async def _give_up(self, reason: str, error: Exception) -> None:
        """Stop consuming and say so: the service is not ready until people have looked."""
        self.stopped_because = reason
        self._running = False
        log.error("consumer_stopped", reason=reason, error=str(error))
        metrics.STOPPED.labels(self.group).set(1)

    async def _renew(self, attempt: int) -> None:
        """Wait, then go on with a session of our own: the old one may have been killed."""
        await asyncio.sleep(pause(attempt))
        try:
            former, self.database.reading = self.database.reading, await self.database.owner()
            if former is not None:
                # Not ended: its id would go back to the driver's pool, and whoever takes over kills that id.
                await self.database.kill([former.id])
            if self._next:
                standing = await positions.take_over(self.database, list(self._next), self._owner)
                if standing != self._next:
                    log.info("positions_differ", held=len(self._next))
        except TransientError:
            log.warning("still_away", attempt=attempt)

    async def _reread(self, batch: Batch) -> None:
        """The batch was not next. Go back to where the database stands."""
        log.warning("stale_batch", records=len(batch.records))
        mine = [partition for partition in batch.began if partition in self._next]
        self._next.update(await self._until_known(partial(positions.read, self.database, mine)))
        self._seek_back()

    def _seek_back(self) -> None:
        raw = self._subscriber.consumer
        if raw is not None:
            for partition, at in self._next.items():
                raw.seek(self._tp(partition), at)

    async def _until_known(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        attempt = 0
        while True:
            try:
                return await ask()
            except (TransientError, KafkaError) as error:
                attempt += 1
                log.warning("transient", attempt=attempt, error=type(error).__name__)
                await asyncio.sleep(pause(attempt))

    def _batch(self, records: Sequence[Record | Failure]) -> Batch:
        """What of these records is next. Records of partitions that are gone, or that were applied, are left out."""
        fresh = tuple(r for r in records if r.offset >= self._next.get((r.topic, r.partition), 1 << 62))
        held = {(record.topic, record.partition) for record in fresh}
        return Batch(fresh, {partition: self._next[partition] for partition in held})

    def _still_ours(self, batch: Batch) -> bool:
        return all(partition in self._next for partition in batch.began)

    @property
    def _owner(self) -> Owner:
        return cast(Owner, self.database.reading)

    @property
    def _raw(self) -> Any:
        """aiokafka's consumer, there from before the first assignment on."""
        return self._subscriber.consumer

    def _partition(self, tp: TopicPartition) -> Partition:
        return self.kafka.logical(tp.topic), tp.partition

    def _tp(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self.kafka.physical(partition[0]), partition[1])

    async def _decode(self, message: KafkaMessage) -> list[Record | Failure]:
        raw = cast(tuple[ConsumerRecord, ...], message.raw_message)
        return [read(record, self.kafka.logical(record.topic)) for record in raw]


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        await self._consumer.revoked()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        await self._consumer.assigned(list(assigned))


def _by_handler(batch: Batch, handlers: Mapping[str, Handler]) -> list[Batch]:
    """The batch, one part for each handler: topics that share one are applied together."""
    parts: dict[int, list[Record | Failure]] = defaultdict(list)
    for record in batch.records:
        parts[id(handlers[record.topic])].append(record)
    return [batch.of(tuple(records)) for records in parts.values()]


def subscribed(consumer: Consumer) -> list[str]:
    """The topics that the consumer's subscribers read, as FastStream's own AsyncAPI document tells them."""
    specification: Any = AsyncAPI(consumer.broker, title=consumer.group, version="1", schema_version="3.0.0")
    channels = specification.to_specification().to_jsonable()["channels"]
    return sorted(consumer.kafka.logical(channel["address"]) for channel in channels.values())
