"""How far the consumer is, for those who watch: offsets committed to Kafka, and the lag that our metrics show.

Neither decides what is read: that is the position in the database (positions.py).
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer

from eventing.batch import Partition
from eventing.kafka import KafkaError, KafkaSettings
from eventing.ownership import NOT_OURS, Ownership
from eventing.points import reached

log = structlog.get_logger(__name__)

EVERY_SECONDS = 0.2
COMMIT_WITHIN_SECONDS = 5.0
POSITION_WITHIN_SECONDS = 0.5


class Progress:
    """One consumer's progress. Offsets are committed beside its work, those of one moment together."""

    def __init__(
        self, kafka: KafkaSettings, ownership: Ownership, consumer: Callable[[], AIOKafkaConsumer | None]
    ) -> None:
        self._kafka, self._ownership, self._consumer = kafka, ownership, consumer
        self._uncommitted: dict[Partition, int] = {}
        self._empty_to: dict[Partition, int] = {}  # from our position up to here there are offsets, but no records
        self._committing: asyncio.Task[None] | None = None
        self._now = asyncio.Event()

    def lags(self) -> dict[Partition, int]:
        """Records not yet handled, of each partition that this process reads and knows the end of."""
        consumer = self._consumer()
        if consumer is None:
            return {}
        at, tp, assigned = self._ownership.next, self._kafka.physical_partition, consumer.assignment()
        ends = {part: consumer.highwater(tp(part)) for part in at if tp(part) in assigned}
        return {
            part: max(0, end - max(at[part], self._empty_to.get(part, 0)))
            for part, end in ends.items()
            if end is not None
        }

    def commit_soon(self, done: Mapping[Partition, int]) -> None:
        """Tell Kafka that these partitions are done up to here: at once, unless it was told just now."""
        self._uncommitted.update(done)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())

    async def commit_now(self) -> None:
        """Tell Kafka what it was not told yet; given up after a while, as aiokafka never does while Kafka is away."""
        if self._committing is not None:
            self._now.set()
            await asyncio.wait([self._committing], timeout=COMMIT_WITHIN_SECONDS)
            self._committing.cancel()
            self._now.clear()

    async def pass_over_marks(self, consumer: AIOKafkaConsumer) -> None:
        """Count as done what stands behind the last record and is none: the marks that end Kafka's transactions.

        Only where a poll has brought nothing: then all that Kafka's client has passed is applied.
        """
        # The client waits for a position that it does not know yet, which should not keep us from polling.
        with suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(POSITION_WITHIN_SECONDS):
                for partition in [partition for partition, lag in self.lags().items() if lag]:
                    at = await consumer.position(self._kafka.physical_partition(partition))
                    if at > self._ownership.next.get(partition, NOT_OURS):
                        self._empty_to[partition] = at
                        self.commit_soon({partition: at})

    def sought(self) -> None:
        """The consumer reads on from elsewhere: what was known of the partitions may be no longer so."""
        self._empty_to.clear()

    async def _commit(self) -> None:
        while self._uncommitted and (consumer := self._consumer()) is not None:
            done, self._uncommitted = self._uncommitted, {}
            try:
                await consumer.commit({self._kafka.physical_partition(part): at for part, at in done.items()})
                reached("consumer.shown")
            except Exception as error:  # noqa: BLE001 - whatever Kafka says to it
                log.info("lag_not_shown", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._now.wait()
