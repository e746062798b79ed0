"""Which partitions are ours, where they stand, and under which session."""

import pytest

from eventing import positions
from eventing.batch import Batch, Partition
from eventing.clock import system_now
from eventing.mongo import Database, UpdateOne
from eventing.ownership import Ownership
from eventing.reader import Reader
from eventing.testing import Topics, at_positions, batch_of
from eventing.transient import TransientError
from eventing.unit import UnitOfWork
from tests.eventing.conftest import HEARD


def of_two_partitions() -> Batch:
    topics = Topics()
    return batch_of(topics.record(HEARD.name, key, "toy.Heard", {}) for key in ("a", "b"))


async def owning(database: Database, *partitions: Partition) -> Ownership:
    ownership = Ownership(database, Reader())
    await ownership.begin()
    await ownership.take(partitions)
    return ownership


async def test_a_batch_is_ours_only_where_each_of_its_partitions_is(database: Database) -> None:
    batch = of_two_partitions()
    one, other = batch.began
    assert (await owning(database, one, other)).holds(batch)
    assert not (await owning(database, one)).holds(batch)


async def test_what_stands_elsewhere_is_read_anew_of_our_own_partitions_alone(database: Database) -> None:
    batch = of_two_partitions()
    one, _ = batch.began
    await at_positions(database, batch)
    ownership = await owning(database, one)
    await database["positions"].update_many({}, {"$set": {"next": 7}})
    await ownership.reread(batch)
    assert ownership.next == {one: 7}


async def test_partitions_that_are_taken_from_us_while_we_read_where_they_stand_are_not_ours_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = of_two_partitions()
    ownership, read = await owning(database, *batch.began), positions.read

    async def taken_from_us(*given: object) -> dict[Partition, int]:
        ownership.give()
        return await read(database, batch.began)

    monkeypatch.setattr(positions, "read", taken_from_us)
    await ownership.reread(batch)
    assert ownership.next == {}


async def test_after_a_fault_we_own_by_the_session_that_we_go_on_with(database: Database) -> None:
    """A successor kills the session that it finds: of any other it would not fence us."""
    batch = of_two_partitions()
    ownership = Ownership(database, reader := Reader())
    await ownership.begin()
    await ownership.take(list(batch.began))
    former = reader.owner
    await ownership.renew()
    rows = await database["positions"].find({}).to_list(None)
    assert reader.owner is not None
    assert former is not None
    assert reader.owner.id != former.id
    assert [row["owner"] for row in rows] == [reader.owner.id] * 2


async def test_what_the_former_session_left_open_is_ended_though_it_owned_nothing(database: Database) -> None:
    change = UpdateOne({"_id": "k"}, {"$set": {"n": 1}}, upsert=True)
    ownership = Ownership(database, reader := Reader())
    await ownership.begin()
    with pytest.raises(TransientError):
        async with UnitOfWork.begin(database, Batch.none(), system_now(), reader.owner) as former:
            former.bulk("counts", change)
            await former.write()
            await ownership.renew()
            async with UnitOfWork.begin(database, Batch.none(), system_now(), reader.owner) as unit:
                unit.bulk("counts", change)
                await unit.write()
    assert await database["counts"].count_documents({}) == 1
