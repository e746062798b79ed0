"""A record that the code cannot process parks its key only; what stands behind it waits in order."""

import asyncio
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from eventing import parking, quarantine
from eventing.batch import Batch, Failure, Record
from eventing.clock import system_now
from eventing.consumer import Consumer
from eventing.envelope import tombstone_headers
from eventing.gate import Gate, ParkingStormError
from eventing.kafka import KafkaSettings
from eventing.mongo import Database, UpdateOne
from eventing.parking import Handlers, NotParkedError, OtherKeyError
from eventing.reader import Reader
from eventing.reasons import Reason
from eventing.testing import Published, Topics, at_positions, batch_of
from eventing.unit import UnitOfWork
from tests.eventing.conftest import HEARD, WHOLE, Toy, consuming, heard, say
from tests.waiting import until_true


@pytest.fixture
def handlers(database: Database, toy: Toy) -> Handlers:
    return Handlers({HEARD.name: toy.on_heard, WHOLE.name: toy.on_heard}, (database,), system_now)


async def apply(database: Database, toy: Toy, *records: Record, reader: Reader | None = None) -> None:
    batch = batch_of(records, reader=reader)
    await at_positions(database, batch)
    await toy.on_heard(batch, database, system_now())


def ids(records: list[Record]) -> list[str]:
    return [record.event.id for record in records]


async def reasons(database: Database, key: str) -> list[str]:
    rows = await database["parked"].find({"key": key}).sort("n", 1).to_list(None)
    return [row["reason"]["code"] for row in rows]


async def test_a_broken_record_parks_with_its_reason_and_its_keys_later_records_behind_it(
    database: Database, toy: Toy
) -> None:
    topics = Topics()
    mine = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(4)]
    other = topics.record(HEARD.name, "other", "toy.Heard", {})
    toy.broken = {mine[1].event.id}
    await apply(database, toy, *mine[:3], other, mine[3])
    assert await heard(database, "k") == ids(mine[:1])
    assert await heard(database, "other") == [other.event.id]
    assert await reasons(database, "k") == ["broken", "behind", "behind"]


async def test_what_is_staged_for_a_record_that_parks_is_not_published(database: Database, toy: Toy) -> None:
    topics = Topics()
    first, second = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(2))
    toy.broken = {second.event.id}
    await apply(database, toy, first, second)
    assert [e.causationid for e in await Published(database).events()] == [first.event.id]


async def test_records_of_another_topic_under_the_same_key_park_behind_it(database: Database, toy: Toy) -> None:
    topics = Topics()
    broken = topics.record(HEARD.name, "k", "toy.Heard", {})
    toy.broken = {broken.event.id}
    await apply(database, toy, broken, topics.record(WHOLE.name, "k", "toy.Whole", {}))
    assert await reasons(database, "k") == ["broken", "behind"]


async def test_retry_applies_the_record_and_what_stood_behind_it_in_order(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    mine = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(5)]
    toy.broken = {mine[0].event.id, mine[3].event.id}
    await apply(database, toy, *mine)
    toy.broken = {mine[3].event.id}
    outcome = await parking.retry(database, "k", handlers)
    assert (outcome.applied, outcome.left, outcome.reason and outcome.reason["code"]) == (3, 2, "broken")
    toy.broken = set()
    outcome = await parking.retry(database, "k", handlers)
    assert (outcome.applied, outcome.left, outcome.reason) == (2, 0, None)
    assert await heard(database, "k") == ids(mine)
    events = await Published(database).events()
    assert [(e.sequence, e.causationid) for e in events] == list(enumerate(ids(mine), 1))


async def test_what_comes_after_a_retry_that_stopped_parks_behind_all_that_is_left(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    mine = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(5)]
    toy.broken = {mine[0].event.id, mine[2].event.id}
    await apply(database, toy, *mine[:4])
    toy.broken = {mine[2].event.id}
    assert (await parking.retry(database, "k", handlers)).left == 2
    await apply(database, toy, mine[4])
    toy.broken = set()
    await parking.retry(database, "k", handlers)
    assert await heard(database, "k") == ids(mine)


