"""The consumer: batches from Kafka to handlers, each batch one transaction, for ever.

FastStream runs the loop, with one subscriber for all topics of the service. One turn of it:

    _poll      fetch what has come (aiokafka)
    _decode    read each record, or say why it cannot be read (reading.py)
    _consume   make a batch of what is next (ownership.py), and apply it, whatever it takes (applying.py)

Where we stand on each partition is in the database, moved in the transaction that applies the batch. Kafka's committed
offsets only show others the lag (progress.py). So each assignment first takes the partitions over in the database, and
then seeks to where that stands; and whatever goes wrong, the answer is to seek there again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
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

from eventing import metrics, quarantine
from eventing.applying import Applying, StoppedError
from eventing.batch import Batch, Failure, Partition, Record
from eventing.clients import has_left_its_group, started
from eventing.gate import MOST_KEYS
from eventing.kafka import KafkaError, KafkaSettings
from eventing.mongo import Database
from eventing.ownership import Ownership
from eventing.parking import Handlers, closed_gaps
from eventing.points import reached
from eventing.positions import StaleError
from eventing.progress import Progress
from eventing.reader import Reader
from eventing.reading import parse, read
from eventing.reasons import DELETED_UNREAD, Reason
from eventing.topics import Topic
from eventing.transient import TransientError, pause, repeat

log = structlog.get_logger(__name__)

MOST_RECORDS = 2000
WAIT_MS = 500
MANY_BYTES = 512 * 1024  # as many waiting bytes are fetched at once, however long we would linger
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
    """One member of a service's consumer group. `context` goes to every handler between the batch and `now`.

    `linger_ms`: how long records may wait at Kafka for others, so that they come in fewer and larger batches.
    `parking_limit`: how many keys may park within a minute before it stops itself.
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
        parking_limit: int = MOST_KEYS,
    ) -> None:
        self.kafka, self.group, self.database, self.clock = kafka, group, database, clock
        self._topics = [topic for subscription in subscriptions for topic in subscription.topics]
        by_topic = {topic.name: s.handler for s in subscriptions for topic in s.topics}
        self.reader = Reader.of(group, self._topics, parking_limit)
        self.handlers = Handlers(by_topic, context, clock, self.reader)  # a parked record is retried by the same ones
        self._ownership = Ownership(database, self.reader)
        self._applying = Applying(database, self._ownership, self.handlers, most_records)
        self._most = most_records
        self._seeks = self._seeks_before_poll = 0  # how often so far, and when the last poll began
        self._in_hand = asyncio.Lock()  # held by a batch or by a rebalance, so that neither happens within the other
        self._takeover: asyncio.Task[None] | None = None  # Kafka's client waits for it before it fetches
        self._follow_up: asyncio.Task[None] | None = None  # the rest of an assignment, which nobody waits for
        self._replacing: asyncio.Task[None] | None = None  # a client of Kafka's that will never work again
        self._progress = Progress(kafka, self._ownership, lambda: self._raw)
        self._started = False
        self.stopped_because: str | None = None
        self.broker = KafkaBroker(
            kafka.addresses,
            security=kafka.broker_security,
            consumer_only=True,  # our relays publish; a producer of its own, started in vain, would never be closed
            allow_auto_create_topics=False,
            graceful_timeout=10.0,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
        )
        self._subscriber = self._build_subscriber(linger_ms)

    @property
    def ready(self) -> bool:
        return self._started and self.stopped_because is None

    def lags(self) -> dict[Partition, int]:
        """Records not yet handled, of each partition that this process reads and knows the end of."""
        return self._progress.lags()

    async def start(self) -> None:
        await self._ownership.begin()
        await started(self.broker, self.broker.stop)
        self._started = True

    async def stop(self) -> None:
        self._applying.running = False
        for task in (self._takeover, self._follow_up, self._replacing):
            if task is not None:
                task.cancel()  # MongoDB or Kafka may be away, and each of them would wait for them without end
        await self._progress.commit_now()
        await self.broker.stop()

    def _build_subscriber(self, linger_ms: int) -> Any:
        subscriber = self.broker.subscriber(
            *(self.kafka.physical(topic.name) for topic in self._topics),
            batch=True,
            group_id=self.kafka.prefix + self.group,
            group_instance_id=self.kafka.instance,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            max_records=self._most,
            batch_timeout_ms=20,
            fetch_max_wait_ms=linger_ms or 100,
            fetch_min_bytes=MANY_BYTES if linger_ms else 1,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=1_500,
            max_poll_interval_ms=600_000,
            isolation_level="read_committed",  # what a producer's aborted transaction wrote was never said
            listener=_Listener(self),
            parser=parse,
            decoder=self._decode,
            title=f"{self.group} reads",
        )
        subscriber(self._consume)
        # FastStream sleeps batch_timeout_ms after each empty poll, on top of the poll's own wait: forty wake-ups a
        # second while idle, and up to 20 ms more for a record. Waiting once, in Kafka's own client, costs neither.
        subscriber.get_msg = self._poll  # type: ignore[method-assign]
        return subscriber

    async def _poll(self, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        """What has come; where nothing has, what comes within the wait."""
        self._seeks_before_poll = self._seeks
        try:
            by_partition = await consumer.getmany(timeout_ms=WAIT_MS, max_records=self._most)
        except Exception:
            # One partition raised, and what aiokafka had already taken from the others is lost to us: read it again.
            self._seek()
            if has_left_its_group(consumer) and (self._replacing is None or self._replacing.done()):
                self._replacing = asyncio.create_task(self._replace_client())
            raise
        if not by_partition and self._applying.running:
            await self._progress.pass_over_marks(consumer)
        return tuple(chain.from_iterable(by_partition.values()))

    async def _replace_client(self) -> None:
        """Join the group anew by a new client: the one that we have never will."""
        log.error("kafka_client_replaced")
        await self.revoked()
        attempt = 0
        while True:
            try:
                await self._subscriber.stop()
                await started(self._subscriber, self._subscriber.stop)
                return
            except Exception as error:  # noqa: BLE001 - nobody waits for this: whatever it is, nothing would be read
                attempt += 1
                log.warning("kafka_client_not_replaced_yet", error=type(error).__name__)
                await asyncio.sleep(pause(attempt))

    async def _decode(self, message: KafkaMessage) -> list[Record | Failure]:
        raw = cast(tuple[ConsumerRecord, ...], message.raw_message)
        topics = [self.kafka.logical(record.topic) for record in raw]
        uncounted = self.reader.uncounted
        return [read(one, topic, counted=topic not in uncounted) for one, topic in zip(raw, topics, strict=True)]

    async def _consume(self, records: Annotated[list[Any], SkipValidation]) -> None:
        try:
            async with self._in_hand:
                if self._seeks != self._seeks_before_poll:
                    # Polled before we sought, so read from somewhere else, maybe beyond our position: read it again.
                    self._seek()
                    return
                batch = self._ownership.batch(records)
                reached("consumer.received")
                await self._apply(batch)
                self._progress.commit_soon(self._ownership.stand_after(batch))
                if not self._applying.running:
                    await self._progress.commit_now()  # the last one
            await self._applying.retry_after_gaps()
        except Exception:
            # FastStream takes the next batch whatever is raised here; so go back first, and no record is skipped.
            log.exception("consume_failed")
            self._seek()
            raise

    async def _apply(self, batch: Batch) -> None:
        try:
            await self._applying.apply(batch)
        except StaleError:
            log.warning("stale_batch", records=len(batch.records))
            await self._ownership.reread(batch)
            self._seek()
        except StoppedError as error:
            self._stop_because(error.reason, error.__cause__)

    async def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Own the partitions, and read on from where the database stands, whatever Kafka has committed."""
        async with self._in_hand:
            owned = [self.kafka.logical_partition(tp) for tp in partitions]
            self._takeover = asyncio.create_task(self._take_over(owned))
            await asyncio.wait([self._takeover])
        if self._takeover.cancelled():
            self._ownership.give()
        elif error := self._takeover.exception():
            # Raised from here, aiokafka would only log it, and read on from what Kafka has committed.
            self._ownership.give()
            self._stop_because("cannot_take_over", error)

    async def _take_over(self, owned: Sequence[Partition]) -> None:
        await self._ownership.take(owned)
        self._seek()
        # A task of its own: Kafka may not know the end of one partition, and the others are to be read meanwhile.
        self._follow_up = asyncio.create_task(self._after_takeover(dict(self._ownership.next)))
        reached("consumer.assigned")
        log.info("assigned", partitions=len(owned))

    async def _after_takeover(self, began: Mapping[Partition, int]) -> None:
        """Finish what a former owner left undone, and read topics that were made anew from their beginning."""
        try:
            self.reader.gaps_closed |= await repeat(partial(closed_gaps, self.database), tries=None)
            await self._applying.retry_after_gaps()
            await self._rewind_new_topics(began)
            await self._tell_what_is_gone(began)
        except Exception as error:  # noqa: BLE001 - nobody waits for this, so nobody else would hear of it
            self._stop_because("cannot_take_over", error)

    async def _rewind_new_topics(self, began: Mapping[Partition, int]) -> None:
        """Where our position is beyond the end, the topic was deleted and made anew: read it from its beginning.

        Records that stood on the old one as well are known by their sequence or claimed id, and applied only once.
        """
        ends = await repeat(partial(self._limits, "end_offsets", began), tries=None)
        if beyond := [partition for partition, at in began.items() if at > ends[partition]]:
            async with self._in_hand:
                for partition in beyond:
                    log.warning("position_beyond_end", topic=partition[0], partition=partition[1])
                    await self._ownership.rewind(partition)
                self._seek()

    async def _tell_what_is_gone(self, began: Mapping[Partition, int]) -> None:
        """Where the topic begins beyond our position, Kafka has deleted what nobody had read: quarantine says what.

        Retention does that while we are down, or after a backup. Who never read anything begins where the topics do.
        """
        if not any(began.values()):
            return
        firsts = await repeat(partial(self._limits, "beginning_offsets", began), tries=None)
        gone = {partition: at for partition, at in began.items() if at < firsts[partition]}
        for (topic, number), at in gone.items():
            reason = Reason(DELETED_UNREAD, f"offsets {at} to {firsts[topic, number] - 1}")
            log.error(DELETED_UNREAD, topic=topic, partition=number, offsets=reason.detail)
            await repeat(partial(quarantine.add, self.database, f"{topic}-{number}-{at}", topic, reason), tries=None)

    async def revoked(self) -> None:
        """Finish or drop the batch in hand before the partitions go to another."""
        self._ownership.give()
        if self._follow_up is not None:
            self._follow_up.cancel()
        async with self._in_hand:
            await self._progress.commit_now()

    def _stop_because(self, reason: str, error: BaseException | None) -> None:
        """Apply nothing more and say so: the service is not ready until people have looked."""
        self._applying.running = False
        self.stopped_because = reason
        log.error("consumer_stopped", reason=reason, error=str(error))
        metrics.STOPPED.labels(self.group).set(1)

    def _seek(self) -> None:
        """Read on from where the database stands, whatever Kafka has committed."""
        self._seeks += 1
        self._progress.sought()
        if (raw := self._raw) is not None:
            for partition, at in self._ownership.next.items():
                raw.seek(self.kafka.physical_partition(partition), at)

    async def _limits(self, asked: str, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """What Kafka's client answers to `beginning_offsets` or `end_offsets` of these."""
        if not partitions:
            return {}
        try:
            found = await getattr(self._raw, asked)([self.kafka.physical_partition(one) for one in partitions])
        except KafkaError as error:
            raise TransientError(type(error).__name__) from error
        return {self.kafka.logical_partition(tp): offset for tp, offset in found.items()}

    @property
    def _raw(self) -> Any:
        """aiokafka's consumer, there from before the first assignment on."""
        return self._subscriber.consumer


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        await self._consumer.revoked()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        await self._consumer.assigned(list(assigned))


def subscribed(consumer: Consumer) -> list[str]:
    """The topics that the consumer's subscribers read, as FastStream's own AsyncAPI document tells them."""
    specification: Any = AsyncAPI(consumer.broker, title=consumer.group, version="1", schema_version="3.0.0")
    channels = specification.to_specification().to_jsonable()["channels"]
    return sorted(consumer.kafka.logical(channel["address"]) for channel in channels.values())
