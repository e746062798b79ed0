"""When the programme changes, or the plan of a session that many attended, everyone is judged again, once, in steps."""

from pathlib import Path

import orjson
import pytest

from contracts import events, program
from contracts.program_year import Programs
from services.enrollment import gathering, timers
from services.enrollment.store import find_attended
from services.enrollment.timers import Attendees, Review
from tests.enrollment.builders import (
    ANA,
    BEN,
    CAM,
    NOW,
    PSEUDONYMS,
    W1,
    attended,
    cancelled,
    corrected,
    hours_registered,
    merged,
    profile,
    reviewed,
    scheduled,
    submitted,
    years,
)
from tests.enrollment.conftest import Enrollment


def review(enrollment: Enrollment, *files: str) -> Review:
    return Review(enrollment.database, years(*files), PSEUDONYMS, lambda: NOW)


def attendees(enrollment: Enrollment) -> Attendees:
    return Attendees(enrollment.database, enrollment.programs, PSEUDONYMS, lambda: NOW)


async def finish(work: Review | Attendees) -> int:
    steps = 1
    while await work.run():
        steps += 1
    return steps


async def test_a_year_loaded_later_resolves_its_exceptions(enrollment: Enrollment) -> None:
    enrollment.programs = years("2023-24")
    await enrollment.when(attended(ANA, ended="2024-11-10"), attended(BEN, ended="2024-11-10"), merged(ANA, CAM))
    assert "ConflictOpened" in await enrollment.names()
    await finish(review(enrollment, "2023-24", "2024-25"))
    assert await enrollment.names() == ["WorkshopAttended", "ConflictResolved"] * 2


async def test_a_year_that_is_loaded_no_more_takes_nothing_back_that_was_told_by_it(enrollment: Enrollment) -> None:
    """Or whoever puts the new year's file in the place of the old one's takes back a year of the ledger."""
    revised = submitted(attempt=2, on="2024-05-10")
    await enrollment.given(profile(ANA, nea_member_id="N-1"), attended(), submitted(), revised, reviewed(attempt=2))

    await finish(review(enrollment, "2024-25"))
    enrollment.programs = years("2024-25")
    await enrollment.when(hours_registered())  # any reason to look again

    assert await enrollment.names() == ["ConflictOpened", "ClockHoursRegistered"]


async def test_other_minutes_in_the_file_leave_what_was_told_and_hold_from_then_on(
    enrollment: Enrollment, tmp_path: Path
) -> None:
    """Granted entries keep the values that they were granted with, those of a correction without effect too."""
    await enrollment.given(attended(ANA), attended(BEN), attended("E-dee", minutes=95), corrected("E-dee", minutes=100))
    folder = Path(__file__).parents[2] / "programs"
    changed = tmp_path / "2023-24.toml"
    changed.write_text((folder / "2023-24.toml").read_text().replace("workshop = 90", "workshop = 60"))
    enrollment.programs = Programs((program.read(changed),))

    await finish(Review(enrollment.database, enrollment.programs, PSEUDONYMS, lambda: NOW))
    assert await enrollment.names() == []

    await enrollment.when(attended(CAM), corrected(BEN, minutes=80))
    told = await enrollment.published()
    minutes = {
        one.key: one.minutes for one in told if isinstance(one, events.WorkshopAttended | events.AttendanceCorrected)
    }
    assert minutes == {CAM: 60, BEN: 60}


async def test_a_correction_below_what_was_told_holds_though_its_year_is_loaded_no_more(
    enrollment: Enrollment,
) -> None:
    await enrollment.given(attended(ANA), attended(BEN))
    await finish(review(enrollment, "2024-25"))
    assert await enrollment.names() == ["ConflictOpened"] * 2

    enrollment.programs = years("2024-25")
    await enrollment.when(corrected(ANA, minutes=0), corrected(BEN, minutes=100))

    told = [(one.key, type(one).__name__) for one in await enrollment.published()]
    assert told == [(ANA, "AttendanceCorrected"), (ANA, "ConflictResolved")]