async def test_a_record_that_is_tried_again_says_so_of_itself_and_leaves_its_own_lane(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    other, record = (topics.record(HEARD.name, key, "toy.Heard", {}) for key in ("other", "k"))
    toy.broken = {other.event.id, record.event.id}
    await apply(database, toy, other, record)
    await parking.retry(database, "k", handlers)
    rows = await database["parked"].find({}).to_list(None)
    assert {row["key"]: (row["tries"], "tried_at" in row) for row in rows} == {"other": (1, False), "k": (2, True)}
    toy.broken = {other.event.id}
    assert (await parking.retry(database, "k", handlers)).left == 0
    assert await _parked(database, "other", 1)


async def test_what_was_applied_is_known_though_its_key_is_parked_by_now(database: Database, toy: Toy) -> None:
    topics = Topics()
    first, second = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(2))
    toy.broken = {second.event.id}
    await apply(database, toy, first, second)
    await apply(database, toy, replace(first, offset=second.offset + 1))
    assert await reasons(database, "k") == ["broken"]


async def test_of_a_record_that_parked_twice_the_second_leaves_its_lane_as_a_duplicate(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    first, second = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(2))
    toy.broken = {first.event.id}
    await apply(database, toy, first, second, *(replace(one, offset=one.offset + 2) for one in (first, second)))
    assert await reasons(database, "k") == ["broken", "behind", "behind", "behind"]
    toy.broken = set()
    assert (await parking.retry(database, "k", handlers)).left == 0
    assert await _parked(database, "k", 0)
    assert await heard(database, "k") == ids([first, second])


async def test_after_a_retry_the_key_takes_new_records_again(database: Database, toy: Toy, handlers: Handlers) -> None:
    topics = Topics()
    first, second, third = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(3))
    toy.broken = {first.event.id}
    await apply(database, toy, first, second)
    toy.broken = set()
    await parking.retry(database, "k", handlers)
    await apply(database, toy, third)
    assert await heard(database, "k") == ids([first, second, third])


async def test_of_two_who_work_off_one_lane_at_once_only_one_applies_each_record(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    mine = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}, sequenced=n % 2 == 0) for n in range(6)]
    toy.broken = set(ids(mine))
    await apply(database, toy, *mine)
    toy.broken = {mine[5].event.id}
    await asyncio.gather(*(parking.retry(database, "k", handlers) for _ in range(3)))
    assert await heard(database, "k") == ids(mine[:5])
    assert await _parked(database, "k", 1)  # on the lane too: else what comes next would pass the parked one


async def test_a_record_that_was_read_before_another_applied_or_edited_it_is_left_alone(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    first, second = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}, sequenced=False) for n in range(2))
    toy.broken = {first.event.id, second.event.id}
    await apply(database, toy, first, second)
    toy.broken = {second.event.id}
    read = Batch((replace(first, parked_n=1),), replay=True)
    await handlers(read)
    await handlers(read)
    await parking.edit(database, "k", handlers, data={"n": "other"})
    toy.broken = set()
    await handlers(Batch((replace(second, parked_n=2),), replay=True))
    assert await heard(database, "k") == [first.event.id]
    assert await _parked(database, "k", 1)


async def test_a_retry_goes_on_while_the_consumer_is_in_a_transaction_of_its_own(database: Database, toy: Toy) -> None:
    topics, reader = Topics(), Reader(owner=await database.owner())
    record, another = (topics.record(HEARD.name, key, "toy.Heard", {}) for key in ("k", "other"))
    toy.broken = {record.event.id}
    await apply(database, toy, record, reader=reader)
    toy.broken = set()

    async def retried() -> None:
        handlers = Handlers({HEARD.name: Toy().on_heard}, (database,), system_now, reader)
        assert (await parking.retry(database, "k", handlers)).applied == 1

    toy.hold = retried
    await apply(database, toy, another, reader=reader)
    assert [await heard(database, key) for key in ("k", "other")] == [[record.event.id], [another.event.id]]


