"""Sessions: which attendances do their step, and what is told of them."""

from dataclasses import replace
from typing import Any

import pytest

from contracts import events
from contracts.kinds import ConflictKind, SessionKind
from services.enrollment.state import MOST_DISPUTES, Outcome
from tests.enrollment.builders import (
    ANA,
    O1,
    PROGRAMS,
    TRA1,
    TRA2,
    W1,
    Story,
    at,
    attended,
    cancelled,
    corrected,
    names,
    oriented,
    reserved,
    scheduled,
    unreserved,
    years,
)


def workshop(
    minutes: int = 90, opens: str | None = TRA1, attended_minutes: int | None = None
) -> events.WorkshopAttended:
    return events.WorkshopAttended(**_attendance(minutes, opens, attended_minutes))


def correction(
    minutes: int, opens: str | None = TRA1, attended_minutes: int | None = None, reason: str | None = "Sign-in sheet"
) -> events.AttendanceCorrected:
    return events.AttendanceCorrected(**_attendance(minutes, opens, attended_minutes), reason=reason)


def _attendance(minutes: int, opens: str | None, attended_minutes: int | None) -> dict[str, Any]:
    return {
        "educator_id": ANA,
        "session_id": W1,
        "kind": SessionKind.WORKSHOP,
        "minutes": minutes,
        "attended_minutes": minutes if attended_minutes is None else attended_minutes,
        "ended_at": at("2024-02-10"),
        "micro_credential_id": opens,
    }


def conflict(kind: ConflictKind, session: str | None = W1) -> events.ConflictOpened:
    return events.ConflictOpened(educator_id=ANA, kind=kind, session_id=session)


def resolved(kind: ConflictKind) -> events.ConflictResolved:
    return events.ConflictResolved(educator_id=ANA, kind=kind, session_id=W1)


def test_an_attended_orientation_is_completed() -> None:
    (told,) = Story().hear(oriented())
    assert told == events.OrientationCompleted(
        educator_id=ANA,
        session_id=O1,
        kind=SessionKind.ORIENTATION,
        minutes=90,
        attended_minutes=90,
        ended_at=at("2024-01-10"),
    )


@pytest.mark.parametrize(("minutes", "credit"), [(90, 90), (300, 90), (89, 60), (75, 60), (60, 60)])
def test_minutes_attended_lower_the_credit_rounded_down_and_never_raise_it(minutes: int, credit: int) -> None:
    assert Story().hear(attended(minutes=minutes)) == [workshop(credit, attended_minutes=minutes)]


def test_under_sixty_minutes_the_step_is_not_done_and_nothing_is_told() -> None:
    story = Story()
    assert story.hear(attended(minutes=59)) == []
    assert story.told().steps[W1].minutes == 0  # but it is on the record


def test_a_second_attendance_with_other_content_changes_nothing_and_opens_a_conflict() -> None:
    story = Story(attended(minutes=90))
    assert story.hear(attended(minutes=60)) == [conflict(ConflictKind.ATTENDANCE_CONFLICT)]
    assert story.told().steps[W1].minutes == 90


def test_the_same_conflicting_attendance_again_is_a_duplicate() -> None:
    story = Story(attended(minutes=90), attended(minutes=60))
    assert story.hear(attended(minutes=60)) == []
    assert story.outcome is Outcome.DUPLICATE


def test_of_attendances_that_contradict_the_first_ten_are_kept() -> None:
    story = Story(attended(minutes=90), *(attended(minutes=minutes) for minutes in range(MOST_DISPUTES)))
    assert story.hear(attended(minutes=89)) == []
    assert len(story.educator().disputes[W1]) == MOST_DISPUTES


def test_the_same_attendance_under_another_id_is_a_duplicate() -> None:
    story = Story(attended())
    assert story.hear(attended()) == []
    assert story.outcome is Outcome.DUPLICATE


def test_a_correction_changes_the_minutes_due() -> None:
    assert Story(attended()).hear(corrected(minutes=60)) == [correction(60)]


def test_a_correction_to_zero_revokes() -> None:
    assert Story(attended()).hear(corrected(minutes=0)) == [correction(0)]


def test_a_correction_that_leaves_the_credit_alone_is_not_told() -> None:
    assert Story(attended(minutes=90)).hear(corrected(minutes=95)) == []


def test_what_an_attendance_names_is_told_after_it_ceased_to_do_its_step_too() -> None:
    """Else what it named by mistake would be named for good, where the corrections come in the other order."""
    story = Story(attended(), corrected(minutes=0, said_at="2024-03-02"))
    assert story.hear(corrected(minutes=90, opens=TRA2, said_at="2024-03-01")) == [correction(0, TRA2)]
    assert story.hear(corrected(minutes=0, opens=None, said_at="2024-03-03")) == [correction(0, None)]


def test_what_an_earlier_build_told_of_an_attendance_is_corrected_as_well() -> None:
    """It has not stored that it told; the minutes that it told say so."""
    story = Story(attended())
    educator = story.educator()
    step = replace(educator.told.steps[W1], was_told=False)
    story.world.put(replace(educator, told=replace(educator.told, steps={W1: step})))
    assert story.hear(corrected(minutes=0)) == [correction(0)]


def test_what_an_attendance_names_that_never_did_its_step_is_not_told() -> None:
    story = Story(attended(minutes=30))
    assert story.hear(corrected(minutes=30, opens=TRA2)) == []


def test_an_attendance_that_comes_to_do_its_step_is_told_again() -> None:
    story = Story(attended(), corrected(minutes=0))
    assert story.hear(corrected(minutes=90)) == [workshop()]


