"""Records that no client of ours would write: others may, and Kafka takes them."""

from functools import partial

import pytest
from aiokafka.producer import message_accumulator
from aiokafka.producer import producer as clients_own
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from eventing.kafka import KafkaSettings, producer
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
