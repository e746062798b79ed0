"""The service over its handlers, its database and its HTTP: what the rules decide is kept, published and answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts import events, topics
from contracts.kinds import ConflictKind, MissingStep, SessionKind
from eventing import parking
from eventing.batch import Record
from eventing.http import cursor
from eventing.mongo import Database, InsertOne
from eventing.parking import Handlers
from eventing.reasons import Reason
from eventing.testing import batch_of
from eventing.transient import RefusedError
from services.clockhours import handlers
from services.clockhours.store import INDEXES, Tx
from tests.clockhours.builders import (
    ANA,
    BEN,
    CLIM,
    NOW,
    O1,
    O2,
    S2,
    TRA1,
    TRA2,
    W1,
    W2,
    attended,
    awarded,
    conflict,
    corrected,
    everything,
    merged,
    nea_registered,
    oriented,
    registered,
    revoked,
    submitted,
    unmerged,
)
from tests.clockhours.conftest import READER, Clockhours

EMPTY = {
    "educator_id": "nobody/at all",
    "orientation_completed_at": None,
    "total_minutes": 0,
    "by_designation": {"STEM": 0, "Equity": 0, "Leadership": 0},
    "renewal": [
        {"designation": "STEM", "required_minutes": 900, "earned_minutes": 0},
        {"designation": "Equity", "required_minutes": 900, "earned_minutes": 0},
    ],
    "entries": [],
    "held": [],
    "exceptions": [],
}


async def test_the_whole_way_earns_18_clock_hours(clockhours: Clockhours) -> None:
    await clockhours.when(*everything(ANA))

    record = await clockhours.clock_hours(ANA)
    assert record["educator_id"] == ANA
    assert record["orientation_completed_at"] == "2024-01-10T12:00:00Z"
    assert record["total_minutes"] == 90 + 90 + 900
    assert [entry["kind"] for entry in record["entries"]] == ["orientation", "workshop", "micro_credential"]
    assert record["entries"][2] == {
        "entry_id": record["entries"][2]["entry_id"],
        "kind": "micro_credential",
        "minutes": 900,
        "micro_credential_id": TRA1,
        "session_id": None,
        "designations": ["Equity"],
        "completed_at": "2024-05-10T12:00:00Z",
        "registered_at": "2024-01-20T12:00:00Z",
        "granted_at": "2024-06-01T12:00:00Z",
        "reverses": None,
        "program_year": "2023-24",
    }
    assert record["by_designation"] == {"STEM": 0, "Equity": 900, "Leadership": 0}
    assert record["renewal"][1] == {"designation": "Equity", "required_minutes": 900, "earned_minutes": 900}
    assert (record["held"], record["exceptions"]) == ([], [])
    assert await clockhours.books() == []


async def test_an_id_never_seen_answers_with_zeros(clockhours: Clockhours) -> None:
    assert await clockhours.clock_hours("nobody%2Fat%20all") == EMPTY


async def test_an_entry_with_two_designations_counts_in_full_under_each(clockhours: Clockhours) -> None:
    await clockhours.when(*everything(ANA, CLIM))
    assert (await clockhours.clock_hours(ANA))["by_designation"] == {"STEM": 1200, "Equity": 1200, "Leadership": 0}

    await clockhours.when(revoked(ANA, CLIM))
    record = await clockhours.clock_hours(ANA)
    assert record["by_designation"] == {"STEM": 0, "Equity": 0, "Leadership": 0}
    assert [entry["minutes"] for entry in record["entries"]] == [90, 90, 1200, -1200]
    assert record["entries"][3]["reverses"] == record["entries"][2]["entry_id"]


async def test_the_record_shows_the_orientation_that_counts_now(clockhours: Clockhours) -> None:
    await clockhours.when(attended(ANA, W1))
    assert (await clockhours.clock_hours(ANA))["orientation_completed_at"] is None, "a workshop is none"

    first = oriented(BEN, O1, ended="2024-01-10")
    await clockhours.when(first, oriented(BEN, O2, ended="2024-02-10"))
    assert (await clockhours.clock_hours(BEN))["orientation_completed_at"] == "2024-01-10T12:00:00Z"

    await clockhours.when(corrected(first, minutes=0))
    record = await clockhours.clock_hours(BEN)
    assert record["orientation_completed_at"] == "2024-02-10T12:00:00Z"
    assert (record["total_minutes"], [entry["minutes"] for entry in record["entries"]]) == (90, [90, -90, 90])


async def test_the_record_shows_what_is_held_by_micro_credential_and_which_exceptions_have_not_resolved(
    clockhours: Clockhours,
) -> None:
    await clockhours.when(attended(ANA, W1, opens=None), attended(ANA, W2, opens=TRA2, ended="2024-02-20"))
    await clockhours.when(attended(ANA, W1, opens=TRA1), nea_registered(ANA, "NEA_NEW"))
    record = await clockhours.clock_hours(ANA)
    assert [row["micro_credential_id"] for row in record["held"]] == [TRA1, TRA2]
    assert [(e["kind"], e["status"]) for e in record["exceptions"]] == [("not_in_catalogue", "open")]
    assert len(await clockhours.exceptions(educator_id=ANA)) == 2, "what resolved is on the list"


async def test_an_award_before_the_workshop_waits_for_it(clockhours: Clockhours) -> None:
    await clockhours.given(*everything(ANA)[:2], submitted(ANA))

    await clockhours.when(awarded(ANA))
    (held,) = await clockhours.published()
    assert held == events.ClockHoursHeld(
        educator_id=ANA, micro_credential_id=TRA1, minutes=900, missing=(MissingStep.WORKSHOP,)
    )
    assert (await clockhours.clock_hours(ANA))["held"] == [
        {"micro_credential_id": TRA1, "minutes": 900, "missing": ["workshop"]}
    ]

    await clockhours.when(attended(ANA))
    assert [(event.kind, event.minutes) for event in await clockhours.published()] == [
        ("workshop", 90),
        ("micro_credential", 900),
    ]


async def test_a_record_read_twice_changes_nothing(clockhours: Clockhours) -> None:
    records = clockhours.records(*everything(ANA))
    await clockhours.hear(records)
    await clockhours.published()

    for record in records:  # as after a rewind: the same records at later offsets
        again = clockhours.written.record(record.topic, record.key, record.event.type, record.event.data)
        await clockhours.apply(record.topic, batch_of([_sequenced(again, record)]))
    assert await clockhours.published() == []
    assert (await clockhours.clock_hours(ANA))["total_minutes"] == 1080


def _sequenced(record: Record, original: Record) -> Record:
    return replace(record, event=replace(record.event, sequence=original.event.sequence))


async def test_one_batch_or_many_the_ledger_is_the_same(clockhours: Clockhours) -> None:
    for fact in [*everything(ANA), *everything(BEN), merged(BEN, into=ANA)]:
        await clockhours.when(fact)
    one_by_one = await clockhours.clock_hours(ANA)

    await clockhours.when(*everything("cam"), *everything("dan"), merged("dan", into="cam"))
    at_once = await clockhours.clock_hours("cam")
    assert sorted((e["kind"], e["minutes"]) for e in at_once["entries"]) == sorted(
        (e["kind"], e["minutes"]) for e in one_by_one["entries"]
    )
    assert at_once["total_minutes"] == one_by_one["total_minutes"] == 1080
    assert await clockhours.books() == []


async def test_what_cannot_be_read_parks_its_educator_alone(clockhours: Clockhours) -> None:
    good, bad, behind = clockhours.records(oriented(BEN), oriented(ANA), attended(ANA))
    broken = clockhours.written.record("wea.enrollment.v1", "cam", "org.washingtonea.SomethingNew.v1", {"a": 1})
    await clockhours.hear([good, broken, bad, behind])

    assert (await clockhours.clock_hours(BEN))["total_minutes"] == 90
    assert (await clockhours.clock_hours(ANA))["total_minutes"] == 180
    parked = (await clockhours.get("/admin/parked", "operator")).json()["items"]
    assert [lane["key"] for lane in parked] == ["cam"]


async def test_a_lane_is_read_page_by_page(clockhours: Clockhours) -> None:
    broken, *behind = clockhours.records(*(attended(ANA, f"W-{n}") for n in range(5)))
    await clockhours.hear([replace(broken, event=replace(broken.event, data={"educator_id": ANA})), *behind])
    read = await clockhours.pages(f"/admin/parked/{ANA}", "operator", limit=2)
    assert [len(page["items"]) for page in read] == [2, 2, 1]
    assert [one["event_id"] for page in read for one in page["items"]] == [one.event.id for one in (broken, *behind)]
    assert (await clockhours.get("/admin/parked/nobody", "operator")).status_code == 404


async def test_an_account_that_cannot_be_read_parks_its_educator_alone(clockhours: Clockhours) -> None:
    """Such as one that a newer version wrote, after a step back. It is read for the whole batch, before any record."""
    await clockhours.given(oriented(ANA), oriented(BEN))
    await clockhours.database["educators"].update_one({"_id": ANA}, {"$set": {"conflicts": [{"kind": "unheard_of"}]}})
    records = clockhours.records(attended(ANA), attended(BEN))
    batch = batch_of(records)
    with pytest.raises(ValueError, match="unheard_of"):
        await clockhours.apply(topics.ENROLLMENT.name, batch)
    await clockhours.apply(topics.ENROLLMENT.name, batch.parking(records[0], Reason("bug")))
    assert (await clockhours.clock_hours(BEN))["total_minutes"] == 180
    assert [row["key"] for row in await clockhours.database["parked"].find({}).to_list(None)] == [ANA]


async def test_reading_a_merged_id_answers_with_the_kept_record(clockhours: Clockhours) -> None:
    await clockhours.when(oriented(ANA), registered(ANA), attended(BEN), submitted(BEN), awarded(BEN))
    await clockhours.when(merged(BEN, into=ANA))
    record = await clockhours.clock_hours(BEN)
    assert record == await clockhours.clock_hours(ANA)
    assert record["educator_id"] == ANA
    assert record["total_minutes"] == 1080

    await clockhours.when(unmerged(BEN, out_of=ANA))
    assert (await clockhours.clock_hours(BEN))["total_minutes"] == 90
    assert (await clockhours.clock_hours(ANA))["total_minutes"] == 90
    assert await clockhours.books() == []


async def test_chains_of_merges_are_read_whole_from_any_end(clockhours: Clockhours) -> None:
    await clockhours.when(merged("cam", into=BEN), merged(BEN, into=ANA))
    await clockhours.when(attended("cam", W1), attended(BEN, W2), oriented(ANA))
    for who in (ANA, BEN, "cam"):
        record = await clockhours.clock_hours(who)
        assert (record["educator_id"], record["total_minutes"]) == (ANA, 270)


async def test_the_ledger_refuses_a_second_grant_whatever_the_code_above_does(clockhours: Clockhours) -> None:
    await clockhours.when(oriented(ANA))
    entry = await clockhours.database["entries"].find_one({"educator_id": ANA})
    for changed in ({"_id": "another"}, {"_id": "reversal-1", "reverses": "x"}):
        document = {**entry, **changed}
        if "reverses" in changed:
            del document["generation"]
            await clockhours.database["entries"].insert_one({**document, "_id": "reversal-0"})
        with pytest.raises(RefusedError):
            async with Tx.begin(clockhours.database, batch_of([]), NOW) as tx:
                tx.bulk("entries", InsertOne(document))
                await tx.write()


# -- exceptions over HTTP


async def late(clockhours: Clockhours, who: str = ANA) -> str:
    facts = [*everything(who)[:3], submitted(who, on="2024-04-30", on_time=False), awarded(who)]
    await clockhours.when(*facts)
    (found,) = await clockhours.exceptions(educator_id=who)
    return str(found["exception_id"])


RULING = {"by": "kim", "reason": "NEA's site was down"}


async def test_accepting_a_late_attempt_grants_the_hours_and_is_safe_to_repeat(clockhours: Clockhours) -> None:
    id = await late(clockhours)
    await clockhours.published()

    answer = await clockhours.post(f"/exceptions/{id}/accept", RULING)
    assert answer.status_code == 200
    assert answer.json() == {
        "exception_id": id,
        "kind": "late_attempt",
        "educator_id": ANA,
        "micro_credential_id": TRA1,
        "session_id": None,
        "submission_id": "S-1",
        "attempt": 1,
        "status": "accepted",
        "opened_at": "2024-06-01T12:00:00Z",
        **RULING,
    }
    assert {type(event).__name__ for event in await clockhours.published()} == {
        "ExceptionResolved",
        "ClockHoursAwarded",
    }
    again = await clockhours.post(f"/exceptions/{id}/accept", RULING)
    assert (again.status_code, again.json()) == (200, answer.json())
    assert await clockhours.published() == []

    opposite = await clockhours.post(f"/exceptions/{id}/dismiss", RULING)
    assert (opposite.status_code, opposite.json()["code"]) == (409, "decided_otherwise")
    record = await clockhours.clock_hours(ANA)
    assert record["total_minutes"] == 1080
    assert [(e["status"], e["by"]) for e in record["exceptions"]] == [("accepted", "kim")]
    assert await clockhours.books() == []
    trail = (await clockhours.get("/admin/audit", "operator")).json()["items"]
    assert [(one["action"], one["target"], one["by"]) for one in trail] == [("exception.accepted", id, "kim")]


async def test_only_late_attempts_can_be_accepted(clockhours: Clockhours) -> None:
    await clockhours.when(attended(ANA, W1, opens=None))
    (found,) = await clockhours.exceptions(kind="unallocated")
    refused = await clockhours.post(f"/exceptions/{found['exception_id']}/accept", RULING)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_acceptable")

    assert (await clockhours.post(f"/exceptions/{found['exception_id']}/dismiss", RULING)).status_code == 200
    assert (await clockhours.post(f"/exceptions/{found['exception_id']}/dismiss", RULING)).status_code == 200


async def test_a_case_that_is_opened_again_is_as_nobody_had_said_anything_of_it(clockhours: Clockhours) -> None:
    again = conflict(ANA, ConflictKind.ATTENDANCE_CONFLICT, W2)
    await clockhours.when(again)
    (found,) = await clockhours.exceptions()
    dismissed = await clockhours.post(f"/exceptions/{found['exception_id']}/dismiss", RULING)
    assert dismissed.json() == found | RULING | {"status": "dismissed"}

    await clockhours.when(again)
    assert await clockhours.exceptions() == [found]


async def test_what_resolved_by_itself_leaves_nothing_to_decide(clockhours: Clockhours) -> None:
    await clockhours.when(attended(ANA, W1, opens=None), attended(ANA, W1, opens=TRA1))
    (found,) = await clockhours.exceptions(status="resolved")
    refused = await clockhours.post(f"/exceptions/{found['exception_id']}/dismiss", RULING)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_resolved")


@pytest.mark.parametrize("body", [{}, {"by": "kim"}, {"by": " ", "reason": "x"}, {"by": "kim", "reason": "  "}])
async def test_a_verdict_without_who_and_why_is_refused(clockhours: Clockhours, body: dict[str, str]) -> None:
    id = await late(clockhours)
    assert (await clockhours.post(f"/exceptions/{id}/accept", body)).status_code == 422
    assert (await clockhours.post("/exceptions/nothing/accept", RULING)).status_code == 404


async def test_the_list_is_filtered_and_paged(clockhours: Clockhours) -> None:
    await clockhours.when(attended(ANA, W1, opens=None), conflict(BEN, ConflictKind.ATTENDANCE_CONFLICT, W2))
    clockhours.clock.now += timedelta(minutes=1)
    await clockhours.when(merged(BEN, into=ANA), nea_registered("cam", "NEA_NEW"), attended(ANA, W1, opens=TRA1))

    assert {e["kind"] for e in await clockhours.exceptions()} == {
        "unallocated",
        "attendance_conflict",
        "not_in_catalogue",
    }
    assert [e["kind"] for e in await clockhours.exceptions(status="resolved")] == ["unallocated"]
    assert [e["educator_id"] for e in await clockhours.exceptions(kind="not_in_catalogue")] == ["cam"]
    assert await clockhours.exceptions(kind="not_in_catalogue", educator_id=ANA) == []
    of_ana = await clockhours.exceptions(educator_id=ANA, status="open")
    assert [(e["kind"], e["educator_id"]) for e in of_ana] == [("attendance_conflict", BEN)]

    pages = await clockhours.pages("/exceptions", limit=1)
    assert sorted(e["kind"] for page in pages for e in page["items"]) == [
        "attendance_conflict",
        "not_in_catalogue",
        "unallocated",
    ]
    assert len(pages) == 3, "no empty page at the end"
    assert (await clockhours.get("/exceptions", after="IngiCg==")).status_code == 422  # another list's cursor
    assert (await clockhours.get("/exceptions", status="closed")).status_code == 422
    assert (await clockhours.get("/exceptions", after="nonsense")).status_code == 422


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (None, "/educators/ana/clock-hours", 401),
        ("operator", "/educators/ana/clock-hours", 403),
        ("portal", "/exceptions", 403),
        ("portal", "/exports/2023-24.csv", 403),
        ("staff", "/admin/books", 403),
        ("staff", "/educators/ana/clock-hours", 200),
        ("portal", "/educators/ana/transcript", 404),
    ],
)
async def test_each_role_reads_what_is_its_own(
    clockhours: Clockhours, role: str | None, path: str, status: int
) -> None:
    async with clockhours.asked_by(role) as client:
        assert (await client.get(path)).status_code == status


# -- time and programme


async def test_hours_held_too_long_are_told_once_by_the_clock(clockhours: Clockhours) -> None:
    await clockhours.given(registered(ANA), registered(ANA, TRA2))
    await clockhours.tick()
    assert await clockhours.published() == []

    clockhours.clock.now += timedelta(days=15)
    await clockhours.tick()
    assert [(type(e).__name__, e.kind) for e in await clockhours.published()] == [
        ("ExceptionOpened", "held_too_long"),
        ("ExceptionOpened", "held_too_long"),
    ]
    await clockhours.tick()
    assert await clockhours.published() == []

    await clockhours.when(*everything(ANA))
    assert [e["micro_credential_id"] for e in await clockhours.exceptions(status="open")] == [TRA2]


async def test_a_micro_credential_added_to_the_catalogue_is_evaluated_at_the_next_start(
    clockhours: Clockhours,
) -> None:
    await clockhours.given(*everything(ANA, "NEA_NEW"), *everything(BEN))
    await clockhours.tick()
    assert [e["kind"] for e in await clockhours.exceptions(status="open")] == ["not_in_catalogue"]

    old, new = clockhours.programs.years
    listed = old.catalogue[TRA1].model_copy(update={"id": "NEA_NEW", "minutes": 600})
    content = old.model_dump() | {"micro_credentials": [*old.model_dump()["micro_credentials"], listed.model_dump()]}
    clockhours.programs = type(clockhours.programs)((type(old).model_validate(content), new))
    await clockhours.tick()

    assert (await clockhours.clock_hours(ANA))["total_minutes"] == 780
    assert await clockhours.exceptions(status="open") == []
    assert [type(e).__name__ for e in await clockhours.published()] == ["ClockHoursAwarded", "ExceptionResolved"]
    await clockhours.tick()
    assert await clockhours.published() == []


# -- the books


async def test_the_books_say_what_is_wrong_with_them(clockhours: Clockhours) -> None:
    await clockhours.given(*everything(ANA), *everything(BEN, session=W2, submission=S2))
    assert await clockhours.books() == []
    whole = (await clockhours.get("/admin/books", "operator")).json()
    assert (whole["educators"], whole["entries"], whole["total_minutes"]) == (2, 6, 2160)
    assert [one["problem"] for one in whole["problems"]] == ["outbox_not_empty"], "nobody relays here"

    database = clockhours.database
    await database["entries"].delete_one({"educator_id": ANA, "kind": "workshop"})
    found = {(one["educator_id"], one["problem"]) for one in await clockhours.books()}
    assert found == {(ANA, "account_and_ledger_differ")}

    await database["educators"].update_one({"_id": BEN}, {"$set": {"live": []}})
    found = {(one["educator_id"], one["problem"]) for one in await clockhours.books()}
    assert {(BEN, "due_and_not_granted"), (BEN, "account_and_ledger_differ")} <= found

    await database["educators"].delete_one({"_id": BEN})
    assert (BEN, "entries_without_account") in {(o["educator_id"], o["problem"]) for o in await clockhours.books()}


async def test_the_books_miss_an_account_that_has_no_entries_yet(clockhours: Clockhours) -> None:
    """What was heard of its educator is gone, and so is what will be due."""
    await clockhours.given(registered(ANA))
    assert await clockhours.books() == []
    await clockhours.database["educators"].delete_one({"_id": ANA})
    assert await clockhours.books() == [{"educator_id": ANA, "problem": "account_is_lost", "about": ANA}]


@pytest.mark.parametrize(
    "change", [{"minutes": 1200}, {"designations": ["STEM"]}, {"program_year": "2024-25"}, {"micro_credential_id": "X"}]
)
async def test_the_books_say_which_entry_was_changed(clockhours: Clockhours, change: dict[str, Any]) -> None:
    await clockhours.given(*everything(ANA))
    mine = {"educator_id": ANA, "kind": "micro_credential"}
    await clockhours.database["entries"].update_one(mine, {"$set": change})
    changed = await clockhours.database["entries"].find_one(mine)
    found = [(one["problem"], one["about"]) for one in await clockhours.books()]
    assert changed is not None
    assert found == [("account_and_ledger_differ", changed["_id"])]


async def test_the_books_can_be_looked_at_a_page_at_a_time(clockhours: Clockhours) -> None:
    await clockhours.when(*(oriented(f"e{n}") for n in range(5)), merged("e4", into="e0"))
    pages = await clockhours.pages("/admin/books", "operator", limit=2)
    assert {one["problem"] for page in pages for one in page["problems"]} <= {"outbox_not_empty"}
    assert sum(page["entries"] for page in pages) == 6, "five orientations, and the reversal of the double"


# -- persons


async def test_after_erasure_the_ledger_stays_and_the_name_is_gone(clockhours: Clockhours) -> None:
    profile = events.EducatorProfile(educator_id=ANA, name="Ana María", email="ana@example.org")
    await clockhours.when(profile, *everything(ANA))
    assert (await clockhours.get(f"/educators/{ANA}/transcript")).json()["name"] == "Ana María"

    await clockhours.when(events.EducatorErased(educator_id=ANA))
    assert (await clockhours.get(f"/educators/{ANA}/transcript")).status_code == 410
    assert (await clockhours.get(f"/educators/{ANA}/transcript.pdf")).status_code == 410
    assert (await clockhours.clock_hours(ANA))["total_minutes"] == 1080
    assert await clockhours.database["names"].count_documents({}) == 0
    for collection in INDEXES:
        async for document in clockhours.database[collection].find({}):
            assert "María" not in str(document), collection


async def test_a_tombstone_takes_the_name_away(clockhours: Clockhours) -> None:
    profile = events.EducatorProfile(educator_id=ANA, name="Ana", email="ana@example.org")
    await clockhours.when(profile)
    tombstone = clockhours.written.record("wea.educators.v1", ANA, profile.TYPE, None)
    await clockhours.hear([tombstone])
    assert await clockhours.database["names"].count_documents({}) == 0


async def test_a_tombstone_takes_the_name_out_of_what_is_parked_and_quarantined(clockhours: Clockhours) -> None:
    database, topic, type = clockhours.database, "wea.educators.v1", events.EducatorProfile.TYPE
    named = {"educator_id": ANA, "name": "Ana María", "email": None}

    def said(data: dict[str, Any] | None) -> Record:
        return clockhours.written.record(topic, ANA, type, data)

    await clockhours.hear([said(named), said(named), said({**named, "email": "ana@example.org"})])
    read = Handlers({topic: handlers.on_educators}, (database, clockhours.programs), clockhours.clock, READER)
    await parking.skip(database, ANA, read, reason="sent by mistake")
    assert [await _naming(database, "María", collection) for collection in ("parked", "quarantine")] == [2, 1]

    await clockhours.hear([said(None)])
    assert [await _naming(database, "María", collection) for collection in ("parked", "quarantine")] == [0, 0]
    await parking.skip(database, ANA, read, reason="nobody is meant any more")
    assert await database["parked"].count_documents({}) == 0
    assert await database["names"].count_documents({}) == 0
    await clockhours.hear([said({**named, "email": "ana@example.org"})])
    assert await database["names"].count_documents({}) == 1, "the lane goes on"


@pytest.mark.parametrize(
    ("role", "path", "params"),
    [
        ("staff", "/exceptions", {"limit": "00000000199999"}),
        ("staff", "/exceptions", {"after": cursor(["0001-01-01T00:00:00+23:59", "x"])}),
        ("operator", "/admin/parked", {"after": cursor(2**64 - 1)}),
        ("operator", "/admin/lanes", {"after": cursor([1])}),
        ("operator", "/admin/books", {"after": cursor(2**64 - 1)}),
        ("operator", f"/admin/parked/{ANA}", {"after": cursor(2**64 - 1)}),
        ("operator", f"/admin/parked/{ANA}", {"after": cursor("n")}),
    ],
)
async def test_a_page_that_nobody_gave_is_refused(
    clockhours: Clockhours, role: str, path: str, params: dict[str, str]
) -> None:
    answer = await clockhours.get(path, role, **params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize("said", ['{"n": 18446744073709551616}', '{"n": "\\ud800"}', '{"\\ud800": 1}'])
async def test_data_that_no_event_can_hold_is_refused(clockhours: Clockhours, said: str) -> None:
    (record,) = clockhours.records(attended(ANA))
    await clockhours.hear([replace(record, event=replace(record.event, data={"educator_id": ANA}))])
    async with clockhours.asked_by("operator") as client:
        body, json_ = f'{{"reason": "a test", "data": {said}}}', {"content-type": "application/json"}
        answer = await client.post(f"/admin/parked/{ANA}/edit", content=body, headers=json_)
    assert (answer.status_code, answer.json()["errors"][0]["field"].split(".")[:2]) == (422, ["body", "data"])
    assert await clockhours.database["audit"].count_documents({}) == 0


async def test_a_page_of_the_exceptions_reads_no_more_than_it_shows(clockhours: Clockhours) -> None:
    ground = dict.fromkeys(("micro_credential_id", "session_id", "submission_id", "attempt"))
    rows = [
        {"_id": f"{n:04}", "kind": "unallocated", "educator_id": ANA, **ground}
        | {"status": "open" if n % 2 else "resolved", "opened_at": NOW + timedelta(seconds=n // 7)}
        for n in range(400)
    ]
    await clockhours.database["exceptions"].insert_many(rows)
    for status in ({}, {"status": "open"}):
        wanted = [row["_id"] for row in rows if status.items() <= row.items()]
        async with _read_of(clockhours.database, "exceptions") as read:
            pages = await clockhours.pages("/exceptions", limit=20, **status)
        assert [item["exception_id"] for page in pages for item in page["items"]] == wanted
        assert max(read) <= 21 + 7  # and those of the moment at which the last page ended


async def test_the_timer_of_long_held_hours_looks_at_none_that_staff_were_told_of(clockhours: Clockhours) -> None:
    """Who gave up stays held for good: of those there are more each year."""
    await clockhours.given(*(registered(f"e{n}", TRA1) for n in range(5)))
    clockhours.clock.now += timedelta(days=61)
    await clockhours.tick()
    async with _read_of(clockhours.database, "held") as read:
        await clockhours.tick()
    assert read == [0]


async def test_an_export_reads_the_accounts_that_were_merged_and_no_others(clockhours: Clockhours) -> None:
    await clockhours.given(*(oriented(f"e{n}") for n in range(20)), oriented(ANA), merged("e1", into=ANA))
    async with _read_of(clockhours.database, "educators") as read:
        assert (await clockhours.get("/exports/2023-24.csv")).text.count("\n") == 1 + 21 + 1
    assert sum(read) == 1


@asynccontextmanager
async def _read_of(database: Database, collection: str) -> AsyncIterator[list[int]]:
    """How many documents of a collection each query in between has looked at, by MongoDB's own account."""
    read: list[int] = []
    await database.client[database.name].command("profile", 2)
    try:
        yield read
    finally:
        await database.client[database.name].command("profile", 0)
        query = {"ns": f"{database.name}.{collection}", "op": "query"}
        read += [row["docsExamined"] async for row in database["system.profile"].find(query)]
        await database["system.profile"].drop()


