"""Orientation and workshops: "Orientation: 90 minutes, once per educator. Workshop: 90 minutes for each session"."""

from contracts import events
from contracts.kinds import EntryKind, ExceptionKind
from tests.clockhours.builders import ANA, O1, O2, TRA1, TRA2, W1, W2, Story, at, attended, corrected, oriented

ORIENTATION, WORKSHOP = EntryKind.ORIENTATION, EntryKind.WORKSHOP


def test_an_orientation_is_granted_with_the_values_of_its_session() -> None:
    story = Story()

    (told,) = story.tell(oriented(ANA, O1, ended="2024-01-10T18:30"))

    assert isinstance(told, events.ClockHoursAwarded)
    assert (told.kind, told.minutes, told.session_id, told.micro_credential_id) == ("orientation", 90, O1, None)
    assert told.completed_at == at("2024-01-10T18:30")
    assert told.granted_at == story.now, "nothing is back-dated"
    assert told.program_year == "2023-24"
    assert told.designations == ()
    assert told.registered_at is None


def test_an_orientation_is_for_no_micro_credential_whatever_it_was_told_with() -> None:
    story = Story()
    story.tell(events.OrientationCompleted.model_validate(oriented(ANA).model_dump() | {"micro_credential_id": TRA1}))
    (entry,) = story.live(ANA)
    assert entry.micro_credential_id is None
    assert story.held(ANA) == {}


def test_the_orientation_counts_once_per_educator() -> None:
    story = Story()
    story.tell(oriented(ANA, O1))

    assert story.tell(oriented(ANA, O2), oriented(ANA, O1)) == []
    assert story.minutes(ANA) == 90


def test_of_several_orientations_the_first_that_was_granted_counts_though_another_ended_earlier() -> None:
    story = Story()
    story.tell(oriented(ANA, O2, ended="2024-03-10"), oriented(ANA, O1, ended="2024-01-10"))

    assert [entry.session_id for entry in story.live(ANA)] == [O2]


def test_one_already_granted_is_never_swapped_or_topped_up() -> None:
    story = Story()
    story.tell(oriented(ANA, O2, minutes=60, ended="2024-03-10"), oriented(ANA, O1, minutes=90, ended="2024-01-10"))

    assert [(entry.session_id, entry.minutes) for entry in story.live(ANA)] == [(O2, 60)]


def test_when_the_counted_orientation_is_reversed_the_next_that_ended_earliest_is_granted() -> None:
    story = Story()
    counted = oriented(ANA, O1, ended="2024-02-01")
    story.tell(counted, oriented(ANA, "O3", ended="2024-01-20"), oriented(ANA, O2, ended="2024-01-10"))

    reversed_, granted = story.tell(corrected(counted, minutes=0))

    assert isinstance(reversed_, events.ClockHoursReversed)
    assert reversed_.minutes == -90
    assert isinstance(granted, events.ClockHoursAwarded)
    assert granted.session_id == O2
    assert story.minutes(ANA) == 90


def test_a_workshop_is_granted_for_each_session_attended() -> None:
    story = Story()
    story.tell(attended(ANA, W1, opens=TRA1), attended(ANA, W2, opens=TRA1))

    assert story.subjects(ANA) == [(WORKSHOP, W1), (WORKSHOP, W2)]
    assert all(entry.designations == () for entry in story.live(ANA))
    assert all(entry.micro_credential_id == TRA1 for entry in story.live(ANA))


def test_a_workshop_told_again_grants_nothing_more() -> None:
    story = Story()
    story.tell(attended(ANA, W1))

    assert story.tell(attended(ANA, W1)) == []
    assert story.minutes(ANA) == 90


def test_a_workshop_corrected_to_fewer_minutes_is_reversed_and_granted_anew() -> None:
    story = Story()
    fact = attended(ANA, W1)
    story.tell(fact)

    story.tell(corrected(fact, minutes=60))

    assert [entry.minutes for entry in story.entries] == [90, -90, 60]
    assert story.minutes(ANA) == 60


def test_a_workshop_corrected_to_nothing_is_reversed_and_closes_the_way() -> None:
    story = Story()
    fact = attended(ANA, W1, opens=TRA1)
    story.tell(fact)
    assert "workshop" not in story.missing(ANA)

    story.tell(corrected(fact, minutes=0))

    assert story.minutes(ANA) == 0
    assert "workshop" in story.missing(ANA)


def test_naming_another_micro_credential_takes_the_way_from_the_first_and_leaves_the_workshops_hours_alone() -> None:
    story = Story()
    story.tell(attended(ANA, W1, opens=TRA1), attended(ANA, W2, opens=TRA2))

    told = story.tell(attended(ANA, W1, opens=TRA2))

    assert [type(event).__name__ for event in told] == ["ClockHoursHeld"], "no entry is touched"
    assert story.minutes(ANA) == 180
    assert set(story.held(ANA)) == {TRA2}


def test_a_workshop_that_names_none_is_granted_and_waits_as_unallocated_until_one_is_named() -> None:
    story = Story()
    story.tell(attended(ANA, W1, opens=None))

    assert story.minutes(ANA) == 90
    assert story.open(ANA) == [ExceptionKind.UNALLOCATED]
    assert story.held(ANA) == {}, "never guess"

    story.tell(attended(ANA, W1, opens=TRA1))
    assert story.open(ANA) == []
    assert "workshop" not in story.missing(ANA)


def test_a_workshop_that_grants_nothing_any_more_waits_for_no_allocation() -> None:
    story = Story()
    fact = attended(ANA, W1, opens=None)
    story.tell(fact, corrected(fact, minutes=0))
    assert story.open(ANA) == []


def test_a_session_is_governed_by_the_year_of_its_end() -> None:
    story = Story()
    # 2024-08-31 23:30 and 2024-09-01 00:30 in Washington
    story.tell(attended(ANA, W1, ended="2024-09-01T06:30"), attended(ANA, W2, ended="2024-09-01T07:30"))

    assert [entry.program_year for entry in story.live(ANA)] == ["2023-24", "2024-25"]


def test_a_session_in_no_loaded_year_grants_nothing_and_is_a_case_for_staff() -> None:
    story = Story()
    story.tell(attended(ANA, W1, ended="2019-05-01"))

    assert story.minutes(ANA) == 0
    assert story.open(ANA) == [ExceptionKind.NO_PROGRAM_YEAR]