def test_a_correction_before_its_attendance_waits_for_it() -> None:
    story = Story()
    assert story.hear(corrected(minutes=60)) == []
    assert story.hear(attended(minutes=90)) == [workshop(60)]


def test_of_two_corrections_the_newest_gives_the_minutes_whatever_the_arrival() -> None:
    story = Story(attended(), corrected(minutes=60, said_at="2024-03-02"))
    assert story.hear(corrected(minutes=0, said_at="2024-03-01")) == []
    assert story.outcome is Outcome.SUPERSEDED


def test_a_correction_without_the_field_leaves_the_micro_credential() -> None:
    story = Story(attended(), corrected(minutes=90, opens=TRA2))
    story.hear(corrected(minutes=60))
    assert story.told().steps[W1].micro_credential_id == TRA2


def test_an_older_correction_that_alone_has_the_field_still_names_the_micro_credential() -> None:
    story = Story(attended(), corrected(minutes=60, said_at="2024-03-02"))
    assert story.hear(corrected(minutes=0, opens=TRA2, said_at="2024-03-01")) == [workshop(60, TRA2)]


def test_naming_another_micro_credential_is_told_as_the_same_event_again() -> None:
    assert Story(attended()).hear(corrected(minutes=90, opens=TRA2)) == [workshop(opens=TRA2)]


def test_null_clears_the_micro_credential_and_then_the_reservation_does_not_apply() -> None:
    story = Story(reserved(opens=TRA2), attended(opens=None))
    assert story.hear(corrected(minutes=90, opens=None)) == [workshop(opens=None)]


def test_where_the_attendance_names_none_the_reservation_does_whichever_came_first() -> None:
    before = Story(reserved(opens=TRA2), attended(opens=None))
    after = Story(attended(opens=None), reserved(opens=TRA2))
    assert before.told().steps[W1].micro_credential_id == TRA2
    assert after.told().steps[W1].micro_credential_id == TRA2


def test_a_cancelled_reservation_names_nothing() -> None:
    story = Story(reserved(opens=TRA2), attended(opens=None))
    told = story.hear(unreserved())
    assert names(told) == ["WorkshopAttended", "ReservationCancelled"]
    assert story.told().steps[W1].micro_credential_id is None


def test_a_reservation_that_is_older_than_its_cancellation_is_superseded() -> None:
    story = Story(unreserved(said_at="2024-03-02"))
    assert story.hear(reserved(said_at="2024-03-01")) == []
    assert story.outcome is Outcome.SUPERSEDED


def test_attendance_at_a_session_never_scheduled_counts() -> None:
    assert Story().hear(attended()) == [workshop()]


def test_attendance_at_a_cancelled_session_has_no_hours() -> None:
    assert Story(cancelled()).hear(attended()) == [conflict(ConflictKind.SESSION_CONFLICT)]


def test_attendance_of_another_kind_than_scheduled_has_no_hours() -> None:
    assert Story(scheduled(kind="orientation")).hear(attended()) == [conflict(ConflictKind.SESSION_CONFLICT)]


def test_cancelling_a_session_later_takes_its_hours_back_until_it_is_planned_anew() -> None:
    story = Story(scheduled(), attended())
    told = story.hear(cancelled())
    assert told[1:] == [correction(0, attended_minutes=90, reason=None), conflict(ConflictKind.SESSION_CONFLICT)]
    told = story.hear(scheduled())
    assert told[1:] == [workshop(), resolved(ConflictKind.SESSION_CONFLICT)]


def test_a_cancellation_that_is_older_than_the_plan_changes_nothing() -> None:
    story = Story(scheduled(said_at="2024-02-02"), attended())
    assert story.hear(cancelled(said_at="2024-02-01")) == []
    assert story.outcome is Outcome.SUPERSEDED


def test_a_revoked_attendance_at_a_cancelled_session_contradicts_nothing() -> None:
    story = Story(cancelled(), attended())
    assert story.hear(corrected(minutes=0)) == [resolved(ConflictKind.SESSION_CONFLICT)]


def test_a_session_is_told_whole_and_only_when_it_changes() -> None:
    story = Story()
    plan = scheduled(location="Room 1")
    assert names(story.hear(plan)) == ["SessionScheduled"]
    assert story.hear(plan.later()) == []
    (told,) = story.hear(plan.later(hours=2, location=None))
    assert isinstance(told, events.SessionScheduled)
    assert told.location is None  # absent is cleared


def test_a_date_that_no_year_holds_does_no_step_until_its_year_is_loaded() -> None:
    story = Story(attended(ended="2024-11-10"), programs=years("2023-24"))
    (open_case,) = story.told().conflicts
    assert open_case.kind is ConflictKind.NO_PROGRAM_YEAR
    assert story.told().steps[W1].minutes == 0
    story.programs = years("2023-24", "2024-25")
    told = story.hear(reserved(session="W-other"))  # any reason to look again
    assert names(told) == ["WorkshopAttended", "SessionReserved", "ConflictResolved"]


def test_beyond_five_hundred_sessions_nothing_is_taken_in_and_staff_see_it() -> None:
    story = Story()
    assert set(names(story.hear(*(reserved(session=f"W-{number}") for number in range(500))))) == {"SessionReserved"}
    assert story.hear(attended(session="W-more")) == [
        events.ConflictOpened(
            educator_id=ANA, kind=ConflictKind.ATTENDANCE_CONFLICT, session_id="W-more", micro_credential_id=TRA1
        )
    ]
    assert "W-more" not in story.educator().sessions
    assert names(story.hear(attended(session="W-1"))) == ["WorkshopAttended"]


def test_the_programme_of_these_tests_is_the_one_of_the_repository() -> None:
    assert PROGRAMS.years[0].id == "2023-24"
