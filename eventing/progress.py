"""Kafka's committed offsets: only so that whoever asks Kafka sees the lag. The position that counts is ours."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer

from eventing.batch import Partition
from eventing.kafka import KafkaSettings
from eventing.points import reached

log = structlog.get_logger(__name__)

EVERY_SECONDS = 0.2
SHOWN_WITHIN_SECONDS = 5.0


class Progress:
    """Tells Kafka how far a consumer is, beside its work: what comes within a moment is told at once."""

    def __init__(self, kafka: KafkaSettings, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        self._kafka, self._consumer = kafka, consumer
        self._unshown: dict[Partition, int] = {}
        self._showing: asyncio.Task[None] | None = None
        self._now = asyncio.Event()

    def at(self, done: Mapping[Partition, int]) -> None:
        """These partitions are done up to here."""
        self._unshown.update(done)
        if self._showing is None or self._showing.done():
            self._showing = asyncio.create_task(self._show())

    async def shown(self) -> None:
        """Show what is not shown yet, without waiting for more; not with Kafka away, when its client tries for ever."""
        if self._showing is not None:
            self._now.set()
            await asyncio.wait([self._showing], timeout=SHOWN_WITHIN_SECONDS)
            self._showing.cancel()
            self._now.clear()

    async def _show(self) -> None:
        while self._unshown and (consumer := self._consumer()) is not None:
            done, self._unshown = self._unshown, {}
            try:
                await consumer.commit({self._kafka.physical_partition(part): at for part, at in done.items()})
                reached("consumer.shown")
            except Exception as error:  # noqa: BLE001 - whatever Kafka says to it
                log.info("lag_not_shown", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._now.wait()
