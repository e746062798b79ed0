"""What the console keeps of the topics."""

from datetime import timedelta
from typing import Any

from contracts import topics
from eventing.batch import Failure
from eventing.clock import system_now
from eventing.reasons import Reason
from services.console.store import RECORDS
from tests.console.conftest import World

AWARDED = "org.washingtonea.ClockHoursAwarded.v1"


async def kept(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await world.database[RECORDS].find({}).sort("_id", 1).to_list(None)
    return found


async def test_each_record_is_kept_with_its_envelope_and_without_its_body(world: World) -> None:
    one = world.record(topics.CLOCKHOURS.name, "E-1", AWARDED, {"educator_id": "E-1", "minutes": 90})
    await world.hear(one)
    (document,) = await kept(world)
    assert document["_id"] == one.place
    assert (document["key"], document["type"], document["event_id"], document["sequence"]) == (
        "E-1",
        AWARDED,
        one.event.id,
        1,
    )
    assert "minutes" not in str(document)


async def test_an_unknown_type_is_kept_like_any_other_and_nothing_parks(world: World) -> None:
    await world.hear(world.record(topics.ENROLLMENT.name, "E-1", "org.example.NeverHeardOf.v7"))
    assert len(await kept(world)) == 1
    assert await world.database["parked"].count_documents({}) == 0


async def test_repeats_and_gaps_are_kept_as_they_stand_on_the_topic(world: World) -> None:
    first = world.record(topics.CLOCKHOURS.name, "E-1", AWARDED)
    world.record(topics.CLOCKHOURS.name, "E-1", AWARDED)  # never seen
    third = world.record(topics.CLOCKHOURS.name, "E-1", AWARDED)
    await world.hear(first)
    await world.database["positions"].delete_many({})
    await world.hear(third)
    assert [one["sequence"] for one in await kept(world)] == [1, 3]
    assert await world.database["parked"].count_documents({}) == 0


async def test_a_record_that_is_read_again_is_the_same_document_again(world: World) -> None:
    one = world.record(topics.CLOCKHOURS.name, "E-1", AWARDED)
    await world.hear(one)
    before = await kept(world)
    await world.database["positions"].delete_many({})  # as after an older backup
    await world.hear(one)
    assert await kept(world) == before


async def test_what_cannot_be_read_goes_to_quarantine_and_the_rest_goes_on(world: World) -> None:
    broken = Failure(topics.PORTAL.name, 0, 0, b"E-1", b"not json", (), system_now(), Reason("not_json"))
    await world.hear(broken, world.record(topics.CLOCKHOURS.name, "E-1", AWARDED))
    (row,) = await world.database["quarantine"].find({}).to_list(None)
    assert (row["_id"], row["reason"]) == (broken.place, "not_json")
    assert len(await kept(world)) == 1


async def test_no_body_is_kept_of_what_cannot_be_read_either_for_erasure_would_not_find_it(world: World) -> None:
    about = b'{"name": "Rosa", "email": "rosa@example.org"'
    await world.hear(Failure(topics.PORTAL.name, 0, 0, b"E-1", about, (), system_now(), Reason("not_json")))
    (row,) = await world.database["quarantine"].find({}).to_list(None)
    assert row["value"] is None


async def test_what_is_older_than_it_would_be_kept_is_not_written_at_all(world: World) -> None:
    await world.hear(world.record(topics.CLOCKHOURS.name, "E-1", AWARDED, at=system_now() - timedelta(days=91)))
    assert await kept(world) == []


async def test_neas_member_id_is_kept_as_a_pseudonym_that_still_finds_its_records(world: World) -> None:
    await world.hear(world.record(topics.INBOX.name, "nea:N-1001", "micro_credential.submitted", {}, sequenced=False))
    (document,) = await kept(world)
    assert "N-1001" not in str(document)
    staff = world.program("staff-key")
    found = (await staff.get("/api/streams", params={"educator": "nea:N-1001"})).json()["items"]
    assert [one["place"] for one in found] == [document["_id"]]


async def test_records_are_counted_by_minute_for_the_overview(world: World) -> None:
    for n in range(3):
        await world.hear(world.record(topics.CLOCKHOURS.name, f"E-{n}", AWARDED))
    await world.console.watch.look()
    seen = (await world.program("staff-key").get("/api/overview")).json()
    assert {one["topic"]: one["last_hour"] for one in seen["topics"]}[topics.CLOCKHOURS.name] == 3


async def test_a_console_made_anew_from_the_topics_shows_the_same(world: World) -> None:
    records = [world.record(topics.CLOCKHOURS.name, f"E-{n % 2}", AWARDED) for n in range(6)]
    await world.hear(*records)
    staff = world.program("staff-key")
    before = (await staff.get("/api/educators/E-1/timeline")).json()["items"]
    for name in (RECORDS, "minutes", "positions"):
        await world.database[name].delete_many({})
    for one in reversed(records):  # partitions come in any order
        await world.database["positions"].delete_many({})
        await world.hear(one)
    assert (await staff.get("/api/educators/E-1/timeline")).json()["items"] == before
