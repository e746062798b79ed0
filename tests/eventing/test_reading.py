"""Views read everything as of one moment, and can change nothing."""

import pytest

from eventing.clock import system_now
from eventing.mongo import Database
from eventing.transient import RefusedError
from eventing.unit import UnitOfWork


async def test_a_view_that_began_to_read_sees_nothing_of_what_is_written_afterwards(database: Database) -> None:
    await database["counts"].insert_one({"_id": "k", "at": "first"})
    async with UnitOfWork.reading(database, system_now()) as unit:
        before = await database["counts"].find_one({"_id": "k"}, session=unit.session)
        await database["counts"].update_one({"_id": "k"}, {"$set": {"at": "later"}})
        await database["parked"].insert_one({"key": "k", "n": 1})
        after = await database["counts"].find_one({"_id": "k"}, session=unit.session)
        beside = await database["parked"].find_one({"key": "k"}, session=unit.session)
    assert before == after == {"_id": "k", "at": "first"}
    assert beside is None


async def test_a_view_sees_what_was_acknowledged_before_it_began(database: Database) -> None:
    for number in range(50):
        await database["counts"].update_one({"_id": "k"}, {"$set": {"at": number}}, upsert=True)
        async with UnitOfWork.reading(database, system_now()) as unit:
            assert await database["counts"].find_one({"_id": "k"}, session=unit.session) == {"_id": "k", "at": number}


async def test_a_view_cannot_write(database: Database) -> None:
    with pytest.raises(RefusedError):
        async with UnitOfWork.reading(database, system_now()) as unit:
            await database["counts"].insert_one({"_id": "k"}, session=unit.session)
    assert await database["counts"].count_documents({}) == 0
