"""Accounts that an earlier state of this version wrote are read as what they are, and written anew as it is done now.

earlier_accounts.json holds what that state told and what its documents were then: bytes of yesterday, never made again.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bson import json_util

from contracts import events
from contracts.event import EventData
from eventing import stored
from services.clockhours.accounts import SCHEMA
from tests.clockhours.builders import ANA, BEN, attended, unmerged
from tests.clockhours.conftest import Clockhours
from tests.clockhours.histories import MOST, history
from tests.clockhours.test_stored import OPTIONS, Shelf

Story = dict[str, Any]
STORIES: Sequence[Story] = json_util.loads(
    Path(__file__).with_name("earlier_accounts.json").read_text(),
    json_options=json_util.JSONOptions(tz_aware=True, tzinfo=OPTIONS.tzinfo),
)


def _told(story: Story) -> list[EventData]:
    facts = [events.read(one["type"], one["data"]) for one in story["told"]]
    return [fact for fact in facts if fact is not None]


def _shelves(story: Story) -> tuple[Shelf, Shelf]:
    """What stood then, and what the same facts leave now."""
    then, now = Shelf(), Shelf()
    then.documents = {document["_id"]: dict(document) for document in story["documents"]}
    for fact in _told(story):
        now.tell(fact)
    return then, now


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("long", [0, 1_000_000])
def test_an_account_of_then_is_the_account_that_the_same_facts_make_now(
    story: Story, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "LONG", long)
    then, now = _shelves(story)
    assert then.documents.keys() == now.documents.keys()
    for id in then.documents:
        assert then.account(id) == now.account(id)


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("long", [0, 1_000_000])
def test_what_comes_next_is_decided_alike_and_leaves_the_whole_document_as_it_is_written_now(
    story: Story, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "LONG", long)
    random = Random(3)
    for _ in range(20):
        then, now = _shelves(story)
        for fact in history([random.randrange(MOST) for _ in range(12)]):
            decided = then.tell(fact)
            assert decided == now.tell(fact), fact
            for id in decided.touched:
                assert then.documents[id]["schema"] == SCHEMA
                assert then.account(id) == now.account(id)


async def test_a_merge_of_then_is_undone_and_the_ledger_goes_on(clockhours: Clockhours) -> None:
    story = STORIES[0]
    await clockhours.given(*_told(story))
    for document in story["documents"]:
        replaced = await clockhours.database["educators"].replace_one({"_id": document["_id"]}, document)
        assert replaced.matched_count == 1
    assert await clockhours.books() == []

    ben = next(document for document in story["documents"] if document["_id"] == BEN)
    assert ben["merged_into"] == ANA
    await clockhours.when(unmerged(BEN, out_of=ANA, number=ben["merge_number"] + 1), attended(ANA, "W9"))
    for id in (ANA, BEN):
        after = await clockhours.database["educators"].find_one({"_id": id})
        assert after is not None
        assert (after["merged_into"], after["schema"]) == (None, SCHEMA)
    assert await clockhours.books() == []
