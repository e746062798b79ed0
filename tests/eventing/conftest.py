"""A toy service on eventing: it counts what it hears under each key, and says so on a topic of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from eventing.batch import Batch
from eventing.clock import system_now
from eventing.consumer import Consumer, Subscription
from eventing.kafka import KafkaSettings, ensure_topics, producer
from eventing.mongo import Database, UpdateOne, connect
from eventing.relay import Relay
from eventing.service import EVENTING_INDEXES
from eventing.unit import UnitOfWork


@dataclass(frozen=True)
class Topic:
    name: str
    owner: str = "toy"
    partitions: int = 3
    retention: timedelta | None = None
    compacted: bool = False
    sequenced: bool = True


HEARD = Topic("toy.heard.v1", owner="mouth")
COUNTED = Topic("toy.counted.v1")
WHOLE = Topic("toy.whole.v1", owner="mouth", compacted=True)


class BrokenError(Exception):
    reason = "broken"


@dataclass
class Toy:
    """What the toy does wrong, when told to."""

    broken: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    hold: Callable[[], Awaitable[None]] | None = None

    async def on_heard(self, batch: Batch, database: Database, now: datetime) -> None:
        async with UnitOfWork.begin(database, batch, now) as unit:
            for record in unit.records():
                with unit.parking(record):
                    if record.event.id in self.broken:
                        raise BrokenError
                    body = "x" * (17 * 1024 * 1024) if record.event.id in self.refused else record.event.id
                    push = {"$push": {"heard": body}}
                    unit.bulk("counts", UpdateOne({"_id": record.key}, push, upsert=True))
                    unit.publish(COUNTED, "toy.Counted", record.key, {"heard": record.event.id}, record.cause)
            await unit.write()
            if self.hold is not None:
                await self.hold()


@pytest.fixture
async def database(mongo: str) -> AsyncIterator[Database]:
    with connect(mongo, f"toy-{uuid4().hex[:12]}") as fresh:
        await fresh.ensure({**EVENTING_INDEXES, "counts": ()})
        yield fresh
        await fresh.client.drop_database(fresh.name)


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
async def kafka_settings(kafka: str) -> KafkaSettings:
    settings = KafkaSettings(kafka, prefix=f"{uuid4().hex[:8]}.")
    await ensure_topics(settings, [HEARD, COUNTED, WHOLE])
    return settings


@asynccontextmanager
async def consuming(kafka: KafkaSettings, database: Database, toy: Toy, **more: int) -> AsyncIterator[Consumer]:
    subscriptions = [Subscription(HEARD, WHOLE, toy.on_heard)]
    consumer = Consumer(kafka, "toy", subscriptions, database, database, clock=system_now, **more)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def relaying(kafka: KafkaSettings, database: Database) -> AsyncIterator[Relay]:
    relay = Relay(kafka, database)
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def say(kafka: KafkaSettings, *records: Any) -> None:
    """Put records (of eventing.testing.Topics) on their topics."""
    sender = producer(kafka)
    await sender.start()
    try:
        for record in records:
            await sender.send_and_wait(
                kafka.physical(record.topic), record.value, key=record.key.encode(), headers=list(record.headers)
            )
    finally:
        await sender.stop()


async def heard(database: Database, key: str) -> list[str]:
    document = await database["counts"].find_one({"_id": key})
    return list(document["heard"]) if document else []
