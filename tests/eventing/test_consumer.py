"""The consumer among faults: unreadable records, MongoDB's refusals, another member of its group."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import RecordsToDelete
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import CorruptRecordException, KafkaTimeoutError, UnknownError
from pymongo.errors import OperationFailure
from pymongo.helpers_shared import _RETRYABLE_ERROR_CODES

from eventing import positions
from eventing.applying import Applying
from eventing.batch import Batch, Record
from eventing.consumer import Consumer
from eventing.kafka import KafkaSettings, TopicPartition, admin, offsets, producer
from eventing.mongo import Database, connect, faults
from eventing.testing import Topics
from eventing.transient import RefusedError, TransientError
from tests.eventing.conftest import HEARD, Toy, consuming, heard, say
from tests.waiting import PATIENCE_SECONDS, until_true


async def test_what_cannot_be_read_goes_to_quarantine_whole_and_the_rest_goes_on(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    good = Topics().record(HEARD.name, "k", "toy.Heard", {})
    sender = producer(kafka_settings)
    await sender.start()
    topic = kafka_settings.physical(HEARD.name)
    await sender.send_and_wait(topic, b"not json", key=b"k", headers=[("x", b"\xff")])
    await sender.send_and_wait(topic, good.value, key=b"\xff\xfe")
    await sender.send_and_wait(topic, good.value, key=None)
    await sender.stop()
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, good)
        await until_true(partial(heard, database, "k"))
        await until_true(partial(_quarantined, database, 3))
    rows = await database["quarantine"].find({}).to_list(None)
    assert sorted(row["reason"] for row in rows) == ["key_not_utf8", "no_key", "not_json"]
    assert {bytes(row["value"]) for row in rows} == {b"not json", good.value}
    assert all(row["_id"].startswith(f"{HEARD.name}-") for row in rows)


async def test_of_several_brokers_one_that_answers_is_enough_to_begin(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    """WEA_KAFKA names them by commas, as Kafka's own tools are told."""
    several = replace(kafka_settings, bootstrap=f"127.0.0.1:1, {kafka_settings.bootstrap}")
    record = Topics().record(HEARD.name, "k", "toy.Heard", {})
    async with consuming(several, database, toy):
        await say(several, record)
        await until_true(partial(heard, database, "k"))