async def test_retrying_an_empty_lane_is_harmless(database: Database, handlers: Handlers) -> None:
    outcome = await parking.retry(database, "nobody", handlers)
    assert (outcome.applied, outcome.left) == (0, 0)


async def test_a_preview_tells_what_would_come_and_changes_nothing(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    record = Topics().record(HEARD.name, "k", "toy.Heard", {})
    toy.broken = {record.event.id}
    await apply(database, toy, record)
    before = await parking.preview(database, "k", handlers)
    toy.broken = set()
    after = await parking.preview(database, "k", handlers)
    row = await database["parked"].find_one({"key": "k"})
    assert (before.applied, before.left, before.reason) == (0, 1, row["reason"])
    assert (after.applied, after.left, after.reason, after.events) == (1, 1, None, ["toy.Counted"])
    assert before.dry_run
    assert await heard(database, "k") == []
    assert await Published(database).events() == []
    with pytest.raises(NotParkedError):
        await parking.preview(database, "nobody", handlers)


@pytest.mark.parametrize("binary", [False, True])
async def test_a_preview_of_other_data_tells_what_the_edit_would_come_to(
    database: Database, toy: Toy, binary: bool
) -> None:
    read: list[Any] = []

    async def on_heard(batch: Batch, database: Database, now: datetime) -> None:
        read.extend(record.event.data for record in batch.records if isinstance(record, Record))
        await toy.on_heard(batch, database, now)

    handlers = Handlers({HEARD.name: on_heard}, (database,), system_now)
    record = Topics().record(HEARD.name, "k", "toy.Heard", {"n": "wrong"})
    if binary:
        record = replace(record, value=orjson.dumps({"n": "wrong"}), headers=tombstone_headers(record.event))
    toy.broken = {record.event.id}
    await apply(database, toy, record)
    before = await parking.preview(database, "k", handlers, data={"n": "still wrong"})
    toy.broken = set()
    after = await parking.preview(database, "k", handlers, data={"n": "right"})
    assert (before.applied, before.reason and before.reason["code"]) == (0, "broken")
    assert (after.applied, after.reason, after.events) == (1, None, ["toy.Counted"])
    assert read == [{"n": "still wrong"}, {"n": "right"}]
    row = await database["parked"].find_one({"key": "k"})
    assert (bytes(row["value"]), row["reason"]["code"], await heard(database, "k")) == (record.value, "broken", [])


async def test_skip_keeps_the_record_in_quarantine_and_goes_on_behind_it(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    broken, behind = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(2))
    toy.broken = {broken.event.id}
    await apply(database, toy, broken, behind)
    about = {"event_id": broken.event.id, "type": "toy.Heard", "topic": HEARD.name}
    previewed = await parking.preview_skip(database, "k")
    assert (previewed.skipped, previewed.left, previewed.dry_run) == (about, 1, True)
    another = await parking.preview_skip(database, "k", event_id="another")
    assert (another.skipped, another.left, another.dry_run) == (None, 2, True)
    assert (await parking.skip(database, "k", handlers, reason="sent by mistake")).skipped == about
    assert await heard(database, "k") == [behind.event.id]
    kept = await database["quarantine"].find_one({"event_id": broken.event.id})
    assert (kept["reason"], kept["detail"], bytes(kept["value"])) == ("skipped", "sent by mistake", broken.value)
    await apply(database, toy, replace(broken, offset=behind.offset + 1))  # told again later: a duplicate
    assert await heard(database, "k") == [behind.event.id]


async def test_a_skip_that_is_repeated_takes_out_nothing_more(database: Database, toy: Toy, handlers: Handlers) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(4)]
    toy.broken = set(ids(sent))
    await apply(database, toy, *sent)
    skip = partial(parking.skip, database, "k", handlers)
    assert (await skip(reason="sent by mistake")).left == 3
    repeated = await skip(reason="sent by mistake")
    assert (repeated.left, repeated.skipped) == (3, None)
    assert (await skip(reason="this one too")).left == 2
    assert (await skip(reason="this one too", event_id=sent[2].event.id)).left == 1
    assert (await skip(reason="again", event_id=sent[2].event.id)).left == 1
    assert await heard(database, "k") == []


