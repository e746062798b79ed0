"""An account that is stored, and read no further than a decision asks, is decided as if all of it were at hand."""

from datetime import UTC
from random import Random
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions

from contracts.event import EventData
from eventing import stored
from eventing.stored import opened
from services.clockhours import policy
from services.clockhours.accounts import HISTORY, account_of, changes, is_earlier
from services.clockhours.learning import about
from services.clockhours.state import Account, Decision
from services.clockhours.stored import Form
from tests.clockhours.builders import (
    ANA,
    NOW,
    PROGRAMS,
    TRA1,
    attended,
    awarded,
    everything,
    oriented,
    registered,
    revoked,
    submitted,
)
from tests.clockhours.conftest import Clockhours
from tests.clockhours.histories import MOST, history, interleaved, with_repeats

HISTORIES, EVENTS = 60, 44
OPTIONS: CodecOptions[Any] = CodecOptions(tz_aware=True, tzinfo=UTC)


class Shelf:
    """Accounts as MongoDB would keep them."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}

    def tell(self, fact: EventData) -> Decision:
        before = {id: self.account(id) for id in self.documents}
        roots = {policy.root_of(id, before) for id in about(fact)}
        joined = {id: account for id, account in before.items() if policy.root_of(id, before) in roots}
        decision = policy.decide(joined, fact, PROGRAMS, NOW)
        for id in decision.touched:
            was_earlier = id in self.documents and is_earlier(self.documents[id])
            written = bson.encode(changes(before.get(id), decision.accounts[id], was_earlier=was_earlier))
            self.documents.setdefault(id, {"_id": id}).update(bson.decode(written, OPTIONS))
        return decision

    def account(self, id: str) -> Account:
        return account_of(opened(bson.encode(self.documents[id]), HISTORY, OPTIONS))


def test_any_history_is_decided_from_what_is_stored_as_from_what_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(9)
    for _ in range(HISTORIES):
        facts = history([random.randrange(MOST) for _ in range(EVENTS)])
        long, short = Shelf(), Shelf()
        for fact in with_repeats(interleaved(facts, random), random):
            with monkeypatch.context() as all_long:
                all_long.setattr(stored, "LONG", 0)
                decided = long.tell(fact)
            assert decided == short.tell(fact), fact
        for id in short.documents:
            assert long.account(id) == short.account(id)


@pytest.mark.parametrize(
    "fact", [registered(ANA, "NEA_NEW"), awarded(ANA, "NEA_20"), attended(ANA, "W-20", opens="NEA_20")]
)
def test_the_rows_that_are_read_for_a_fact_do_not_grow_with_the_history(
    fact: EventData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "LONG", 0)
    read: list[Any] = []
    values = Form.values

    def counted(form: Form[Any, Any], rows: Any) -> dict[Any, Any]:
        found = list(rows)
        read.extend(found)
        return values(form, found)

    counts = []
    for length in (30, 90):
        shelf = Shelf()
        shelf.tell(oriented(ANA))
        for number in range(10, length):
            for one in everything(ANA, f"NEA_{number}", session=f"W-{number}", submission=f"S-{number}")[1:]:
                shelf.tell(one)
        with monkeypatch.context() as counting:
            counting.setattr(Form, "values", counted)
            shelf.tell(fact)
        counts.append(len(read))
        read.clear()
    assert counts[0] == counts[1] < 20


def test_a_row_that_only_names_what_is_asked_for_is_not_taken_for_all_that_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored, "LONG", 0)
    shelf = Shelf()
    for fact in (submitted(ANA, TRA1, "S-1"), submitted(ANA, TRA1, "CLIM")):  # a submission that is called CLIM
        shelf.tell(fact)
    attempts = shelf.account(ANA).attempts
    assert attempts.get("CLIM") is None
    assert len(attempts[TRA1]) == 2


async def test_a_long_history_is_read_and_written_in_parts(clockhours: Clockhours) -> None:
    many = [attended(ANA, f"W-{number}", opens=TRA1, minutes=60) for number in range(40)]
    await clockhours.given(oriented(ANA), *many)
    (document,) = await clockhours.database["educators"].find({}).to_list(None)
    assert len(bson.encode(document)) > stored.LONG

    await clockhours.when(attended(ANA, "W-7", opens=TRA1, minutes=0), revoked(ANA, TRA1))
    assert len(await clockhours.published()) == 1, "the hours of W-7 are taken back"
    (after,) = await clockhours.database["educators"].find({}).to_list(None)
    assert sorted(row["ses"] for row in after["attendances"]) == sorted(row["ses"] for row in document["attendances"])
    gone = [row for row in document["live"] if row["ses"] == "W-7"]
    assert [row for row in document["live"] if row not in after["live"]] == gone
    assert await clockhours.books() == []