async def test_what_kafka_has_committed_never_lets_records_be_passed_over(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offsets moved ahead: the client reads from there until we have sought; what it has read by then is dropped."""
    sent = await _ten_with_the_offset_in_the_middle(kafka_settings)
    has_read, take_over, get_many = asyncio.Event(), positions.take_over, AIOKafkaConsumer.getmany

    async def late(*given: Any) -> Any:
        await asyncio.wait_for(has_read.wait(), PATIENCE_SECONDS)
        return await take_over(*given)

    async def told(*given: Any, **named: Any) -> Any:
        found = await get_many(*given, **named)
        if found:
            has_read.set()
        return found

    monkeypatch.setattr(positions, "take_over", late)
    monkeypatch.setattr(AIOKafkaConsumer, "getmany", told)
    async with consuming(kafka_settings, database, toy):
        await until_true(partial(_have_been_heard, database, 10))
    assert await heard(database, "k") == [record.event.id for record in sent]
    assert await database["parked"].count_documents({}) == 0


async def _ten_with_the_offset_in_the_middle(kafka: KafkaSettings) -> list[Record]:
    """Ten records, and the group's offset of each partition moved, as an operator would, to half of what is on it."""
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(10)]
    await say(kafka, *sent)
    client = AIOKafkaConsumer(**kafka.options, group_id=f"{kafka.prefix}toy", enable_auto_commit=False)
    await client.start()
    try:
        parts = [TopicPartition(kafka.physical(HEARD.name), n) for n in range(HEARD.partitions)]
        client.assign(parts)
        await client.commit({part: end // 2 for part, end in (await client.end_offsets(parts)).items()})
    finally:
        await client.stop()
    return sent


async def test_where_kafka_does_not_tell_the_ends_at_once_nothing_is_passed_over(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await _ten_with_the_offset_in_the_middle(kafka_settings)
    end_offsets, asked = AIOKafkaConsumer.end_offsets, 0

    async def late(*given: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise KafkaTimeoutError
        return await end_offsets(*given)

    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", late)
    async with consuming(kafka_settings, database, toy):
        await until_true(partial(_have_been_heard, database, 10))
    assert await heard(database, "k") == [record.event.id for record in sent]
    assert await database["parked"].count_documents({}) == 0


async def test_a_partition_whose_end_kafka_cannot_tell_holds_up_no_other(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for the ends of all, with one partition that has no leader, Kafka's client tells none."""

    async def leaderless(*_given: Any) -> Any:
        raise KafkaTimeoutError

    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", leaderless)
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, Topics().record(HEARD.name, "k", "toy.Heard", {}))
        await until_true(partial(heard, database, "k"))


async def test_a_topic_that_was_made_anew_is_read_from_its_beginning_whenever_kafka_tells_its_end(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then its records lie before our position, and look as if they were applied."""
    end_offsets, may_tell = AIOKafkaConsumer.end_offsets, asyncio.Event()

    async def late(*given: Any) -> Any:
        if not may_tell.is_set():
            raise KafkaTimeoutError
        return await end_offsets(*given)

    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", late)
    former = [{"_id": f"{HEARD.name}-{n}", "next": 1000} for n in range(HEARD.partitions)]
    await database["positions"].insert_many(former)
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(5)]
    async with consuming(kafka_settings, database, toy) as consumer:
        await say(kafka_settings, *sent[:3])
        await until_true(partial(_has_sought, consumer))
        assert await heard(database, "k") == []
        may_tell.set()
        await say(kafka_settings, *sent[3:])
        await until_true(partial(_have_been_heard, database, 5))
    assert await heard(database, "k") == [record.event.id for record in sent]
    assert await database["parked"].count_documents({}) == 0


async def test_what_kafka_deletes_before_it_is_read_is_told_in_quarantine_once(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    """Nobody read a topic for longer than its retention, or the database is of a backup that is older."""
    topics = Topics()
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, topics.record(HEARD.name, "k", "toy.Heard", {}))
        await until_true(partial(_have_been_heard, database, 1))
    await say(kafka_settings, *(topics.record(HEARD.name, key, "toy.Heard", {}) for key in "kabcdefgh"))
    await _delete_what_is_heard(kafka_settings)
    for key in ("l", "m"):  # a second start finds the same
        async with consuming(kafka_settings, database, toy):
            await until_true(partial(_quarantined, database, HEARD.partitions))
            await say(kafka_settings, topics.record(HEARD.name, key, "toy.Heard", {}))
            await until_true(partial(heard, database, key))
    rows = await database["quarantine"].find({}).to_list(None)
    assert {(row["topic"], row["reason"]) for row in rows} == {(HEARD.name, "deleted_unread")}
    assert sorted(row["detail"].split()[1] for row in rows) == ["0", "0", "1"]


async def test_a_reader_that_has_never_read_begins_where_its_topics_do(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics = Topics()
    await say(kafka_settings, *(topics.record(HEARD.name, key, "toy.Heard", {}) for key in "abcdefgh"))
    await _delete_what_is_heard(kafka_settings)
    async with consuming(kafka_settings, database, toy) as consumer:
        await say(kafka_settings, topics.record(HEARD.name, "k", "toy.Heard", {}))
        await until_true(partial(heard, database, "k"))
        await until_true(partial(_has_followed_up, consumer))
    assert await database["quarantine"].count_documents({}) == 0


async def _delete_what_is_heard(kafka: KafkaSettings) -> None:
    parts = [TopicPartition(kafka.physical(HEARD.name), n) for n in range(HEARD.partitions)]
    async with admin(kafka) as client:
        await client.delete_records({part: RecordsToDelete(before_offset=-1) for part in parts})


async def _has_followed_up(consumer: Consumer) -> bool:
    return consumer._follow_up is not None and consumer._follow_up.done()


async def _has_sought(consumer: Consumer) -> bool:
    return bool(consumer._seeks)


async def test_what_was_read_beside_a_partition_that_cannot_be_read_is_not_passed_over(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corrupt batch raises in Kafka's client, which has by then left behind what it read of other partitions."""
    get_many, corrupt = AIOKafkaConsumer.getmany, asyncio.Event()

    async def raises_once(*given: Any, **named: Any) -> Any:
        found = await get_many(*given, **named)
        if found and corrupt.is_set():
            corrupt.clear()
            raise CorruptRecordException
        return found

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", raises_once)
    topics = Topics()
    async with consuming(kafka_settings, database, toy):
        sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(3)]
        await say(kafka_settings, sent[0])
        await until_true(partial(_have_been_heard, database, 1))
        corrupt.set()
        await say(kafka_settings, sent[1])
        await until_true(partial(_is_not_set, corrupt))
        await say(kafka_settings, sent[2])
        await until_true(partial(_have_been_heard, database, 3))
    assert await heard(database, "k") == [record.event.id for record in sent]


async def _is_not_set(event: asyncio.Event) -> bool:
    return not event.is_set()


async def test_a_consumer_that_may_not_take_its_partitions_over_says_that_it_is_not_ready(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_given: Any) -> Any:
        raise RefusedError("Unauthorized 13")

    monkeypatch.setattr(positions, "take_over", refused)
    async with consuming(kafka_settings, database, toy) as consumer:
        await until_true(partial(_stopped, consumer))
        assert not consumer.ready
    assert consumer.stopped_because == "cannot_take_over"


async def _stopped(consumer: Consumer) -> bool:
    return consumer.stopped_because is not None


async def test_kafka_has_been_told_all_by_the_time_that_a_consumer_has_ended(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventing.progress.EVERY_SECONDS", 3600.0)
    topics = Topics()
    async with consuming(kafka_settings, database, toy):
        for n in range(3):  # each a batch of its own; the first is told at once, the others would wait for an hour
            await say(kafka_settings, topics.record(HEARD.name, "k", "toy.Heard", {"n": n}))
            await until_true(partial(_have_been_heard, database, n + 1))
    assert sum(committed for committed, _ in (await offsets(kafka_settings, "toy", [HEARD.name])).values()) == 3


async def test_a_consumer_told_to_end_while_kafka_is_away_ends(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka's client tries to commit for ever; whoever waits for us would kill us, with a mail half sent beside."""
    asked = asyncio.Event()

    async def for_ever(*_given: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaConsumer, "commit", for_ever)
    monkeypatch.setattr("eventing.progress.COMMIT_WITHIN_SECONDS", 0.5)
    async with asyncio.timeout(PATIENCE_SECONDS), consuming(kafka_settings, database, toy):
        await say(kafka_settings, Topics().record(HEARD.name, "k", "toy.Heard", {}))
        await asked.wait()
    assert len(await heard(database, "k")) == 1


async def test_a_consumer_told_to_end_while_it_waits_for_mongodb_ends(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def away(*_given: Any) -> Any:
        asked.set()
        raise TransientError("AutoReconnect")

    monkeypatch.setattr(positions, "take_over", away)
    async with asyncio.timeout(PATIENCE_SECONDS), consuming(kafka_settings, database, toy) as consumer:
        await asked.wait()
    assert consumer.stopped_because is None


@pytest.mark.parametrize("how", ["at once", "though it raises as it is stopped"])
async def test_a_client_that_kafka_has_answered_in_an_unforeseen_way_is_replaced(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """aiokafka sends no heartbeat any more, and raises at each poll from then on; the service seemed ready."""
    beat, stop, failed = GroupCoordinator._do_heartbeat, AIOKafkaConsumer.stop, asyncio.Event()
    topics = Topics()
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, topics.record(HEARD.name, "k", "toy.Heard", {}))
        await until_true(partial(_have_been_heard, database, 1))

        async def fails_once(coordinator: GroupCoordinator) -> Any:
            if not failed.is_set():
                failed.set()
                raise UnknownError
            return await beat(coordinator)

        async def raises_once(client: AIOKafkaConsumer) -> None:
            monkeypatch.setattr(AIOKafkaConsumer, "stop", stop)
            await stop(client)
            raise UnknownError

        if how != "at once":
            monkeypatch.setattr(AIOKafkaConsumer, "stop", raises_once)
        monkeypatch.setattr(GroupCoordinator, "_do_heartbeat", fails_once)
        await asyncio.wait_for(failed.wait(), PATIENCE_SECONDS)
        await say(kafka_settings, topics.record(HEARD.name, "k", "toy.Heard", {}))
        await until_true(partial(_have_been_heard, database, 2))
    assert len(await heard(database, "k")) == 2


async def test_a_reader_that_lingers_takes_together_what_comes_within_its_time(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics, batches = Topics(), 0

    async def hold() -> None:
        nonlocal batches
        batches += 1

    toy.hold = hold
    async with consuming(kafka_settings, database, toy, linger_ms=2000):
        for n in range(20):
            await say(kafka_settings, topics.record(HEARD.name, f"k{n}", "toy.Heard", {"n": n}))
        await until_true(partial(_have_been_heard, database, 20))
    assert batches < 10


async def test_a_session_that_was_given_up_does_not_go_back_to_the_drivers_pool(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    """It stands at our partitions and is killed when they are taken over, whatever a stranger does under it by then."""
    async with consuming(kafka_settings, database, toy) as consumer:
        await until_true(partial(_owned, database))
        former = consumer.reader.owner
        assert former is not None
        await consumer._ownership.renew()
        assert consumer.reader.owner is not former
        assert not former.session.has_ended


async def _owned(database: Database) -> bool:
    return bool(await database["positions"].count_documents({"owner": {"$ne": None}}))


async def test_a_read_whose_cursor_was_killed_may_be_tried_again(database: Database) -> None:
    await database["counts"].insert_many([{"_id": n} for n in range(200)])
    owner = await database.owner()
    found = database["counts"].find({}, session=owner.session).batch_size(10)
    await found.next()
    await database.kill([owner.id])
    with pytest.raises(TransientError), faults():
        await found.to_list(None)


@pytest.mark.parametrize("code", sorted(_RETRYABLE_ERROR_CODES))
def test_what_the_driver_tries_again_once_is_a_fault_that_passes(code: int) -> None:
    """Once is not enough in an election. 134: a member that has just started knows of no majority yet."""
    with pytest.raises(TransientError), faults():
        raise OperationFailure("not now", code)


async def test_two_members_of_a_group_share_the_work_and_double_nothing(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, mongo: str
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, f"k{n % 20}", "toy.Heard", {"n": n}) for n in range(400)]
    with connect(mongo, database.name) as second:
        async with consuming(kafka_settings, database, toy):
            await say(kafka_settings, *sent[:200])
            async with consuming(kafka_settings, second, toy):
                await say(kafka_settings, *sent[200:])
                await until_true(partial(_have_been_heard, database, 400))
    for number in range(20):
        key = f"k{number}"
        assert await heard(database, key) == [r.event.id for r in sent if r.key == key]


async def test_a_member_that_leaves_hands_its_partitions_on(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics = Topics()
    for n in range(3):
        async with consuming(kafka_settings, database, toy):
            record = topics.record(HEARD.name, "k", "toy.Heard", {"n": n})
            await say(kafka_settings, record)
            await until_true(partial(_have_been_heard, database, n + 1))
    assert len(await heard(database, "k")) == 3


async def _have_been_heard(database: Database, count: int) -> bool:
    documents = await database["counts"].find({}).to_list(None)
    return sum(len(document["heard"]) for document in documents) >= count


async def _quarantined(database: Database, count: int) -> bool:
    return bool(await database["quarantine"].count_documents({}) == count)


async def test_a_batch_that_was_not_next_is_dropped_and_reading_goes_on_from_where_the_database_stands(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    """The database is restored from an older backup while the consumer runs."""
    topics = Topics()
    first, second = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(2))
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, first)
        await until_true(partial(_have_been_heard, database, 1))
        for collection in ("counts", "lanes", "outbox"):
            await database[collection].delete_many({})
        await database["positions"].update_many({}, {"$set": {"next": 0}})
        await say(kafka_settings, second)
        await until_true(partial(_have_been_heard, database, 2))
    assert await heard(database, "k") == [first.event.id, second.event.id]


async def test_a_batch_in_hand_is_tried_no_more_once_its_partitions_go_to_another(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    tried = asyncio.Event()

    async def away() -> None:
        tried.set()
        raise TransientError("AutoReconnect")

    toy.hold = away
    async with consuming(kafka_settings, database, toy) as consumer:
        await say(kafka_settings, Topics().record(HEARD.name, "k", "toy.Heard", {}))
        await tried.wait()
        await asyncio.wait_for(consumer.revoked(), PATIENCE_SECONDS)
    assert await heard(database, "k") == []


async def test_what_fails_unforeseen_beside_a_batch_lets_nothing_be_passed_over(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, failed = Applying.apply, False

    async def fails_once(applying: Applying, batch: Batch) -> None:
        nonlocal failed
        if not failed:
            failed = True
            raise RuntimeError("a bug of ours")
        await apply(applying, batch)

    monkeypatch.setattr(Applying, "apply", fails_once)
    record = Topics().record(HEARD.name, "k", "toy.Heard", {})
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, record)
        await until_true(partial(_have_been_heard, database, 1))
    assert await heard(database, "k") == [record.event.id]
