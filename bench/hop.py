"""One hop by hand: the least that a durable hop takes on these servers, at the same rate and in the same run.

A producer, a consumer that writes each batch in one transaction and produces what follows, a consumer that hears it.
"""

import asyncio
import time
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer
from pymongo import AsyncMongoClient
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from contracts.topics import Topic
from eventing.kafka import KafkaSettings, ensure_topics, producer


async def floor(kafka: str, mongo: str, per_second: float, seconds: float) -> list[float]:
    """Seconds from when a record was due until what follows from it was heard."""
    settings, count = KafkaSettings(kafka, f"bench-{uuid4().hex[:6]}."), round(per_second * seconds)
    asked, answered = (Topic(name, "bench", (), "n") for name in ("asked", "answered"))
    await ensure_topics(settings, [asked, answered])
    sender = producer(settings)
    readers = [_reader(settings, topic.name) for topic in (asked, answered)]
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo)
    database, heard = client[f"bench-{uuid4().hex[:8]}"], dict[int, float]()
    await database.create_collection("rows")
    await database.create_collection("positions")
    for one in (sender, *readers):
        await one.start()
    hops = [
        asyncio.create_task(_hop(readers[0], sender, settings.physical("answered"), client, database)),
        asyncio.create_task(_hear(readers[1], heard)),
    ]
    try:
        began = time.time() + 0.1
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / per_second - time.time()))
            text = str(number).encode()
            await sender.send(settings.physical("asked"), text, key=text)
        async with asyncio.timeout(60):
            while len(heard) < count:
                await asyncio.sleep(0.02)
        return [heard[number] - began - number / per_second for number in range(count)]
    finally:
        for hop in hops:
            hop.cancel()
        await asyncio.wait(hops)
        for one in (sender, *readers):
            await one.stop()
        await client.drop_database(database.name)
        await client.close()


def _reader(settings: KafkaSettings, topic: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        settings.physical(topic), bootstrap_servers=settings.addresses, auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )  # fmt: skip


async def _hop(reader: AIOKafkaConsumer, sender: Any, to: str, client: Any, database: Any) -> None:
    while True:
        found = await reader.getmany(timeout_ms=500)
        records = [record for part in found.values() for record in part]
        if not records:
            continue
        async with client.start_session() as session:
            async with await session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority", j=True)):
                rows = [{"_id": record.value.decode(), "value": record.value} for record in records]
                await database["rows"].insert_many(rows, session=session)
                step = {"$inc": {"next": len(records)}}
                await database["positions"].update_one({"_id": "p"}, step, upsert=True, session=session)
        await asyncio.gather(*[await sender.send(to, record.value, key=record.key) for record in records])


async def _hear(reader: AIOKafkaConsumer, heard: dict[int, float]) -> None:
    async for record in reader:
        heard.setdefault(int(record.value), time.time())