async def test_the_same_words_are_no_repeat_a_minute_later(
    database: Database, toy: Toy, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(3)]
    toy.broken = set(ids(sent))
    await apply(database, toy, *sent)
    assert (await parking.skip(database, "k", handlers, reason="sent by mistake")).left == 2
    monkeypatch.setattr(parking, "system_now", lambda: system_now() + parking.REPEATED_WITHIN)
    assert (await parking.skip(database, "k", handlers, reason="sent by mistake")).left == 1


async def test_a_missing_record_is_passed_over_once_however_often_that_is_said(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(3)]
    toy.broken = {sent[2].event.id}
    await apply(database, toy, sent[0], sent[2])
    missing = {"missing": f"{HEARD.name} 2", "before": sent[2].event.id}
    previewed = await parking.preview_skip(database, "k")
    assert (previewed.skipped, previewed.left) == (missing, 1), "what waits stays, and is tried"
    for skipped in (missing, None):
        outcome = await parking.skip(database, "k", handlers, reason="it is gone")
        assert outcome.skipped == skipped
    assert (outcome.left, outcome.reason and outcome.reason["code"]) == (1, "broken")


async def test_edited_data_stays_with_its_key(database: Database, toy: Toy, handlers: Handlers) -> None:
    record = Topics().record(HEARD.name, "k", "toy.Heard", {"id": "k", "n": "wrong"})
    toy.broken = {record.event.id}
    await apply(database, toy, record)
    for work in (parking.edit, parking.preview):
        with pytest.raises(OtherKeyError, match="id"):
            await work(database, "k", handlers, data={"id": "other", "n": 1})
        outcome = await work(database, "k", handlers, data={"id": "other", "n": 1}, event_id="another")
        assert (outcome.reason and outcome.reason["code"], outcome.left) == ("broken", 1), "it is for another record"
    assert await reasons(database, "k") == ["broken"]


async def test_an_edit_that_is_repeated_is_not_given_to_the_next_record(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(4)]
    toy.broken = set(ids(sent))
    await apply(database, toy, *sent)
    edit = partial(parking.edit, database, "k", handlers)
    assert (await edit(data={"n": "one"})).left == 4
    toy.broken = set(ids(sent[1:]))
    for _ in range(2):  # on the same record it may be said again
        assert (await edit(data={"n": "one"})).left == 3
    assert await _data(database, "k") == [record.event.data for record in sent[1:]]
    previewed = await parking.preview(database, "k", handlers, data={"n": "two"}, event_id=sent[0].event.id)
    assert previewed.reason is not None  # of the record that is first by now, as it stands
    assert previewed.reason["code"] == "broken"
    await edit(data={"n": "two"}, event_id=sent[0].event.id)
    assert await _data(database, "k") == [record.event.data for record in sent[1:]]
    await edit(data={"n": "two"}, event_id=sent[1].event.id)
    assert await _data(database, "k") == [{"n": "two"}, *(record.event.data for record in sent[2:])]
    with pytest.raises(NotParkedError):
        await parking.edit(database, "nobody", handlers, data={})


