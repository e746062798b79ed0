"""The arithmetic of a programme year: deadlines, years, credit."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from contracts import program
from contracts.kinds import SessionKind
from contracts.program import Program, Programs

FOLDER = Path(__file__).parents[2] / "programs"
PACIFIC = ZoneInfo("America/Los_Angeles")


@pytest.fixture(scope="module")
def programs() -> Programs:
    return program.load(FOLDER)


@pytest.fixture(scope="module")
def spring(programs: Programs) -> Program:
    year = programs.year("2023-24")
    assert year is not None
    return year


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=PACIFIC)  # type: ignore[arg-type,misc]


def test_submit_by_april_26_means_before_midnight_in_los_angeles(spring: Program) -> None:
    assert spring.submission_closes == local(2024, 4, 27, 0, 0) == datetime(2024, 4, 27, 7, tzinfo=UTC)
    assert spring.revision_closes == local(2024, 5, 25, 0, 0)
    assert local(2024, 4, 26, 23, 59, 59, 999999) < spring.submission_closes
    assert spring.submission_closes.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("deadline", "closes"),
    [
        (date(2024, 3, 9), datetime(2024, 3, 10, 8, tzinfo=UTC)),  # the night before clocks go forward
        (date(2024, 3, 10), datetime(2024, 3, 11, 7, tzinfo=UTC)),  # the day of 23 hours
        (date(2023, 11, 4), datetime(2023, 11, 5, 7, tzinfo=UTC)),  # the night before clocks go back
        (date(2023, 11, 5), datetime(2023, 11, 6, 8, tzinfo=UTC)),  # the day of 25 hours
    ],
)
def test_a_deadlines_day_ends_at_local_midnight_whatever_the_clocks_do(
    spring: Program, deadline: date, closes: datetime
) -> None:
    year = spring.model_copy(update={"submission_deadline": deadline})
    year = Program.model_validate(year.model_dump())  # without the instants that were computed before
    assert year.submission_closes == closes


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        (datetime(2023, 9, 1, 6, 59, 59, tzinfo=UTC), None),
        (datetime(2023, 9, 1, 7, tzinfo=UTC), "2023-24"),
        (local(2024, 8, 31, 23, 59, 59), "2023-24"),
        (local(2024, 9, 1, 0, 0), "2024-25"),
        (local(2025, 9, 1, 0, 0), None),
    ],
)
def test_a_year_is_found_by_the_local_date(programs: Programs, moment: datetime, year: str | None) -> None:
    found = programs.of(moment)
    assert (found.id if found else None) == year


@pytest.mark.parametrize(
    ("now", "year"),
    [
        (local(2020, 1, 1), "2023-24"),
        (local(2024, 4, 1), "2023-24"),
        (local(2024, 9, 1), "2024-25"),
        (local(2030, 1, 1), "2024-25"),
    ],
)
def test_the_current_year_is_that_of_now_else_the_newest_begun_else_the_first(
    programs: Programs, now: datetime, year: str
) -> None:
    assert programs.current(now).id == year


@pytest.mark.parametrize(
    ("attended", "due"),
    [(0, 0), (29, 0), (59, 0), (60, 60), (75, 60), (89, 60), (90, 90), (91, 90), (119, 90), (120, 90), (1440, 90)],
)
@pytest.mark.parametrize("kind", [SessionKind.ORIENTATION, SessionKind.WORKSHOP])
def test_minutes_attended_lower_the_credit_rounded_down_and_never_raise_it(
    spring: Program, kind: SessionKind, attended: int, due: int
) -> None:
    assert spring.credit(kind, attended) == due
    assert spring.credit(kind.value, attended) == due


def test_each_kind_of_session_has_its_own_minutes(spring: Program) -> None:
    year = spring.model_copy(update={"minutes": spring.minutes.model_copy(update={"workshop": 120})})
    assert (year.credit("orientation", 480), year.credit("workshop", 480)) == (90, 120)


def test_a_whole_session_is_never_rounded_down(spring: Program) -> None:
    year = spring.model_copy(update={"minutes": spring.minutes.model_copy(update={"workshop": 100})})
    assert [year.credit("workshop", attended) for attended in (99, 100, 101)] == [90, 100, 100]


def test_the_catalogue_has_the_known_entries_with_900_minutes(spring: Program) -> None:
    for id_ in ("NEA_TRA1", "NEA_TRA2", "NEA_RP1", "NEA_TPS1", "NEA_EL1", "NEA_COT1"):
        assert (spring.catalogue[id_].minutes, spring.catalogue[id_].eligible) == (900, True)
    title = "Trauma Informed Pedagogy: Creating a Healing Centered Learning Environment"
    assert spring.catalogue["NEA_TRA1"].title == title


def test_the_example_entries_exercise_every_field(spring: Program) -> None:
    examples = [entry for entry in spring.micro_credentials if entry.id.startswith("EX_")]
    assert all(entry.title.startswith("Example: ") for entry in examples)
    assert {entry.minutes for entry in examples} > {900, 1200}
    assert any(entry.url for entry in examples)
    assert any(len(entry.designations) == 2 for entry in examples)
    assert any("Leadership" in entry.designations for entry in examples)
    assert any(not entry.designations and not entry.stacks for entry in examples)
    assert {stack.title for stack in spring.stacks} == {
        "Substitutes",
        "Paraeducators",
        "Early Career Educators",
        "ESAs",
        "STEM renewal",
        "Equity renewal",
        "Teacher Leadership Association Pathway",
    }


def test_one_stack_without_clock_hours_makes_an_entry_not_eligible(spring: Program) -> None:
    assert {entry.id for entry in spring.micro_credentials if not entry.eligible} == {"EX_TLA1", "EX_TLA2"}
    assert "early-career" in spring.catalogue["EX_TLA2"].stacks


def test_renewals_ask_for_15_hours_of_stem_and_of_equity(programs: Programs) -> None:
    assert {listed.id: listed.renewal_minutes for listed in programs.designations} == {
        "STEM": 900,
        "Equity": 900,
        "Leadership": None,
    }


def test_an_entry_is_found_in_the_preferred_year_else_in_the_newest_that_lists_it(
    programs: Programs, spring: Program
) -> None:
    only_spring = programs.catalogue_entry("EX_NONE1")
    assert only_spring is not None
    assert only_spring.minutes == 450
    assert programs.catalogue_entry("EX_AI1", prefer=spring) is not None
    assert programs.catalogue_entry("NEA_TRA1", prefer=spring) is spring.catalogue["NEA_TRA1"]
    assert programs.catalogue_entry("NEA_TRA1") is programs.years[-1].catalogue["NEA_TRA1"]
    assert programs.catalogue_entry("NOT_THERE") is None


def test_the_digest_changes_with_the_content(programs: Programs, spring: Program) -> None:
    assert program.load(FOLDER).digest == programs.digest
    other = Program.model_validate({**spring.model_dump(), "held_alert_days": 15})
    assert other.digest != spring.digest
    assert len({year.digest for year in programs}) == 2
