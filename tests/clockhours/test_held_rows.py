"""Held rows: "one for each eligible micro-credential of the catalogue without an unreversed entry for which a
registration, workshop, submission or decision was ever seen"."""

from itertools import permutations

import pytest

from contracts import events
from contracts.event import EventData
from contracts.kinds import MissingStep
from contracts.program import Programs
from tests.clockhours.builders import (
    ANA,
    TRA1,
    W1,
    Story,
    attended,
    awarded,
    corrected,
    everything,
    nea_registered,
    registered,
    revoked,
    submitted,
    withdrawn,
    years,
)

ALL = [
    MissingStep.ORIENTATION,
    MissingStep.WORKSHOP,
    MissingStep.CLOCK_HOURS_REGISTRATION,
    MissingStep.ON_TIME_SUBMISSION,
    MissingStep.AWARD,
]


@pytest.mark.parametrize(
    ("fact", "taken"),
    [
        (nea_registered(ANA), None),
        (registered(ANA), MissingStep.CLOCK_HOURS_REGISTRATION),
        (withdrawn(ANA), None),
        (attended(ANA), MissingStep.WORKSHOP),
        (submitted(ANA), MissingStep.ON_TIME_SUBMISSION),
        (awarded(ANA), MissingStep.AWARD),
    ],
)
def test_each_of_these_makes_a_row_that_lists_what_is_missing_in_that_order(
    fact: EventData, taken: MissingStep | None
) -> None:
    story = Story()
    story.tell(fact)
    assert story.missing(ANA) == [step for step in ALL if step is not taken]


@pytest.mark.parametrize(
    "fact",
    [
        revoked(ANA),
        events.SessionReserved(educator_id=ANA, session_id=W1, micro_credential_id=TRA1),
        events.ReservationCancelled(educator_id=ANA, session_id=W1, micro_credential_id=TRA1),
    ],
)
def test_a_reservation_or_a_revocation_alone_makes_no_row(fact: EventData) -> None:
    story = Story()
    assert story.tell(fact) == []
    assert story.held(ANA) == {}


def test_a_workshop_corrected_to_nothing_was_seen_all_the_same() -> None:
    story = Story()
    story.tell(attended(ANA), corrected(attended(ANA), minutes=0))
    assert story.missing(ANA) == ALL


def test_a_row_is_told_when_what_is_missing_changes_and_not_otherwise() -> None:
    story = Story()
    assert len(story.tell(registered(ANA))) == 1
    assert story.tell(nea_registered(ANA), registered(ANA, on="2024-01-25")) == []


def test_a_grant_tells_by_itself_that_the_row_is_gone() -> None:
    story = Story()
    story.tell(*everything(ANA)[:-1])
    assert [type(event).__name__ for event in story.tell(awarded(ANA))] == ["ClockHoursAwarded"]


def test_an_award_that_counts_and_a_submission_without_its_first_attempt_is_missing_an_on_time_submission() -> None:
    story = Story()
    story.tell(*everything(ANA)[:3], awarded(ANA))
    assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION]


def two_years(minutes: int) -> Programs:
    """The second year gives these minutes for TRA1, the first 900."""
    old, new = years("2023-24", "2024-25").years
    entries = [e.model_copy(update={"minutes": minutes}) if e.id == TRA1 else e for e in new.micro_credentials]
    changed = new.model_dump() | {"micro_credentials": [e.model_dump() for e in entries]}
    return Programs((old, type(new).model_validate(changed)))


def test_the_minutes_are_the_governing_years_and_before_a_first_attempt_the_current_years() -> None:
    story = Story(programs=two_years(300))
    story.now = story.programs.years[1].starts_at

    story.tell(registered(ANA))
    assert story.held(ANA)[TRA1].minutes == 300
    (told,) = story.tell(submitted(ANA, on="2024-04-20"))
    assert isinstance(told, events.ClockHoursHeld)
    assert told.minutes == 900


def test_of_several_submissions_one_on_time_governs_the_row_and_then_the_earliest() -> None:
    late = submitted(ANA, submission="S-1", on="2024-05-01", on_time=False)
    next_year = submitted(ANA, submission="S-2", on="2025-03-01")
    for order in permutations([late, next_year]):
        story = Story(programs=two_years(300))
        story.tell(*order)
        assert story.held(ANA)[TRA1].minutes == 300, "the first one is late"

    for order in permutations([submitted(ANA, submission="S-3", on="2024-04-01"), next_year]):
        story = Story(programs=two_years(300))
        story.tell(*order)
        assert story.held(ANA)[TRA1].minutes == 900, "both are on time: the earliest"