async def test_edit_gives_other_data_and_keeps_id_and_key(database: Database, toy: Toy, handlers: Handlers) -> None:
    topics = Topics()
    other, record = (topics.record(HEARD.name, key, "toy.Heard", {"n": "wrong"}) for key in ("other", "k"))
    toy.broken = {other.event.id, record.event.id}
    await apply(database, toy, other, record)
    for data in ({"n": "wrong still"}, {"n": "wrong again"}):
        await parking.edit(database, "k", handlers, data=data)
        row = await database["parked"].find_one({"key": "k"})
        assert (await _data(database, "k"), bytes(row["original"])) == ([data], record.value)
    assert await _data(database, "other") == [{"n": "wrong"}]
    toy.broken = set()
    seen: list[Record] = []

    async def watch(batch: Batch, *context: Any) -> None:
        seen.extend(r for r in batch.records if isinstance(r, Record))
        await toy.on_heard(batch, *context)

    watching = Handlers({HEARD.name: watch}, (database,), system_now)
    await parking.edit(database, "k", watching, data={"n": 1})
    assert [(r.key, r.event.id, r.event.data) for r in seen] == [("k", record.event.id, {"n": 1})]
    assert await heard(database, "k") == [record.event.id]


async def test_a_record_beyond_the_next_parks_until_the_missing_one_comes(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics = Topics()
    first, missing, third, fourth = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(4))
    async with consuming(kafka_settings, database, toy):
        await say(kafka_settings, first, third, fourth)
        await until_true(lambda: _parked(database, "k", 2))
        assert await reasons(database, "k") == ["sequence_gap", "behind"]
        await say(kafka_settings, missing)
        await until_true(lambda: _parked(database, "k", 0))
    assert await heard(database, "k") == ids([first, missing, third, fourth])


async def test_only_the_missing_record_itself_passes_by_what_waits_for_it(database: Database, toy: Toy) -> None:
    topics = Topics()
    first, missing, third = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(3))
    before, after = (topics.record(WHOLE.name, "k", "toy.Whole", {"n": n}) for n in range(2))
    assert (after.key, after.event.sequence) == (missing.key, missing.event.sequence)
    await apply(database, toy, before, first, third, after)
    assert await heard(database, "k") == ids([before, first])
    assert await reasons(database, "k") == ["sequence_gap", "behind"]


async def test_what_waited_is_tried_by_the_next_reader_where_the_one_that_read_the_missing_record_was_killed(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(3)]
    first, missing, third = sent
    broken = topics.record(HEARD.name, "other", "toy.Heard", {})
    toy.broken = {broken.event.id}
    await apply(database, toy, first, third, replace(missing, offset=3), replace(broken, partition=0))
    toy.broken = set()
    async with consuming(kafka_settings, database, toy):
        await until_true(lambda: _parked(database, "k", 0))
    assert await heard(database, "k") == ids(sent)
    assert await reasons(database, "other") == ["broken"]  # waits for a person


async def test_only_what_waited_for_a_record_that_has_come_is_tried_by_itself(database: Database, toy: Toy) -> None:
    topics = Topics()
    sent = {k: [topics.record(HEARD.name, k, "toy.Heard", {}) for _ in range(3)] for k in ("k", "waits", "broken")}
    toy.broken = {sent["broken"][0].event.id}
    first, missing, third = sent["k"]
    waiting = sent["waits"][::2]
    await apply(database, toy, first, third, *waiting, *sent["broken"], replace(missing, offset=99))
    assert [await reasons(database, key) for key in sent] == [
        ["sequence_gap"],
        ["sequence_gap"],
        ["broken", "behind", "behind"],
    ]
    assert await parking.closed_gaps(database) == {"k"}


async def test_a_missing_record_that_comes_later_in_the_same_batch_is_not_parked_behind_what_waits_for_it(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(5)]
    first, missing, third, fourth, fifth = sent
    reader = Reader()
    await apply(database, toy, first, third, fourth, missing, fifth, reader=reader)
    assert await reasons(database, "k") == ["sequence_gap", "behind", "behind"]
    assert reader.gaps_closed == {"k"}
    await parking.retry(database, "k", handlers)
    assert await heard(database, "k") == ids(sent)