async def _naming(database: Database, word: str, collection: str) -> int:
    return len([row async for row in database[collection].find({}) if word in bytes(row["value"] or b"").decode()])


async def test_moments_are_kept_to_the_microsecond(clockhours: Clockhours) -> None:
    facts = everything(ANA)[:4]
    await clockhours.when(*facts, awarded(ANA, on="2024-05-10T12:00:00.123456"))
    await clockhours.when(revoked(ANA, on="2024-05-10T12:00:00.123455"), corrected(oriented(ANA), minutes=90))
    record = await clockhours.clock_hours(ANA)
    assert record["entries"][2]["completed_at"] == "2024-05-10T12:00:00.123456Z"
    assert record["total_minutes"] == 1080


async def test_titles_are_learned_whenever_they_come(clockhours: Clockhours) -> None:
    await clockhours.when(attended(ANA))
    assert (await clockhours.get(f"/educators/{ANA}/transcript")).json()["entries"][0]["title"] == "WEA Workshop"
    await clockhours.when(
        events.SessionScheduled(
            session_id=W1,
            kind=SessionKind.WORKSHOP,
            title="Ready to submit",
            starts_at=attended(ANA).ended_at,
            ends_at=attended(ANA).ended_at,
        )
    )
    assert (await clockhours.get(f"/educators/{ANA}/transcript")).json()["entries"][0]["title"] == "Ready to submit"
