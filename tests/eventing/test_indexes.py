"""Indexes as a service finds them when it starts."""

import pytest

from eventing.mongo import ASCENDING, Database, Index
from eventing.transient import RefusedError


async def test_how_long_documents_are_kept_may_change_from_start_to_start(database: Database) -> None:
    for seconds in (3600, 7200):
        await database.ensure({"records": (Index((("at", ASCENDING),), expire_seconds=seconds),)})
    indexes = await database["records"].index_information()
    assert indexes["at_1"]["expireAfterSeconds"] == 7200


async def test_a_guard_that_differs_is_named_and_left_as_it_is(database: Database) -> None:
    await database.ensure({"records": (Index.on("learner", "at"),)})
    with pytest.raises(RefusedError, match="the index of records on learner, at is there with other options"):
        await database.ensure({"records": (Index.on("learner", "at", unique=True),)})
    indexes = await database["records"].index_information()
    assert "unique" not in indexes["learner_1_at_1"]
