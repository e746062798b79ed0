"""Each race that the design names, with both sides held open."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from eventing.batch import Cause
from eventing.clock import system_now
from eventing.mongo import Database, UpdateOne
from eventing.positions import StaleError, take_over
from eventing.reader import Reader
from eventing.testing import Published, Topics, at_positions, batch_of
from eventing.transient import TransientError, repeat
from eventing.unit import UnitOfWork
from tests.eventing.conftest import COUNTED, HEARD, Toy, heard

Work = Callable[[UnitOfWork], Awaitable[None]]


async def both_open(
    database: Database, one: Callable[[UnitOfWork], Awaitable[None]], other: Callable[[UnitOfWork], Awaitable[None]]
) -> list[str]:
    """Open both transactions on one snapshot, let `one` commit, then `other` try. Returns what became of `other`."""
    outcomes: list[str] = []
    opened, may_commit = asyncio.Event(), asyncio.Event()

    async def second() -> None:
        try:
            async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
                await database["counts"].find_one({"_id": "any"}, session=unit.session)  # takes the snapshot
                opened.set()
                await may_commit.wait()
                await other(unit)
                await unit.write()
            outcomes.append("committed")
        except TransientError:
            outcomes.append("again")

    task = asyncio.create_task(second())
    await opened.wait()
    async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
        await one(unit)
        await unit.write()
    may_commit.set()
    await task
    return outcomes


def publishing(key: str) -> Work:
    async def work(unit: UnitOfWork) -> None:
        unit.publish(COUNTED, "toy.Counted", key, {}, Cause(f"cause-{id(unit)}", "/test"))

    return work


async def test_two_units_that_publish_under_one_key_never_number_alike(database: Database) -> None:
    assert await both_open(database, publishing("k"), publishing("k")) == ["again"]
    assert [e.sequence for e in await Published(database).events()] == [1]


async def test_two_units_that_publish_under_different_keys_both_commit(database: Database) -> None:
    assert await both_open(database, publishing("a"), publishing("b")) == ["committed"]


async def test_a_decision_on_absence_conflicts_through_its_lock_document(database: Database) -> None:
    async def appear(unit: UnitOfWork) -> None:
        unit.bulk("counts", UpdateOne({"_id": "lock"}, {"$inc": {"rev": 1}}, upsert=True))
        unit.bulk("counts", UpdateOne({"_id": "profile"}, {"$set": {"there": True}}, upsert=True))

    async def decide_on_absence(unit: UnitOfWork) -> None:
        absent = await database["counts"].find_one({"_id": "profile"}, session=unit.session) is None
        unit.bulk("counts", UpdateOne({"_id": "lock"}, {"$inc": {"rev": 1}}, upsert=True))
        unit.bulk("counts", UpdateOne({"_id": "unmatched"}, {"$set": {"absent": absent}}, upsert=True))

    assert await both_open(database, appear, decide_on_absence) == ["again"]
    assert await database["counts"].find_one({"_id": "unmatched"}) is None


async def test_without_the_lock_document_both_would_commit(database: Database) -> None:
    """The control: this is why the lock is there."""

    async def appear(unit: UnitOfWork) -> None:
        unit.bulk("counts", UpdateOne({"_id": "profile"}, {"$set": {"there": True}}, upsert=True))

    async def decide_on_absence(unit: UnitOfWork) -> None:
        absent = await database["counts"].find_one({"_id": "profile"}, session=unit.session) is None
        unit.bulk("counts", UpdateOne({"_id": "unmatched"}, {"$set": {"absent": absent}}, upsert=True))

    assert await both_open(database, appear, decide_on_absence) == ["committed"]
    assert (await database["counts"].find_one({"_id": "unmatched"}))["absent"] is True


async def test_a_batch_counts_only_where_it_began(database: Database, toy: Toy) -> None:
    topics = Topics()
    first, second = (topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(2))
    batch = batch_of([first])
    await at_positions(database, batch)
    await toy.on_heard(batch, database, system_now())
    with pytest.raises(StaleError):
        await toy.on_heard(batch, database, system_now())
    await toy.on_heard(batch_of([second]), database, system_now())
    assert await heard(database, "k") == [first.event.id, second.event.id]


async def test_a_batch_of_several_partitions_counts_only_where_it_began_on_each(database: Database, toy: Toy) -> None:
    topics = Topics()
    one, other = (topics.record(HEARD.name, key, "toy.Heard", {}) for key in ("a", "b"))
    assert one.partition != other.partition
    for taken, left in ((one, other), (other, one)):
        batch = batch_of([one, other])
        await database["positions"].delete_many({})
        await at_positions(database, batch)
        elsewhere = {"_id": f"{HEARD.name}-{taken.partition}"}
        await database["positions"].update_one(elsewhere, {"$set": {"next": taken.offset + 1}})
        with pytest.raises(StaleError):
            await toy.on_heard(batch, database, system_now())
        assert await heard(database, left.key) == []


async def test_of_two_owners_of_one_partition_only_the_first_to_commit_counts(database: Database, toy: Toy) -> None:
    batch = batch_of([Topics().record(HEARD.name, "k", "toy.Heard", {})])
    await at_positions(database, batch)
    opened, go = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        opened.set()
        await go.wait()

    slow = Toy(hold=wait)
    frozen = asyncio.create_task(slow.on_heard(batch, database, system_now()))
    await opened.wait()
    with pytest.raises(TransientError):  # what the frozen one has written is locked
        await toy.on_heard(batch, database, system_now())
    go.set()
    await frozen
    with pytest.raises(StaleError):
        await toy.on_heard(batch, database, system_now())
    assert len(await heard(database, "k")) == 1


async def test_a_successor_frees_at_once_what_a_dead_owner_left_open_and_fences_it(
    database: Database, toy: Toy
) -> None:
    record = Topics().record(HEARD.name, "k", "toy.Heard", {})
    part = (record.topic, record.partition)
    await at_positions(database, batch_of([record]))
    opened, wake = asyncio.Event(), asyncio.Event()

    async def freeze() -> None:
        opened.set()
        await wake.wait()

    dead = await database.owner()
    await take_over(database, [part], dead)
    its_batch = batch_of([record], reader=Reader(owner=dead))
    zombie = asyncio.create_task(Toy(hold=freeze).on_heard(its_batch, database, system_now()))
    await opened.wait()

    heir = await database.owner()
    began = asyncio.get_running_loop().time()
    standing = await take_over(database, [part], heir)
    batch = batch_of([record], reader=Reader(owner=heir))
    await repeat(lambda: toy.on_heard(batch, database, system_now()))
    assert asyncio.get_running_loop().time() - began < 3  # without killing: 60 s, the server's limit
    assert standing == {part: 0}

    wake.set()
    with pytest.raises(TransientError):
        await zombie
    assert await heard(database, "k") == [record.event.id]


async def test_who_takes_over_what_it_owns_already_does_not_cut_its_own_work_off(database: Database, toy: Toy) -> None:
    record = Topics().record(HEARD.name, "k", "toy.Heard", {})
    owner = await database.owner()
    await at_positions(database, batch_of([record]))
    await take_over(database, [(record.topic, record.partition)], owner)

    async def assigned_anew() -> None:
        await take_over(database, [(record.topic, record.partition + 1)], owner)
        await take_over(database, [(record.topic, record.partition + 1)], owner)

    toy.hold = assigned_anew
    await toy.on_heard(batch_of([record], reader=Reader(owner=owner)), database, system_now())
    assert await heard(database, "k") == [record.event.id]


async def test_parking_and_a_new_record_of_the_key_cannot_both_commit_unseen(database: Database) -> None:
    """No parked record for this key: a decision on absence, locked by the lane."""
    topics = Topics()
    first = topics.record(HEARD.name, "k", "toy.Heard", {})
    broken, after = Toy(broken={first.event.id}), Toy()
    second = topics.record("toy.whole.v1", "k", "toy.Whole", {}, sequenced=False)
    for record in (first, second):
        await at_positions(database, batch_of([record]))
    opened, go = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        opened.set()
        await go.wait()

    after.hold = wait
    task = asyncio.create_task(after.on_heard(batch_of([second]), database, system_now()))
    await opened.wait()
    with pytest.raises(TransientError):
        await broken.on_heard(batch_of([first]), database, system_now())
    go.set()
    await task
    await broken.on_heard(batch_of([first]), database, system_now())
    assert await heard(database, "k") == [second.event.id]
