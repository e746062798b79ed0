"""When the ledger's events come out at the other end: a reader of wea.clockhours.v1."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer

from contracts import topics
from contracts.kinds import EntryKind

AWARDED = b"ClockHoursAwarded"


class Ear:
    """What was awarded to whom, and when it was heard: seconds since 1970, by (educator, kind); the first counts."""

    def __init__(self) -> None:
        self.at: dict[tuple[str, str], float] = {}
        self.doubled = 0

    def hear(self, value: bytes | None) -> None:
        if value is None or AWARDED not in value:
            return
        data: dict[str, Any] = orjson.loads(value)["data"]
        about = (data["educator_id"], data["kind"])
        self.doubled += about in self.at
        self.at.setdefault(about, time.time())

    def count(self, kind: str = EntryKind.MICRO_CREDENTIAL) -> int:
        return sum(1 for _, of in self.at if of == kind)

    async def until(self, count: int, kind: str = EntryKind.MICRO_CREDENTIAL, seconds: float = 300) -> None:
        async with asyncio.timeout(seconds):
            while self.count(kind) < count:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(kafka: str) -> AsyncIterator[Ear]:
    """From now on, for as long as the block lasts."""
    consumer = AIOKafkaConsumer(topics.CLOCKHOURS.name, bootstrap_servers=kafka, fetch_max_wait_ms=100)
    await consumer.start()
    await consumer.seek_to_end()
    ear = Ear()

    async def read() -> None:
        async for record in consumer:
            ear.hear(record.value)

    reading = asyncio.create_task(read())
    try:
        yield ear
    finally:
        reading.cancel()
        await asyncio.wait({reading})
        await consumer.stop()
