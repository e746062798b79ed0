"""Records that no client of ours would write: others may, and Kafka takes them."""

from functools import partial

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.producer import message_accumulator
from aiokafka.producer import producer as clients_own
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from eventing.consumer import Consumer
from eventing.kafka import KafkaSettings, admin, offsets, producer
from eventing.mongo import Database
from eventing.testing import Topics
from tests.eventing.conftest import HEARD, Toy, consuming, heard
from tests.waiting import until_true


class InLatin1:
    """A header's name as a client in C writes it: as bytes, whatever they are."""

    def encode(self, _encoding: str) -> bytes:
        return "qualité".encode("latin-1")


@pytest.mark.parametrize("compression", [None, "gzip"])
async def test_a_header_whose_name_is_no_text_stops_neither_its_record_nor_what_is_behind_it(
    kafka_settings: KafkaSettings,
    database: Database,
    toy: Toy,
    monkeypatch: pytest.MonkeyPatch,
    compression: str | None,
) -> None:
    for module in (message_accumulator, clients_own):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    topics, topic = Topics(), kafka_settings.physical(HEARD.name)
    before, odd, behind = (topics.record(HEARD.name, key, "toy.Heard", {}) for key in ("before", "odd", "behind"))
    sender = producer(kafka_settings)
    sender._compression_type = compression and 1
    await sender.start()
    names = {odd.key: [(InLatin1(), b"tr\xe8s bonne")]}
    batch = [
        await sender.send(topic, r.value, r.key.encode(), 0, None, names.get(r.key)) for r in (before, odd, behind)
    ]
    for sent in batch:
        await sent
    await sender.send_and_wait(topic, b"not json", b"k", 0, None, names[odd.key])
    await sender.stop()
    async with consuming(kafka_settings, database, toy):
        for record in (before, odd, behind):
            assert await until_true(partial(heard, database, record.key)) == [record.event.id]
        await until_true(partial(database["quarantine"].count_documents, {}))
    (kept,) = await database["quarantine"].find({}).to_list(None)
    assert (kept["reason"], kept["headers"]) == ("not_json", [["qualit\\xe9", b"tr\xe8s bonne"]])


@pytest.mark.parametrize("part", ["value", "key", "header"])
async def test_a_record_that_only_kafka_can_hold_stops_nothing_behind_it(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, part: str
) -> None:
    """A topic's limit is of what is compressed: 20 MB of one letter are 20 KB, and more than a document may hold."""
    topic, behind = kafka_settings.physical(HEARD.name), Topics().record(HEARD.name, "behind", "toy.Heard", {})
    giant = b"x" * 20_000_000
    key, value = (giant if part == "key" else b"giant"), (giant if part == "value" else behind.value)
    sender = AIOKafkaProducer(**kafka_settings.options, compression_type="gzip", max_request_size=2 * len(giant))
    await sender.start()
    await sender.send_and_wait(topic, value, key, 0, headers=[("odd", giant)] if part == "header" else [])
    await sender.send_and_wait(topic, behind.value, behind.key.encode(), 0)
    await sender.stop()
    async with consuming(kafka_settings, database, toy):
        assert await until_true(partial(heard, database, behind.key)) == [behind.event.id]
    (kept,) = await database["quarantine"].find({}).to_list(None)
    told = None if part == "key" else key
    assert (kept["reason"], kept["key"], kept["value"], kept["headers"]) == ("too_large", told, None, [])


async def test_a_record_from_a_year_that_no_calendar_has_is_not_passed_over(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    """A producer that counts microseconds. Kafka refuses it since 4.0, unless the topic is told otherwise."""
    topic = kafka_settings.physical(HEARD.name)
    async with admin(kafka_settings) as client:
        any_time = {"message.timestamp.after.max.ms": str(2**63 - 1)}
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, any_time)])
    topics = Topics()
    early, odd, late = (topics.record(HEARD.name, "k", "toy.Heard", {}) for _ in range(3))
    sender = producer(kafka_settings)
    await sender.start()
    for record, timestamp in ((early, None), (odd, 1_711_000_000_000_000), (late, None)):
        await sender.send_and_wait(topic, record.value, b"k", timestamp_ms=timestamp)
    await sender.stop()
    async with consuming(kafka_settings, database, toy):
        await until_true(partial(heard, database, "k"))
        await until_true(partial(_all_of, database, [record.event.id for record in (early, odd, late)]))


async def _all_of(database: Database, ids: list[str]) -> bool:
    return await heard(database, "k") == ids


async def test_what_a_producer_has_taken_back_was_never_said(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    """A portal that produces in Kafka's transactions, one of which it aborts."""
    topics, topic = Topics(), kafka_settings.physical(HEARD.name)
    said, taken_back, again = (topics.record(HEARD.name, "k", "toy.Heard", {}, sequenced=False) for _ in range(3))
    sender = AIOKafkaProducer(bootstrap_servers=kafka_settings.addresses, transactional_id=f"{topic}-portal")
    await sender.start()
    for record in (said, taken_back, again):
        await sender.begin_transaction()
        await sender.send_and_wait(topic, record.value, b"k")
        await (sender.abort_transaction() if record is taken_back else sender.commit_transaction())
    await sender.stop()
    async with consuming(kafka_settings, database, toy) as consumer:
        await until_true(partial(_ends_with, database, again.event.id))
        # The mark at the end of a transaction is an offset, too, and no record that anybody waits for.
        await until_true(partial(_waits_for_nothing, consumer))
        await until_true(partial(_has_told_the_end, kafka_settings, topic))
    assert await heard(database, "k") == [said.event.id, again.event.id]


async def _ends_with(database: Database, id: str) -> bool:
    return (await heard(database, "k"))[-1:] == [id]


async def _waits_for_nothing(consumer: Consumer) -> bool:
    return set(consumer.lags().values()) == {0}


async def _has_told_the_end(kafka_settings: KafkaSettings, topic: str) -> bool:
    stands = await offsets(kafka_settings, "toy", [HEARD.name])
    return [at for at, end in stands.values() if end] == [6]
