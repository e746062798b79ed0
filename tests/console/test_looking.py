"""Looking at a real Kafka without taking part in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from contracts import topics
from eventing import looking
from eventing.batch import Failure, Partition, Record
from eventing.kafka import KafkaSettings, TopicPartition, ensure_topics, producer
from eventing.looking import Cluster
from eventing.testing import Topics
from eventing.transient import TransientError
from tests.waiting import until_true

TOPIC = topics.PORTAL


@pytest.fixture
async def settings(kafka: str) -> KafkaSettings:
    found = KafkaSettings(kafka, prefix=f"{uuid4().hex[:8]}.")
    await ensure_topics(found, [TOPIC])
    return found


@pytest.fixture
async def cluster(settings: KafkaSettings) -> AsyncIterator[Cluster]:
    one = Cluster(settings)
    yield one
    await one.close()


async def test_records_are_read_by_their_places_whole_and_in_any_number(
    settings: KafkaSettings, cluster: Cluster
) -> None:
    written = Topics()
    sender = producer(settings)
    await sender.start()
    places = []
    for n in range(40):
        one = written.record(TOPIC.name, f"k{n % 5}", "session.attended", {"n": n}, sequenced=False)
        sent = await sender.send_and_wait(settings.physical(TOPIC.name), one.value, key=one.key.encode())
        places.append((TOPIC.name, sent.partition, sent.offset))
    broken = await sender.send_and_wait(settings.physical(TOPIC.name), b"not json", key=b"k1")
    await sender.stop()
    found = await cluster.records([*places[::3], (TOPIC.name, broken.partition, broken.offset)])
    read = [record.event.data for record in (found[place] for place in places[::3]) if isinstance(record, Record)]
    assert read == [{"n": n} for n in range(0, 40, 3)]
    assert isinstance(found[TOPIC.name, broken.partition, broken.offset], Failure)
    # the same eyes again, elsewhere
    assert set(await cluster.records(places[1:2])) == set(places[1:2])


async def test_a_place_that_kafka_never_had_is_simply_not_there(cluster: Cluster) -> None:
    assert await cluster.records([(TOPIC.name, 0, 5), (TOPIC.name, 1, 0)]) == {}
    assert await cluster.records([]) == {}


async def test_a_place_of_no_record_in_the_middle_or_at_the_end_is_not_waited_for(
    settings: KafkaSettings, cluster: Cluster
) -> None:
    """The mark that ends a transaction of the portal's has an offset, and no record."""
    topic = settings.physical(TOPIC.name)
    sender = AIOKafkaProducer(bootstrap_servers=settings.addresses, transactional_id=f"{topic}-portal")
    await sender.start()
    for _ in range(2):
        async with sender.transaction():
            await sender.send_and_wait(topic, b"not json", key=b"k", partition=0)
    await sender.stop()
    places = [(TOPIC.name, 0, at) for at in range(4)]
    assert set(await cluster.records(places)) == {places[0], places[2]}
    assert await cluster.records(places[3:]) == {}


@pytest.mark.parametrize(
    "ask", [lambda c: c.records([(TOPIC.name, 0, 0)]), lambda c: c.ends([(TOPIC.name, 0)]), lambda c: c.members("g")]
)
async def test_a_question_that_is_not_answered_in_time_cuts_off_no_other(
    cluster: Cluster, ask: Callable[[Cluster], Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that Kafka is asked beside it, nor the one whose end it waited for in vain."""
    everywhere = [(TOPIC.name, number) for number in range(TOPIC.partitions)]
    began, go_on, ends = asyncio.Event(), asyncio.Event(), AIOKafkaConsumer.end_offsets

    async def slowly(self: AIOKafkaConsumer, partitions: list[TopicPartition]) -> Any:
        began.set()
        await go_on.wait()
        return await ends(self, partitions)

    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", slowly)
    first = asyncio.create_task(cluster.ends(everywhere))
    await began.wait()
    monkeypatch.setattr(looking, "ANSWER_SECONDS", 0)
    with pytest.raises(TransientError):
        await ask(cluster)
    go_on.set()
    assert set(await first) == set(everywhere)


async def test_ends_and_a_group_that_never_was(settings: KafkaSettings, cluster: Cluster) -> None:
    ends = await cluster.ends([(TOPIC.name, number) for number in range(TOPIC.partitions)])
    assert set(ends.values()) == {0}

    async def standing() -> tuple[dict[Partition, int], int] | None:
        with suppress(TransientError):  # a broker that has never had a group makes its place for them when first asked
            return await cluster.committed("nobody"), await cluster.members("nobody")
        return None

    assert await until_true(standing) == ({}, 0)


async def test_a_kafka_that_is_away_is_a_passing_fault() -> None:
    cluster = Cluster(KafkaSettings("127.0.0.1:1"))
    with pytest.raises(TransientError):
        await cluster.ends([(TOPIC.name, 0)])
    await cluster.close()
