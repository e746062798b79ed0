"""A client of Kafka's that is cancelled halfway leaves no connection open."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, UnknownTopicOrPartitionError
from aiokafka.protocol.metadata import MetadataRequest

from eventing.clients import started
from eventing.clock import system_now
from eventing.consumer import Consumer, Subscription
from eventing.kafka import KafkaSettings, producer
from eventing.mongo import Database
from eventing.shielded import shielded
from eventing.testing import Topics
from tests.eventing.conftest import HEARD, Toy, heard, relaying, say
from tests.eventing.test_relay import publish
from tests.waiting import PATIENCE_SECONDS, until_true


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[AIOKafkaConnection]]:
    """Every connection that is opened in the test; none may be open at its end."""
    connect, known = AIOKafkaConnection.connect, []

    async def noted(connection: AIOKafkaConnection) -> Any:
        known.append(connection)
        return await connect(connection)

    monkeypatch.setattr(AIOKafkaConnection, "connect", noted)
    yield known
    assert known
    assert [connection for connection in known if connection.connected()] == []


def told(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, when: Callable[..., bool]) -> asyncio.Event:
    """An event that says when a method of aiokafka's has begun."""
    begun, method = asyncio.Event(), getattr(owner, name)

    def tells(*given: Any, **more: Any) -> Any:
        if when(*given):
            begun.set()
        return method(*given, **more)

    monkeypatch.setattr(owner, name, tells)
    return begun


def _asks_for_metadata(_connection: AIOKafkaConnection, request: Any) -> bool:
    return isinstance(request, MetadataRequest)


def _always(*_given: Any) -> bool:
    return True


async def _cancelled_at(begun: asyncio.Event, step: Awaitable[Any]) -> None:
    task = asyncio.ensure_future(step)
    await asyncio.wait_for(begun.wait(), PATIENCE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_client_cancelled_at_its_first_question_is_closed(
    kafka_settings: KafkaSettings, opened: list[AIOKafkaConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = told(monkeypatch, AIOKafkaConnection, "send", _asks_for_metadata)
    client = producer(kafka_settings)
    await _cancelled_at(asked, started(client, client.stop))


async def test_a_client_cancelled_while_it_stops_is_closed(
    kafka_settings: KafkaSettings, opened: list[AIOKafkaConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    stops = told(monkeypatch, AIOKafkaProducer, "stop", _always)
    client = producer(kafka_settings)
    await started(client, client.stop)
    await _cancelled_at(stops, shielded(client.stop(), seconds=5))


async def test_a_relay_that_ends_while_its_producer_starts_leaves_none_open(
    kafka_settings: KafkaSettings,
    database: Database,
    opened: list[AIOKafkaConnection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = told(monkeypatch, AIOKafkaConnection, "send", _asks_for_metadata)
    await publish(database, "k", "1")
    async with relaying(kafka_settings, database):
        await asyncio.wait_for(asked.wait(), PATIENCE_SECONDS)


async def test_a_relay_that_ends_while_its_producer_stops_leaves_none_open(
    kafka_settings: KafkaSettings,
    database: Database,
    opened: list[AIOKafkaConnection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(*_given: Any, **_more: Any) -> None:
        raise OSError

    stops = told(monkeypatch, AIOKafkaProducer, "stop", _always)
    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", fails)
    await publish(database, "k", "1")
    async with relaying(kafka_settings, database):
        await asyncio.wait_for(stops.wait(), PATIENCE_SECONDS)


async def test_a_client_that_cannot_start_is_stopped_and_says_why() -> None:
    client = _Client(starting=OSError("nobody there"))
    with pytest.raises(OSError, match="nobody there"):
        await started(client, client.stop)
    assert client.stopped


async def test_a_stop_has_so_many_seconds_and_no_more() -> None:
    client = _Client(stopping=asyncio.Event())
    with pytest.raises(TimeoutError):
        await shielded(client.stop(), seconds=0.01)
    assert client.stopped


async def test_what_goes_wrong_in_a_stop_is_said() -> None:
    async def fails() -> None:
        raise OSError("broken pipe")

    with pytest.raises(OSError, match="broken pipe"):
        await shielded(fails(), seconds=5)


class _Client:
    """One that fails to start, or does not end to stop."""

    def __init__(self, *, starting: OSError | None = None, stopping: asyncio.Event | None = None) -> None:
        self.starting, self.stopping, self.stopped = starting, stopping, False

    async def start(self) -> None:
        if self.starting is not None:
            raise self.starting

    async def stop(self) -> None:
        self.stopped = True
        if self.stopping is not None:
            await self.stopping.wait()


async def test_a_consumer_whose_topics_are_not_there_yet_leaves_nothing_open_when_it_tries_again(
    kafka_settings: KafkaSettings,
    database: Database,
    toy: Toy,
    opened: list[AIOKafkaConnection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service waits for its topics for as long as it takes, and tries every few seconds."""

    async def not_there(_consumer: AIOKafkaConsumer) -> None:
        raise UnknownTopicOrPartitionError

    consumer = Consumer(
        kafka_settings, "toy", [Subscription(HEARD, toy.on_heard)], database, database, clock=system_now
    )
    with monkeypatch.context() as before:
        before.setattr(AIOKafkaConsumer, "_wait_topics", not_there)
        for _ in range(3):
            with pytest.raises(UnknownTopicOrPartitionError):
                await consumer.start()
            assert [connection for connection in opened if connection.connected()] == []
    await consumer.start()
    await say(kafka_settings, Topics().record(HEARD.name, "k", "toy.Heard", {}))
    await until_true(partial(heard, database, "k"))
    await consumer.stop()


async def test_a_consumer_opens_no_client_beside_the_one_that_reads(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastStream's broker would have a producer and an admin of its own, and leave them open where its start fails."""
    made: list[object] = []
    for client in (AIOKafkaProducer, AIOKafkaAdminClient):
        monkeypatch.setattr(client, "__init__", lambda self, *_, **__: made.append(self))
    subscriptions = [Subscription(HEARD, toy.on_heard)]
    nowhere = replace(kafka_settings, bootstrap="127.0.0.1:1")
    for settings in (nowhere, kafka_settings):
        consumer = Consumer(settings, "toy", subscriptions, database, database, clock=system_now)
        with nullcontext() if settings is kafka_settings else pytest.raises(KafkaConnectionError):
            await consumer.start()
        await consumer.stop()
    assert made == []