async def test_a_missing_record_that_parks_itself_stands_before_what_waits_for_it(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(7)]
    first, missing, third, fourth, missing_too, sixth, seventh = sent
    await apply(database, toy, first, third, fourth)
    toy.broken = {missing.event.id}
    await apply(database, toy, replace(missing, offset=fourth.offset + 1))
    assert await reasons(database, "k") == ["broken", "sequence_gap", "behind"]
    toy.broken = {missing_too.event.id}
    assert (await parking.retry(database, "k", handlers)).left == 0
    await apply(database, toy, *(replace(one, offset=5 + n) for n, one in enumerate((sixth, seventh, missing_too))))
    assert await reasons(database, "k") == ["broken", "sequence_gap", "behind"]
    toy.broken = set()
    assert (await parking.retry(database, "k", handlers)).left == 0
    assert await heard(database, "k") == ids(sent)


async def test_a_tombstone_empties_what_its_own_topic_has_parked_under_its_key_and_nothing_else(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    topics = Topics()
    whole, heard_too = (topics.record(topic.name, "k", "toy.Said", {"name": "Rosa"}) for topic in (WHOLE, HEARD))
    others = topics.record(WHOLE.name, "other", "toy.Said", {"name": "Ana"})
    reader = Reader(compacted=frozenset({WHOLE.name}))
    toy.broken = {whole.event.id, others.event.id}
    await apply(database, toy, others, whole, heard_too, reader=reader)
    await parking.edit(database, "k", handlers, data={"name": "Rosa Diaz"})
    kept = {f"{key}-{topic.name}": (key, topic.name) for key in ("k", "other") for topic in (WHOLE, HEARD)}
    for place, (key, topic) in kept.items():
        row = quarantine.keep(place, topic, Reason("skipped"), b"whoever", key=key.encode())
        await database["quarantine"].bulk_write([row])

    await apply(
        database, toy, *(topics.record(one.name, "k", "toy.Said", None) for one in (HEARD, WHOLE)), reader=reader
    )

    rows = await database["parked"].find({}).sort([("key", 1), ("n", 1)]).to_list(None)
    said = [(row["key"], row["topic"], row["value"] is not None or "original" in row) for row in rows]
    stone, empty = ("k", WHOLE.name, False), ("k", HEARD.name, False)
    assert said == [stone, ("k", HEARD.name, True), empty, stone, ("other", WHOLE.name, True)]
    emptied = await database["quarantine"].find({"value": None}).to_list(None)
    assert [(row["_id"], row["erased"]) for row in emptied] == [(f"k-{WHOLE.name}", True)]


async def test_a_reader_that_only_keeps_a_log_parks_too_and_takes_its_parked_records_up_again(
    database: Database,
) -> None:
    async def on_heard(batch: Batch, database: Database, now: datetime) -> None:
        async with UnitOfWork.begin(database, batch, now) as unit:
            for record in unit.every():
                unit.bulk("counts", UpdateOne({"_id": record.key}, {"$push": {"heard": record.event.id}}, upsert=True))
            await unit.write()

    topics = Topics()
    first, second = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(2))
    batch = batch_of([first, second]).parking(first, Reason("write_refused"))
    await at_positions(database, batch)
    await on_heard(batch, database, system_now())
    assert (await heard(database, "k"), await reasons(database, "k")) == ([second.event.id], ["write_refused"])
    handlers = Handlers({HEARD.name: on_heard}, (database,), system_now)
    assert (await parking.retry(database, "k", handlers)).left == 0
    assert await heard(database, "k") == ids([second, first])
    assert await _parked(database, "k", 0)


async def test_what_parks_without_another_try_is_not_read_for(database: Database) -> None:
    topics = Topics()
    first, second = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(2))
    batch = batch_of([first, second]).parking(first, Reason("write_refused"))
    async with UnitOfWork.begin(database, batch, system_now()) as unit:
        assert unit.upcoming == [second]


