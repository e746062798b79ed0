"""The whole service as it is deployed: read from a real Kafka, answer over HTTP, publish what it decided."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
from pydantic import SecretStr

from contracts import topics
from contracts.event import EventData
from eventing.kafka import KafkaSettings, ensure_topics, producer
from eventing.mongo import connect
from eventing.testing import Topics
from services.clockhours.app import opened
from services.clockhours.settings import Settings
from tests.clockhours.builders import ANA, PROGRAMS, everything
from tests.clockhours.conftest import KEYS
from tests.waiting import PATIENCE_SECONDS


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(settings, PROGRAMS) as api, api.router.lifespan_context(api):
        headers = {"Authorization": "Bearer staff-key"}
        transport = httpx.ASGITransport(app=api)
        async with httpx.AsyncClient(transport=transport, base_url="http://clockhours", headers=headers) as client:
            yield client


async def say(kafka: KafkaSettings, *facts: EventData) -> None:
    written = Topics()
    sender = producer(kafka)
    await sender.start()
    try:
        for fact in facts:
            record = written.record(fact.TOPIC.name, fact.key, fact.TYPE, fact)
            headers = list(record.headers)
            await sender.send_and_wait(
                kafka.physical(record.topic), record.value, key=record.key.encode(), headers=headers
            )
    finally:
        await sender.stop()


async def test_the_service_reads_decides_answers_and_publishes(mongo: str, kafka: str) -> None:
    database = f"clockhours-{uuid4().hex[:12]}"
    settings = Settings(
        kafka=kafka,
        kafka_prefix=f"{uuid4().hex[:8]}.",
        mongo=SecretStr(mongo),
        database=database,
        keys=SecretStr(KEYS),
    )
    await ensure_topics(settings.kafka_settings, list(topics.ALL))
    await say(settings.kafka_settings, *everything(ANA))
    try:
        async with running(settings) as client, asyncio.timeout(PATIENCE_SECONDS):
            while (await client.get("/health/ready")).status_code != 200:
                await asyncio.sleep(0.05)
            while (await client.get(f"/educators/{ANA}/clock-hours")).json()["total_minutes"] != 1080:
                await asyncio.sleep(0.05)
            with connect(mongo, database) as found:
                while await found["outbox"].find_one({}):  # the relay has published all of it
                    await asyncio.sleep(0.05)
            assert "wea_clockhours_entries 3.0" in (await client.get("/metrics")).text
    finally:
        with connect(mongo, database) as found:
            await found.client.drop_database(database)