async def test_the_same_programme_is_not_gone_through_again(enrollment: Enrollment) -> None:
    await enrollment.given(attended())
    await finish(review(enrollment, "2023-24"))
    assert await review(enrollment, "2023-24").run() is False
    assert await enrollment.published() == []


async def test_it_goes_in_steps_and_continues_where_it_was(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "AT_ONCE", 2)
    enrollment.programs = years("2023-24")
    await enrollment.given(*(attended(f"E-{number}", ended="2024-11-10") for number in range(5)))
    first = review(enrollment, "2023-24", "2024-25")
    assert await first.run() is True
    assert await finish(review(enrollment, "2023-24", "2024-25")) == 2
    assert (await enrollment.names()).count("WorkshopAttended") == 5


async def test_what_is_right_already_is_left_alone(enrollment: Enrollment) -> None:
    await enrollment.given(attended(), hours_registered())
    before = await enrollment.document("educators", ANA)
    await finish(review(enrollment, "2023-24", "2024-25"))
    assert await enrollment.document("educators", ANA) == before


WHO = [f"E-{number}" for number in range(5)]


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_ATTENDED", 4)
    monkeypatch.setattr(timers, "AT_ONCE", 2)


@pytest.mark.usefixtures("few_at_once")
async def test_a_plan_for_more_than_one_unit_can_judge_reaches_everyone_in_steps(enrollment: Enrollment) -> None:
    await enrollment.given(scheduled(), *(attended(who) for who in WHO), merged(ANA, WHO[0]))
    plan = cancelled()
    await enrollment.when(plan)
    assert await enrollment.names() == ["SessionCancelled"]
    under_way = ["session W-1: those who attended are being judged by its new plan"]
    assert (await enrollment.books())["problems"] == under_way
    assert await finish(attendees(enrollment)) == 4
    assert (await enrollment.books())["problems"] == []
    rows = [orjson.loads(row["value"]) async for row in enrollment.database["outbox"].find({})]
    told = [(row["partitionkey"], row["type"].split(".")[2]) for row in rows if row["causationid"] == plan.id]
    kinds = ("AttendanceCorrected", "ConflictOpened")
    assert sorted(told) == sorted([(W1, "SessionCancelled"), *((who, kind) for who in WHO for kind in kinds)])
    assert len({row["id"] for row in rows}) == len(rows)
    assert (await enrollment.document("sessions", W1))["judged_to"] is None


@pytest.mark.usefixtures("few_at_once")
async def test_a_plan_that_comes_while_another_is_worked_off_is_the_one_that_holds(enrollment: Enrollment) -> None:
    await enrollment.given(scheduled(), *(attended(who) for who in WHO))
    await enrollment.when(cancelled(said_at="2024-03-01T10:00"))
    work = attendees(enrollment)
    await work.run()
    await enrollment.when(scheduled(said_at="2024-03-01T11:00"))
    await finish(work)
    steps = [dict(row["told"]["steps"])[W1] async for row in enrollment.database["educators"].find({})]
    assert [step["minutes"] for step in steps] == [90] * 5


@pytest.mark.usefixtures("few_at_once")
async def test_who_attends_in_the_same_batch_is_found_as_well(enrollment: Enrollment) -> None:
    await enrollment.when(scheduled(), *(attended(who) for who in WHO[:3]), cancelled())
    told = await enrollment.published()
    assert {one.key for one in told if type(one).__name__ == "AttendanceCorrected"} == set(WHO[:3])


async def test_a_state_from_before_finds_who_attended(enrollment: Enrollment) -> None:
    await enrollment.given(scheduled(), attended(ANA), attended(BEN, "W-2"), hours_registered(CAM))
    await enrollment.database["educators"].update_many({}, {"$unset": {"attended": ""}})
    await find_attended(enrollment.database)
    await find_attended(enrollment.database)
    rows = {row["_id"]: row.get("attended") async for row in enrollment.database["educators"].find({})}
    assert rows == {ANA: [W1], BEN: ["W-2"], CAM: None}