async def test_metrics_tell_what_became_of_each_record(database: Database, toy: Toy) -> None:
    topics, reader = Topics(), Reader(group="toy-told")
    first, second = (topics.record(HEARD.name, "k", "toy.Told", {"n": n}) for n in range(2))
    toy.broken = {second.event.id}
    unreadable = Failure(HEARD.name, 0, 9, None, b"?", (), system_now(), Reason("not_json"))
    again = replace(first, offset=9)
    batch = replace(batch_of([first, again, second], reader=reader), records=(first, again, second, unreadable))
    batch = replace(batch, began={**batch.began, (HEARD.name, 0): 9})
    await at_positions(database, batch)
    await toy.on_heard(batch, database, system_now())
    came = [("toy.Told", "applied"), ("toy.Told", "duplicate"), ("toy.Told", "parked"), ("unreadable", "quarantined")]
    for type, outcome in came:
        labels = {"group": reader.group, "type": type, "outcome": outcome}
        assert REGISTRY.get_sample_value("wea_records_total", labels) == 1, outcome


async def test_a_write_that_mongodb_refuses_is_found_and_parks_alone(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, f"k{n}", "toy.Heard", {}) for n in range(8)]
    toy.refused = {sent[5].event.id}
    await say(kafka_settings, *sent)
    async with consuming(kafka_settings, database, toy):
        await until_true(lambda: _parked(database, "k5", 1))
        for number in (0, 7):
            await until_true(partial(heard, database, f"k{number}"))
    assert await reasons(database, "k5") == ["write_refused"]
    assert await database["parked"].count_documents({}) == 1


