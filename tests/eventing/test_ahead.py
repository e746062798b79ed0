"""What a unit sends ahead of its commit stands or falls with it."""

import asyncio
from dataclasses import replace

import pytest

from eventing import unit as units
from eventing.batch import Cause, Record
from eventing.clock import system_now
from eventing.lanes import Lanes
from eventing.mongo import Database, UpdateOne
from eventing.reasons import Reason
from eventing.testing import Published, Topics, at_positions, batch_of
from eventing.transient import RefusedError
from eventing.unit import UnitOfWork
from tests.eventing.conftest import COUNTED, HEARD, heard
from tests.waiting import PATIENCE_SECONDS

KEYS = ("ana", "ben")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "AHEAD", 2)


def records(count: int) -> list[Record]:
    topics = Topics()
    return [topics.record(HEARD.name, KEYS[n % 2], "mouth.Heard", {"n": n}) for n in range(count)]


def count(unit: UnitOfWork, record: Record) -> None:
    unit.bulk("counts", UpdateOne({"_id": record.key}, {"$push": {"heard": record.event.id}}, upsert=True))
    unit.publish(COUNTED, "toy.Counted", record.key, {"heard": record.event.id}, record.cause)


async def apply(database: Database, given: list[Record], *, broken: str = "") -> None:
    batch = batch_of(given)
    await at_positions(database, batch)
    async with UnitOfWork.begin(database, batch, system_now()) as unit:
        for record in unit.records():
            with unit.parking(record):
                count(unit, record)
                if record.event.id == broken:
                    raise LookupError
            await unit.ahead()
        await unit.write()


async def standing(database: Database) -> dict[str, int]:
    names = ("counts", "outbox", "lanes", "parked")
    return {name: await database[name].count_documents({}) for name in names}


async def test_events_sent_in_several_goes_are_numbered_as_in_one(database: Database) -> None:
    given = records(9)
    await apply(database, given)
    told = [(e.key, e.sequence, e.data) for e in await Published(database).events()]
    expected = [
        (key, place, {"heard": record.event.id})
        for key in KEYS
        for place, record in enumerate((r for r in given if r.key == key), start=1)
    ]
    assert sorted(told, key=lambda row: row[:2]) == expected


async def test_one_cause_of_many_events_gives_each_an_id_of_its_own(database: Database) -> None:
    async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
        for number in range(5):
            unit.publish(COUNTED, "toy.Counted", "ana", {"n": number}, Cause("one", "/test"))
            await unit.ahead()
        await unit.write()
    assert len({event.id for event in await Published(database).events()}) == 5


async def test_a_record_that_parks_takes_nothing_along_that_has_gone_ahead(database: Database) -> None:
    given = records(8)
    await apply(database, given, broken=given[6].event.id)
    told = {e.data["heard"] for e in await Published(database).events() if e.data}
    assert told == {record.event.id for record in given} - {given[6].event.id}
    assert {*await heard(database, "ana"), *await heard(database, "ben")} == told
    assert (await standing(database))["parked"] == 1


async def test_nothing_is_read_while_something_is_on_its_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session does one thing at a time. Lanes of other keys than the records' are read when events are numbered."""
    load, on_its_way = Lanes.load, []
    async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:

        async def told(lanes: Lanes, keys: set[str]) -> None:
            on_its_way.append(unit._on_its_way is not None and not unit._on_its_way.done())
            await load(lanes, keys)

        monkeypatch.setattr(Lanes, "load", told)
        for number, record in enumerate(records(400)):
            count(unit, replace(record, key=f"{number}"))
            await unit.ahead()
        await unit.write()
    assert True not in on_its_way


async def test_a_unit_that_fails_later_leaves_nothing_of_what_has_gone_ahead(database: Database) -> None:
    async def failing() -> None:
        async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
            for record in records(5):
                count(unit, record)
                await unit.ahead()
            raise LookupError

    with pytest.raises(LookupError):
        await failing()
    assert set((await standing(database)).values()) == {0}


async def test_what_is_refused_on_its_way_refuses_the_unit(database: Database) -> None:
    async def refused() -> None:
        async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
            unit.bulk("counts", UpdateOne({"_id": "ana"}, {"$set": {"much": "x" * (17 * 1024 * 1024)}}, upsert=True))
            await unit.send()
            await unit.write()

    with pytest.raises(RefusedError):
        await refused()
    assert set((await standing(database)).values()) == {0}


async def test_a_unit_cancelled_while_something_is_on_its_way_leaves_nothing_and_frees_its_session(
    database: Database,
) -> None:
    owner = await database.owner()
    sent = asyncio.Event()

    async def unit_of_work() -> None:
        async with UnitOfWork.begin(database, batch_of([]), system_now(), owner) as unit:
            for record in records(400):
                count(unit, record)
            await unit.send()
            sent.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(unit_of_work())
    await asyncio.wait_for(sent.wait(), PATIENCE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set((await standing(database)).values()) == {0}
    async with UnitOfWork.begin(database, batch_of([]), system_now(), owner) as unit:
        count(unit, records(1)[0])
        await unit.write()
    assert (await standing(database))["outbox"] == 1


async def test_a_forced_record_parks_behind_what_has_gone_ahead(database: Database) -> None:
    given = records(6)
    batch = batch_of(given).parking(given[5], Reason("write_refused"))
    await at_positions(database, batch)
    async with UnitOfWork.begin(database, batch, system_now()) as unit:
        for record in unit.records():
            with unit.parking(record):
                count(unit, record)
            await unit.ahead()
        await unit.write()
    assert await standing(database) == {"counts": 2, "outbox": 5, "lanes": 2, "parked": 1}
