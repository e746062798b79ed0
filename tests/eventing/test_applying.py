"""Batches are applied whatever it takes; they shrink where transactions take too long, and grow again."""

import asyncio
from datetime import datetime
from functools import partial

import pytest

from eventing import applying, positions
from eventing.batch import Batch
from eventing.clock import system_now
from eventing.kafka import KafkaSettings
from eventing.mongo import Database
from eventing.ownership import Ownership
from eventing.parking import Handlers
from eventing.reader import Reader
from eventing.testing import Topics, at_positions, batch_of
from eventing.transient import TransientError
from tests.eventing.conftest import HEARD, WHOLE, Toy, consuming, heard, say
from tests.waiting import until_true


async def test_a_batch_too_slow_for_one_transaction_is_done_in_halves_in_order(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "SLOW_SECONDS", 0.2)
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(40)]
    await say(kafka_settings, *sent)
    seen: list[int] = []

    async def aborted_when_large() -> None:
        document = await database["counts"].find_one({"_id": "k"})
        before = len(document["heard"]) if document else 0
        seen.append(before)
        if len(seen) < 3:  # as MongoDB does with what exceeds transactionLifetimeLimitSeconds
            await asyncio.sleep(0.3)
            raise TransientError("aborted")

    toy.hold = aborted_when_large
    async with consuming(kafka_settings, database, toy):
        await until_true(partial(_all_heard, database, len(sent)))
    assert await heard(database, "k") == [record.event.id for record in sent]
    assert len(seen) > 4


async def test_once_it_was_stopped_nothing_more_is_applied(database: Database, toy: Toy) -> None:
    """What comes behind a batch that was not applied would move the position past it."""
    batch, ownership = batch_of([Topics().record(HEARD.name, "k", "toy.Heard", {})]), Ownership(database, Reader())
    await at_positions(database, batch)
    ownership.next = dict(batch.began)
    at_work = applying.Applying(database, ownership, Handlers({HEARD.name: toy.on_heard}, (database,), system_now), 10)
    at_work.running = False
    await at_work.apply(batch)
    assert (await heard(database, "k"), ownership.next) == ([], dict(batch.began))


async def test_after_a_fault_a_batch_goes_on_under_the_session_that_a_successor_would_find(
    database: Database, toy: Toy
) -> None:
    """Somebody may have killed ours and taken over meanwhile."""
    reader = Reader()
    ownership = Ownership(database, reader)
    batch = batch_of([Topics().record(HEARD.name, "k", "toy.Heard", {})], reader=reader)
    await ownership.begin()
    await ownership.take(list(batch.began))

    async def taken_over() -> None:
        toy.hold = None
        await positions.take_over(database, list(batch.began), await database.owner())

    toy.hold = taken_over
    handlers = Handlers({HEARD.name: toy.on_heard}, (database,), system_now, reader)
    await applying.Applying(database, ownership, handlers, 10).apply(batch)
    [row] = await database["positions"].find({}).to_list(None)
    assert reader.owner is not None
    assert (row["owner"], row["next"]) == (reader.owner.id, 1)
    assert await heard(database, "k") == ["test-1"]


async def test_batches_shrink_down_to_one_record_and_grow_again_up_to_the_most(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics, ownership, sizes = Topics(), Ownership(database, Reader()), list[int]()

    async def on_heard(batch: Batch, _now: datetime) -> None:
        sizes.append(len(batch.records))

    at_work = applying.Applying(database, ownership, Handlers({HEARD.name: on_heard}, (), system_now), 4)

    async def applied_by(slow_seconds: float, count: int) -> list[int]:
        monkeypatch.setattr(applying, "SLOW_SECONDS", slow_seconds)
        sizes.clear()
        batch = batch_of(topics.record(HEARD.name, "k", "toy.Heard", {}) for _ in range(count))
        ownership.next = dict(batch.began)
        await at_work.apply(batch)
        return list(sizes)

    every_one_is, none_is = 0.0, 3600.0
    assert [await applied_by(every_one_is, 4) for _ in range(3)] == [[4], [2, 1, 1], [1, 1, 1, 1]]
    assert [await applied_by(none_is, count) for count in (4, 4, 8)] == [[1, 1, 2], [4], [4, 4]]


async def _all_heard(database: Database, count: int) -> bool:
    return len(await heard(database, "k")) == count


async def test_of_topics_with_handlers_of_their_own_each_hands_its_records_to_its_own(database: Database) -> None:
    topics, given = Topics(), []

    async def on_heard(batch: Batch, _now: datetime) -> None:
        given.append((HEARD.name, batch.records))

    async def on_whole(batch: Batch, _now: datetime) -> None:
        given.append((WHOLE.name, batch.records))

    records = [topics.record(topic.name, "k", "toy.Said", {}) for topic in (HEARD, WHOLE, HEARD)]
    batch, ownership = batch_of(records), Ownership(database, Reader())
    ownership.next = dict(batch.began)
    handlers = Handlers({HEARD.name: on_heard, WHOLE.name: on_whole}, (), system_now)
    await applying.Applying(database, ownership, handlers, 10).apply(batch)
    assert given == [(HEARD.name, (records[0], records[2])), (WHOLE.name, (records[1],))]
    assert ownership.next == batch.ends
