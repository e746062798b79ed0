"""Sends what stories tell, over HTTP and Kafka, until it is acknowledged, and remembers what was answered 2xx."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaProducer

from faults.stage import Stage
from faults.story import Fact

PATIENCE_SECONDS = 10.0
AT_ONCE = 24  # requests
BUSY = {408, 429, 503}


@dataclass
class Memory:
    """What was sent and what was said of it. Seconds: of one answered request, and until it was acknowledged."""

    by_http: dict[tuple[str, str], Fact] = field(default_factory=dict)
    by_kafka: dict[tuple[str, str], Fact] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    requests: int = 0
    repeats: int = 0  # requests sent again: no answer, or 429 or 503
    answered: list[float] = field(default_factory=list)
    acknowledged: list[float] = field(default_factory=list)

    @property
    def facts(self) -> list[Fact]:
        return list({**self.by_http, **self.by_kafka}.values())


class Sender:
    """The portal and NEA, as patient as they must be."""

    def __init__(self, stage: Stage, rng: Random) -> None:
        self.stage, self.rng = stage, rng
        self.memory = Memory()
        self.urls = stage.urls("enrollment")
        self.secret = base64.b64decode(stage.status["nea_webhook_secret"].removeprefix("whsec_"))
        self.at_once = asyncio.Semaphore(AT_ONCE)  # httpx slows down with the number of those who wait for it
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        self.client = httpx.AsyncClient(timeout=PATIENCE_SECONDS, limits=limits)
        self.producer: AIOKafkaProducer | None = None
        self.starting = asyncio.Lock()

    async def close(self) -> None:
        await self.client.aclose()
        if self.producer is not None:
            await self.producer.stop()

    async def send(self, facts: Sequence[Fact]) -> None:
        """Send these, each by one of its ways: webhooks alone, portal events alone, in a batch, or by Kafka."""
        portal = [f for f in facts if not f.by_nea]
        await asyncio.gather(self._portal(portal), *(self.webhook(f) for f in facts if f.by_nea))

    async def _portal(self, facts: Sequence[Fact]) -> None:
        if not facts:
            return
        way = self.rng.random()
        if way < 0.3:
            await asyncio.gather(*(self.event(fact) for fact in facts))
        elif way < 0.8:
            await self.batch(facts)
        else:
            await self.produce(facts)
        if self.rng.random() < 0.1:  # the portal does not remember that it did, and tells it again
            await (self.batch(facts) if self.rng.random() < 0.5 else self.produce(facts))

    async def webhook(self, fact: Fact) -> None:
        body = orjson.dumps({"type": fact.type, "timestamp": fact.time, "data": fact.data})
        if await self._post("/webhooks/nea", body, fact, sign=True):
            self.memory.by_http[fact.source, fact.id] = fact
        if self.rng.random() < 0.05:
            await self._post("/webhooks/nea", body, fact, sign=True)

    async def event(self, fact: Fact) -> None:
        headers = {"content-type": "application/cloudevents+json"}
        if await self._post("/portal/events", orjson.dumps(cloud_event(fact)), fact, headers=headers):
            self.memory.by_http[fact.source, fact.id] = fact

    async def batch(self, facts: Sequence[Fact]) -> None:
        headers = {"content-type": "application/cloudevents-batch+json"}
        body = orjson.dumps([cloud_event(fact) for fact in facts])
        if await self._post("/portal/events", body, facts[0], headers=headers):
            self.memory.by_http.update({(fact.source, fact.id): fact for fact in facts})

    async def produce(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            await self._produced(fact)
            self.memory.by_kafka[fact.source, fact.id] = fact

    async def _produced(self, fact: Fact) -> None:
        """Until Kafka has it. A producer that failed is replaced: the portal would start again."""
        headers = [("content-type", b"application/cloudevents+json")]
        value = orjson.dumps(cloud_event(fact))
        while True:
            sender = None
            try:
                async with asyncio.timeout(20):
                    sender = await self._producing()
                    await sender.send_and_wait("wea.portal.v1", value, key=fact.key.encode(), headers=headers)
            except (Exception, asyncio.CancelledError):  # whatever it is, the portal tries again
                me = asyncio.current_task()
                if me is not None and me.cancelling():
                    raise  # this was meant for us; a producer that another has stopped cancels what waits for it, too
                self.memory.repeats += 1
                await self._drop(sender)
                await asyncio.sleep(0.5)
            else:
                return

    async def _drop(self, failed: AIOKafkaProducer | None) -> None:
        """Unless somebody else has replaced it already."""
        if self.producer is not failed:
            return
        dead: Any = self.producer
        self.producer = None
        with contextlib.suppress(Exception):
            async with asyncio.timeout(5):
                await dead.stop()

    async def _producing(self) -> AIOKafkaProducer:
        async with self.starting:
            if self.producer is None:
                fresh = AIOKafkaProducer(
                    bootstrap_servers=self.stage.servers.bootstrap, acks="all", request_timeout_ms=8000
                )
                try:
                    await fresh.start()
                except BaseException:
                    await fresh.stop()
                    raise
                self.producer = fresh
            return self.producer

    async def _post(
        self, path: str, body: bytes, fact: Fact, *, headers: dict[str, str] | None = None, sign: bool = False
    ) -> bool:
        """Post until it is answered for good. False: refused, which is remembered as a finding."""
        at, began = self.rng.randrange(len(self.urls)), None
        while True:
            async with self.at_once:
                began = began or time.monotonic()
                given = self._signed(fact.id, body) if sign else {**(headers or {}), **self.stage.key("portal")}
                once = time.monotonic()
                self.memory.requests += 1
                try:
                    answer = await self.client.post(self.urls[at % len(self.urls)] + path, content=body, headers=given)
                except httpx.HTTPError:
                    answer = None
            if answer is not None and answer.is_success:
                self.memory.answered.append(time.monotonic() - once)
                self.memory.acknowledged.append(time.monotonic() - began)
                return True
            if answer is not None and answer.status_code not in BUSY:
                self.memory.refused.append(f"{answer.status_code} for {fact.type} {fact.id}: {answer.text[:200]}")
                return False
            self.memory.repeats += 1
            at += 1
            await asyncio.sleep(0.1 + self.rng.random() * 0.4)

    def _signed(self, id: str, body: bytes) -> dict[str, str]:
        now = str(int(time.time()))
        signature = hmac.digest(self.secret, f"{id}.{now}.".encode() + body, hashlib.sha256)
        return {
            "webhook-id": id,
            "webhook-timestamp": now,
            "webhook-signature": "v1," + base64.b64encode(signature).decode(),
            "content-type": "application/json",
        }


def cloud_event(fact: Fact) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": fact.id,
        "source": fact.source,
        "type": fact.type,
        "time": fact.time,
        "data": fact.data,
    }
