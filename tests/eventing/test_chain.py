"""From Kafka through a transaction and the relay to Kafka again."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer

from eventing.batch import Batch, Cause
from eventing.clock import system_now
from eventing.envelope import decode, event_id
from eventing.kafka import KafkaSettings
from eventing.mongo import Database
from eventing.testing import WHEN, Published, Topics
from eventing.unit import UnitOfWork
from tests.eventing.conftest import COUNTED, HEARD, WHOLE, Toy, consuming, heard, relaying, say
from tests.waiting import PATIENCE_SECONDS, until_true


async def topic_content(kafka: KafkaSettings, topic: str, count: int) -> list[Any]:
    """The first `count` events of a topic."""
    reader = AIOKafkaConsumer(
        kafka.physical(topic), bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", group_id=None
    )
    await reader.start()
    try:
        events: list[Any] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(events) < count:
                record = await reader.getone()
                events.append(decode(record.value, record.headers, record.key.decode()))
        return events
    finally:
        await reader.stop()


async def test_each_record_is_applied_once_and_its_effect_published(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, f"k{n % 7}", "toy.Heard", {"n": n}) for n in range(70)]
    async with consuming(kafka_settings, database, toy), relaying(kafka_settings, database):
        await say(kafka_settings, *sent)
        events = await topic_content(kafka_settings, COUNTED.name, 70)
        await until_true(lambda: _empty(database, "outbox"))
    assert {key: await heard(database, key) for key in ("k0", "k6")} == {
        key: [r.event.id for r in sent if r.key == key] for key in ("k0", "k6")
    }
    for key in ("k0", "k3"):
        assert [e.sequence for e in events if e.key == key] == list(range(1, 11))
    assert {e.causationid for e in events} == {r.event.id for r in sent}


async def test_records_sent_twice_change_nothing(kafka_settings: KafkaSettings, database: Database, toy: Toy) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(3)]
    last = topics.record(HEARD.name, "k", "toy.Heard", {"n": 3})
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, *sent, *sent, last)
        await until_true(lambda: _has(database, "k", last.event.id))
    assert await heard(database, "k") == [r.event.id for r in [*sent, last]]


async def test_a_consumer_reads_on_from_the_position_in_the_database_whatever_kafka_has_committed(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics = Topics()
    first = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(5)]
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, *first)
        await until_true(lambda: _has(database, "k", first[-1].event.id))
    await _restore_to_nothing(database)  # as from an older backup, while Kafka is ahead
    async with consuming(kafka_settings, database, toy):
        await until_true(lambda: _has(database, "k", first[-1].event.id))
    assert await heard(database, "k") == [r.event.id for r in first]


async def test_a_compacted_topic_may_have_gaps_and_a_tombstone_has_no_data(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics = Topics()
    topics.record(WHOLE.name, "k", "toy.Whole", {"n": 0})  # compacted away: never sent
    second = topics.record(WHOLE.name, "k", "toy.Whole", {"n": 1})
    stone = topics.record(WHOLE.name, "k", "toy.Whole", None)
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, second, stone)
        await until_true(lambda: _has(database, "k", stone.event.id))
    assert await heard(database, "k") == [second.event.id, stone.event.id]


async def test_an_event_says_who_says_it_and_when_by_the_units_clock(database: Database) -> None:
    async with UnitOfWork.begin(database, Batch.none(), WHEN) as unit:
        unit.publish(COUNTED, "toy.Counted", "k", {}, Cause("c", "/test"))
        await unit.write()
    [event] = await Published(database).events()
    assert (event.source, event.time, event.causationid, event.causationsource) == ("/toy", WHEN, "c", "/test")


async def test_an_events_id_is_of_its_cause_its_type_and_its_place_among_those_alone(database: Database) -> None:
    """Whatever else the same unit publishes: done again in smaller batches, it is the same event."""
    async with UnitOfWork.begin(database, Batch.none(), WHEN) as unit:
        for type, source in (("one", "/a"), ("other", "/a"), ("one", "/b"), ("one", "/a")):
            unit.publish(COUNTED, type, "k", {}, Cause("c", source))
        await unit.write()
    assert [event.id for event in await Published(database).events()] == [
        event_id("/a", "c", "one", 0),
        event_id("/a", "c", "other", 0),
        event_id("/b", "c", "one", 0),
        event_id("/a", "c", "one", 1),
    ]


async def test_a_lane_knows_the_last_tombstone_that_was_sent_under_its_key(database: Database) -> None:
    said: list[dict[str, Any] | None] = [{}, None, {}]
    for n, data in enumerate(said):
        async with UnitOfWork.begin(database, Batch.none(), system_now()) as unit:
            unit.publish(WHOLE, "toy.Whole", "k", data, Cause(f"c-{n}", "/test"))
            await unit.write()
    lane = await database["lanes"].find_one({"_id": "k"})
    assert lane is not None
    assert (lane["sent"], lane["emptied"]) == ({"toy-whole-v1": 3}, {"toy-whole-v1": 2})


async def _has(database: Database, key: str, id: str) -> bool:
    return id in await heard(database, key)


async def _empty(database: Database, collection: str) -> bool:
    return bool(await database[collection].count_documents({}) == 0)


async def _restore_to_nothing(database: Database) -> None:
    for name in ("counts", "positions", "lanes", "outbox"):
        await database[name].delete_many({})
