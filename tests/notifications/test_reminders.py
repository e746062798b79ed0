"""Reminders: once a day at most, never at night, never late, never about what is done."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.event import EventData
from contracts.kinds import Decision, SessionKind
from services.notifications import decisions, letters, reminders
from services.notifications.announcing import scene_of
from services.notifications.reasons import Drop
from services.notifications.state import Kind, Message
from tests.notifications.builders import (
    ANA,
    DAY,
    HOUR,
    PROGRAMS,
    ROSA,
    TRA1,
    YEAR,
    attended,
    awarded,
    called_off,
    gave_up,
    granted,
    held,
    local,
    merged,
    nea_registered,
    oriented,
    profile,
    registered,
    reserved,
    reviewed,
    scheduled,
    submitted,
    unmerged,
    withdrawn,
)
from tests.notifications.world import World

assert YEAR is not None


def world_at(now: datetime) -> World:
    world = World(now)
    world.hear(profile(), oriented(at=now))
    world.messages()
    return world


def reminded(world: World) -> list[Message]:
    world.tick()
    return world.messages()


def test_the_second_registration_is_asked_for_after_two_days_not_before() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(nea_registered(at=world.now))
    world.now += 2 * DAY - HOUR
    assert reminded(world) == []
    world.now += HOUR
    assert [m.kind for m in reminded(world)] == [Kind.CLOCK_HOURS_REGISTRATION_MISSING]


def test_a_reminder_is_not_repeated() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(nea_registered(at=world.now))
    world.now += 2 * DAY
    assert len(reminded(world)) == 1
    world.now += 2 * DAY
    assert reminded(world) == []


def test_several_open_steps_become_one_message() -> None:
    world = world_at(local(4, 17, 6))
    world.hear(
        nea_registered(at=world.now), registered(credential="EX_SEL1", at=world.now), attended(opens=None, at=world.now)
    )
    world.now = local(4, 19, 7)
    [message] = reminded(world)
    assert message.kind is Kind.DEADLINE
    said = {key.split("\n")[0] for key in message.told}
    assert said == {"deadline", "clock_hours_registration_missing", "nea_registration_missing", "workshop_unallocated"}
    world.now += DAY
    assert reminded(world) == []


@pytest.mark.parametrize(("hour", "said"), [(6, False), (7, True), (19, True), (20, False), (23, False)])
def test_nights_are_quiet(hour: int, said: bool) -> None:
    world = world_at(local(3, 12, 10))
    world.hear(nea_registered(at=local(3, 12, 1)))
    world.now = local(3, 14, hour)
    assert bool(reminded(world)) is said


def test_a_clock_that_jumps_by_days_makes_one_message_of_all_that_is_still_worth_saying() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(nea_registered(at=world.now), registered(credential="EX_SEL1", at=world.now))
    world.now += 5 * DAY
    [message] = reminded(world)
    assert len(message.told) == 2


def test_a_clock_that_jumps_over_a_reminders_week_makes_none_of_it() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(nea_registered(at=world.now))
    world.now += 9 * DAY
    assert reminded(world) == []


def test_a_deadline_is_not_told_of_on_a_later_day() -> None:
    world = world_at(local(4, 2))
    world.hear(nea_registered(at=local(3, 1)), registered(at=local(3, 1)))
    for day, said in ((11, 0), (13, 0), (19, 1), (24, 0), (25, 1), (27, 0)):
        world.now = local(4, day)
        assert len(reminded(world)) == said, day


def test_a_submission_ends_the_reminders_of_its_deadline() -> None:
    world = world_at(local(4, 2))
    world.hear(nea_registered(at=local(3, 1)), registered(at=local(3, 1)), attended(at=local(3, 20)))
    world.now = local(4, 19, 7)
    [message] = reminded(world)
    world.hear(submitted(at=world.now))
    assert world.obstacle(message) is Drop.CAUSE_GONE


def test_a_deadline_is_told_only_of_what_its_year_lists_with_clock_hours() -> None:
    """The next year has dropped it: what is submitted then earns no hours."""
    last_year = world_at(local(4, 2))
    last_year.hear(registered(credential="EX_NONE1", at=local(3, 1)), registered(at=local(3, 1)))
    last_year.now = local(4, 19)
    [message] = reminded(last_year)
    assert len(titles(last_year, message)) == 2
    last_year.now = datetime(2025, 4, 18, 19, tzinfo=UTC)
    [message] = reminded(last_year)
    assert titles(last_year, message) == ["Trauma Informed Pedagogy: Creating a Healing Centered Learning Environment"]


def titles(world: World, message: Message) -> list[str]:
    """The micro-credentials that a reminder of a deadline lists."""
    found: list[str] = letters.write(scene_of(message, world.known, PROGRAMS, "", world.now)).about["credentials"]
    return found


def test_what_else_a_reminder_carried_is_said_again_if_it_never_went_out() -> None:
    world = world_at(local(4, 17, 6))
    world.hear(nea_registered(at=world.now), registered(credential="EX_SEL1", at=world.now))
    world.now = local(4, 19, 7)
    [message] = reminded(world)
    group = world.known.group(ROSA)
    world.known = world.known.having(*reminders.after_dropping(group.members, message, own=message.key))
    [again] = reminded(world)
    assert again.kind is not Kind.DEADLINE
    assert set(again.told) == set(message.told) - {message.key}


def test_a_revision_is_asked_for_by_its_deadline_though_an_earlier_submission_was_denied_in_a_later_attempt() -> None:
    world = world_at(local(5, 10))
    world.hear(attended(at=local(4, 1)), registered(at=local(4, 1)))
    world.hear(submitted(at=local(4, 2)), reviewed(Decision.DENIED, at=local(5, 6), attempt=2))
    world.hear(submitted(at=local(4, 25), submission="S-2"))
    world.hear(reviewed(Decision.NOT_YET, at=local(5, 9), submission="S-2"))
    world.messages()
    world.now = local(5, 17, 7)
    assert [(m.kind, m.subject) for m in reminded(world)] == [(Kind.DEADLINE, "revision 2023-24")]
    world.hear(submitted(at=world.now, submission="S-2", attempt=2))
    world.messages()
    world.now = local(5, 21, 7)
    assert reminded(world) == []


def test_a_session_is_recalled_on_the_day_before_and_not_to_whoever_has_just_reserved() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(scheduled(starts_at=local(3, 20, 16)), scheduled("W-2", local(3, 21, 16)), reserved())
    world.now = local(3, 20, 9)
    world.hear(reserved(session="W-2"))
    world.messages()
    assert reminded(world) == []
    other = world_at(local(3, 12, 10))
    other.hear(scheduled(starts_at=local(3, 20, 16)), reserved())
    other.messages()
    other.now = local(3, 19, 7)
    assert [m.kind for m in reminded(other)] == [Kind.SESSION_REMINDER]


def test_whoever_holds_a_seat_in_an_orientation_is_not_told_that_it_is_missing_until_the_day_after() -> None:
    world = World(local(3, 12, 10))
    seat = scheduled("O-9", local(3, 15, 16), SessionKind.ORIENTATION)
    world.hear(
        profile(),
        seat,
        reserved(session="O-9", credential=None),
        nea_registered(at=world.now),
        registered(at=world.now),
    )
    world.messages()
    assert reminded(world) == []
    world.now = local(3, 16, 18)
    assert [m.kind for m in reminded(world)] == [Kind.STEPS_MISSING]


def test_of_a_merged_pair_only_the_kept_account_is_reminded_and_once_a_day() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(profile(ANA), nea_registered(ANA, at=world.now), merged(ROSA, ANA))
    world.messages()
    world.now += 2 * DAY
    assert [m.educator_id for m in reminded(world)] == [ROSA]


@pytest.mark.parametrize("start", [local(3, 12, 10), local(3, 8, 22), local(4, 10, 6)])
def test_the_scan_never_sleeps_through_a_reminder(start: datetime) -> None:
    """Looking each hour, and looking only when it was planned to, find the same."""

    def walked(*, planned: bool) -> list[tuple[datetime, str]]:
        world = world_at(start)
        world.hear(nea_registered(at=start), registered(credential="EX_SEL1", at=start), attended(opens=None, at=start))
        found, look = [], decisions.next_look(world.known, ROSA, PROGRAMS, world.now)
        for _ in range(24 * 50):
            if not planned or (look is not None and look <= world.now):
                found += [(world.now, m.key) for m in reminded(world)]
                look = decisions.next_look(world.known, ROSA, PROGRAMS, world.now)
            world.now += timedelta(hours=1)
        return found

    assert walked(planned=True) == walked(planned=False) != []


def test_a_micro_credential_with_its_hours_granted_is_no_longer_reminded_of() -> None:
    world = world_at(local(4, 1))
    world.hear(nea_registered(at=local(3, 31)), granted(about=TRA1, at=world.now))
    world.messages()
    world.now = local(4, 12)
    assert reminded(world) == []


def test_two_reminders_on_one_day_are_one_too_many_whichever_account_had_the_first() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(profile(ANA), nea_registered(ANA, at=world.now), registered(credential="EX_SEL1", at=local(3, 12, 12)))
    world.messages()
    world.now = local(3, 14, 10)
    assert [m.educator_id for m in reminded(world)] == [ANA]
    world.hear(merged(ROSA, ANA))
    world.now = local(3, 14, 13)
    assert reminded(world) == []
    world.now = local(3, 15, 7)
    assert [m.kind for m in reminded(world)] == [Kind.NEA_REGISTRATION_MISSING]


def test_what_one_was_reminded_of_during_a_merge_the_other_is_reminded_of_once_it_is_undone() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(
        profile(ANA), oriented(ANA), nea_registered(ANA, at=world.now), nea_registered(at=world.now), merged(ROSA, ANA)
    )
    world.messages()
    world.now += 2 * DAY
    assert [(m.educator_id, m.kind) for m in reminded(world)] == [(ROSA, Kind.CLOCK_HOURS_REGISTRATION_MISSING)]
    world.hear(unmerged(ROSA, ANA))
    assert [(m.educator_id, m.kind) for m in reminded(world)] == [(ANA, Kind.CLOCK_HOURS_REGISTRATION_MISSING)]


def test_who_stopped_reminders_has_stopped_them_for_all_accounts_that_are_theirs() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(profile(ANA), nea_registered(at=world.now), merged(ROSA, ANA))
    world.messages()
    world.unsubscribe(ANA, world.now)
    world.now += 2 * DAY
    assert reminded(world) == []


def test_clock_hours_that_were_withdrawn_are_not_registered() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(nea_registered(at=world.now), registered(at=world.now), withdrawn(at=world.now))
    world.now += 2 * DAY
    assert [m.kind for m in reminded(world)] == [Kind.CLOCK_HOURS_REGISTRATION_MISSING]


@pytest.mark.parametrize("implied", [submitted(at=local(3, 12)), awarded(at=local(3, 12))])
def test_nobody_is_asked_to_register_with_nea_who_must_have_done_so(implied: EventData) -> None:
    world = world_at(local(3, 12, 10))
    world.hear(registered(at=world.now), attended(at=world.now), implied)
    world.messages()
    world.now += 2 * DAY
    assert reminded(world) == []


def test_who_was_awarded_by_another_submission_is_not_asked_for_a_revision() -> None:
    assert _asked_to_revise(awarded(at=local(5, 9), submission="S-2")) == []


def test_whose_hours_wait_for_an_award_hears_at_once_what_is_missing_and_is_reminded_two_days_later() -> None:
    world = world_at(local(3, 12, 10))
    known_to_nea = (nea_registered(at=local(3, 9)), submitted(at=local(3, 10)), awarded(at=local(3, 11)))
    world.hear(*known_to_nea, held("workshop", "clock_hours_registration"))
    assert "hours_held" in world.kinds()
    assert reminded(world) == []
    world.now += 2 * DAY
    [message] = reminded(world)
    said = {key.split("\n")[0] for key in message.told}
    assert said == {"steps_missing", "clock_hours_registration_missing"}


def test_a_late_submission_is_not_revised_in_time_and_takes_no_other_along() -> None:
    late = submitted(at=local(4, 28), submission="S-2", on_time=False)
    returned = reviewed(Decision.NOT_YET, at=local(5, 9), submission="S-2")
    assert _asked_to_revise(late, returned, first=()) == []
    assert _asked_to_revise(late, returned) == [(Kind.DEADLINE, "revision 2023-24")]


RETURNED = (submitted(at=local(4, 2)), reviewed(Decision.NOT_YET, at=local(5, 6)))


def _asked_to_revise(*more: EventData, first: tuple[EventData, ...] = RETURNED) -> list[tuple[Kind, str]]:
    """What is said a week before the revision deadline to who has done all else, but these submissions."""
    world = world_at(local(5, 10))
    world.hear(attended(at=local(4, 1)), registered(at=local(4, 1)), *first, *more)
    world.messages()
    world.now = local(5, 17, 7)
    return [(m.kind, m.subject) for m in reminded(world)]


@pytest.mark.parametrize("gone", [gave_up(), called_off()])
def test_a_seat_that_was_given_up_or_a_session_that_is_called_off_is_not_recalled(gone: EventData) -> None:
    world = world_at(local(3, 12, 10))
    world.hear(scheduled(starts_at=local(3, 20, 16)), reserved(), gone)
    world.messages()
    world.now = local(3, 19, 7)
    assert reminded(world) == []


def test_of_what_can_earn_no_hours_nobody_is_reminded() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(nea_registered(credential="NOT_LISTED", at=world.now))
    world.now += 2 * DAY
    assert reminded(world) == []


def test_a_submission_is_a_registration_with_nea_that_nobody_told_us_of() -> None:
    world = world_at(local(3, 12, 10))
    world.hear(submitted(at=world.now), attended(at=world.now))
    world.messages()
    world.now += 2 * DAY
    assert [m.kind for m in reminded(world)] == [Kind.CLOCK_HOURS_REGISTRATION_MISSING]


def test_who_waits_for_a_seat_in_both_sessions_is_asked_after_the_later_one() -> None:
    world = World(local(3, 12, 10))
    world.hear(profile(), registered(at=world.now), submitted(at=world.now))
    world.hear(scheduled("O-9", local(3, 13, 16), SessionKind.ORIENTATION), reserved(session="O-9", credential=None))
    world.hear(scheduled("W-9", local(3, 16, 16)), reserved(session="W-9"))
    world.messages()
    world.now = local(3, 15, 18)
    assert [m.kind for m in reminded(world)] == [Kind.SESSION_REMINDER]
    world.now = local(3, 16, 18)
    assert reminded(world) == []
    world.now = local(3, 17, 18)
    assert [m.kind for m in reminded(world)] == [Kind.STEPS_MISSING]


def test_a_submission_of_last_year_has_last_years_revision_deadline() -> None:
    """Its decision came in the next year: that year's deadline is none of its own."""
    at = datetime(2025, 5, 16, 14, tzinfo=UTC)  # a week before the next year's
    world = world_at(at - 2 * DAY)
    world.hear(attended(at=local(4, 1)), registered(at=local(4, 1)), submitted(at=local(4, 2)))
    world.hear(reviewed(Decision.NOT_YET, at=world.now))
    world.messages()
    world.now = at
    assert reminded(world) == []