async def test_a_release_that_parks_more_than_twenty_keys_a_minute_stops_before_it_parks_the_world(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    topics = Topics()
    sent = [topics.record(HEARD.name, f"k{n}", "toy.Heard", {}) for n in range(30)]
    toy.broken = set(ids(sent))
    await say(kafka_settings, *sent)
    async with consuming(kafka_settings, database, toy) as consumer:
        await until_true(lambda: _stopped(consumer))
        assert not consumer.ready
        assert consumer.stopped_because == "parking_storm"
    assert await database["parked"].count_documents({}) <= 20
    toy.broken = set()
    async with consuming(kafka_settings, database, toy):
        await until_true(lambda: _all_but_parked(database, 30))


async def test_an_operator_who_has_looked_can_let_more_keys_park(
    kafka_settings: KafkaSettings, database: Database, toy: Toy
) -> None:
    """Where the records are wrong and the release is right, no restart would get past them."""
    topics = Topics()
    sent = [topics.record(HEARD.name, f"k{n}", "toy.Heard", {}) for n in range(31)]
    toy.broken = set(ids(sent[:30]))
    await say(kafka_settings, *sent)
    async with consuming(kafka_settings, database, toy, parking_limit=100) as consumer:
        await until_true(lambda: _all_but_parked(database, 31))
        assert consumer.ready
    assert await database["parked"].count_documents({}) == 30


def test_the_gate_forgets_keys_after_a_minute() -> None:
    gate = Gate(limit=2, seconds=0.0)
    for n in range(10):
        gate.check([f"k{n}"])


def test_the_gate_counts_keys_and_closes_only_to_what_parks() -> None:
    gate = Gate(limit=2)
    for keys in (["a", "b"], ["b", "b"], ["a"]):
        gate.check(keys)
    with pytest.raises(ParkingStormError):
        gate.check(["c"])
    gate.check([])


async def test_no_storm_is_what_waits_behind_a_parked_record_or_for_a_missing_one_or_fails_again(
    database: Database, toy: Toy
) -> None:
    topics = Topics()
    keys = ("k1", "k2", "k3")
    sent = {key: [topics.record(HEARD.name, key, "toy.Heard", {"n": n}) for n in range(3)] for key in keys}
    toy.broken = {sent[key][0].event.id for key in keys[:2]}
    for key in keys[:2]:
        await apply(database, toy, sent[key][0])
    reader = Reader(gate=Gate(limit=0))
    await apply(database, toy, *(sent[key][1] for key in keys), reader=reader)
    handlers = Handlers({HEARD.name: toy.on_heard}, (database,), system_now, reader)
    retried = [await parking.retry(database, key, handlers) for key in keys]
    assert [outcome.reason and outcome.reason["code"] for outcome in retried] == ["broken", "broken", "sequence_gap"]
    assert [await reasons(database, key) for key in keys] == [["broken", "behind"]] * 2 + [["sequence_gap"]]


async def _data(database: Database, key: str) -> list[Any]:
    rows = await database["parked"].find({"key": key}).sort("n", 1).to_list(None)
    return [orjson.loads(bytes(row["value"]))["data"] for row in rows]


async def _parked(database: Database, key: str, count: int) -> bool:
    lane = await database["lanes"].find_one({"_id": key})
    return bool(
        lane and lane.get("parked", 0) == count and await database["parked"].count_documents({"key": key}) == count
    )


async def _stopped(consumer: Consumer) -> bool:
    return consumer.stopped_because is not None


async def _all_but_parked(database: Database, count: int) -> bool:
    return bool(await database["counts"].count_documents({}) + await database["parked"].count_documents({}) == count)


async def test_a_record_that_mongodb_refuses_when_it_is_retried_stays_and_says_so(
    database: Database, toy: Toy, handlers: Handlers
) -> None:
    record = Topics().record(HEARD.name, "k", "toy.Heard", {})
    toy.broken = {record.event.id}
    await apply(database, toy, record)
    toy.broken, toy.refused = set(), {record.event.id}
    previewed = await parking.preview(database, "k", handlers)
    retried = await parking.retry(database, "k", handlers)
    for outcome in (previewed, retried):
        assert (outcome.applied, outcome.left, outcome.reason and outcome.reason["code"]) == (0, 1, "write_refused")


class Stumbling(Toy):
    """What it reads for all records of a batch at once cannot be read for the broken ones."""

    async def on_heard(self, batch: Batch, database: Database, now: datetime) -> None:
        async with UnitOfWork.begin(database, batch, now) as unit:
            if any(record.event.id in self.broken for record in unit.upcoming):
                raise KeyError("outside of what parks")
        await Toy.on_heard(Toy(), batch, database, now)


async def test_a_bug_that_no_record_can_be_blamed_for_at_once_is_found_and_its_record_parks_alone(
    kafka_settings: KafkaSettings, database: Database
) -> None:
    topics = Topics()
    mine = [topics.record(HEARD.name, key, "toy.Heard", {}) for key in ("k0", "k1", "k1", "k2")]
    async with consuming(kafka_settings, database, Stumbling(broken=set(ids(mine[1:3])))) as consumer:
        await say(kafka_settings, *mine)
        await until_true(partial(_parked, database, "k1", 2))
        for key in ("k0", "k2"):
            await until_true(partial(heard, database, key))
        assert consumer.stopped_because is None
    assert await reasons(database, "k1") == ["bug", "behind"]
    assert await heard(database, "k1") == []


async def test_a_parked_record_that_such_a_bug_still_meets_stays_and_says_so(database: Database, toy: Toy) -> None:
    record = Topics().record(HEARD.name, "k", "toy.Heard", {})
    toy.broken = {record.event.id}
    await apply(database, toy, record)
    handlers = Handlers({HEARD.name: Stumbling(broken=toy.broken).on_heard}, (database,), system_now)
    previewed = await parking.preview(database, "k", handlers)
    retried = await parking.retry(database, "k", handlers)
    for outcome in (previewed, retried):
        assert (outcome.applied, outcome.left, outcome.reason and outcome.reason["code"]) == (0, 1, "bug")


async def test_a_consumer_that_can_neither_apply_a_record_nor_park_it_stops_and_says_so(
    kafka_settings: KafkaSettings, database: Database
) -> None:
    class Broken(Toy):
        async def on_heard(self, batch: Batch, database: Database, now: datetime) -> None:
            raise RuntimeError("whatever comes")

    async with consuming(kafka_settings, database, Broken()) as consumer:
        await say(kafka_settings, Topics().record(HEARD.name, "k", "toy.Heard", {}))
        await until_true(partial(_stopped, consumer))
        assert not consumer.ready
    assert consumer.stopped_because == "cannot_park"
    assert await database["positions"].count_documents({"next": {"$gt": 0}}) == 0
