"""Seats in sessions: told once, of what is so now, and never of a session that is over."""

import pytest

from contracts.kinds import SessionKind
from services.notifications.reasons import Drop
from services.notifications.state import Kind
from tests.notifications.builders import (
    ANA,
    DAY,
    HOUR,
    NOON,
    ROSA,
    called_off,
    gave_up,
    local,
    merged,
    nea_registered,
    profile,
    registered,
    reserved,
    scheduled,
    unmerged,
)
from tests.notifications.world import World

SOON = NOON + 10 * DAY


@pytest.fixture
def world() -> World:
    world = World()
    world.hear(profile(), scheduled(starts_at=SOON))
    world.messages()
    return world


def test_nothing_is_told_of_a_seat_in_a_session_that_is_over(world: World) -> None:
    world.hear(scheduled("W-2", NOON - DAY), reserved(session="W-2"))
    assert world.kinds() == []


def test_a_seat_that_was_given_up_before_it_was_confirmed_is_no_news() -> None:
    world = World()
    world.hear(scheduled(starts_at=SOON), reserved(), gave_up(), profile())
    assert world.kinds() == ["welcome"]


def test_giving_up_a_seat_in_a_session_that_was_called_off_is_no_news(world: World) -> None:
    world.hear(reserved(), called_off())
    assert world.kinds() == ["reservation_confirmed", "session_cancelled"]
    world.hear(gave_up())
    assert world.kinds() == []


def test_a_change_is_told_to_whose_seat_was_too_old_to_be_confirmed() -> None:
    world = World()
    world.hear(scheduled(starts_at=SOON), reserved(), at=NOON - 8 * DAY)
    world.hear(profile())
    assert world.kinds() == ["welcome"]
    world.hear(scheduled(starts_at=SOON + HOUR))
    assert world.kinds() == ["session_changed"]


def test_the_confirmation_of_a_seat_that_was_given_up_and_taken_again_is_the_second_one(world: World) -> None:
    world.hear(reserved(), gave_up(), reserved())
    first, given_up, second = world.messages()
    assert [first.kind, given_up.kind, second.kind] == [
        Kind.RESERVATION_CONFIRMED, Kind.SESSION_CANCELLED, Kind.RESERVATION_CONFIRMED,
    ]  # fmt: skip
    assert (world.obstacle(first), world.obstacle(second)) == (Drop.CAUSE_GONE, None)


def test_of_two_changes_in_a_row_the_last_is_sent(world: World) -> None:
    world.hear(reserved())
    world.messages()
    world.hear(scheduled(starts_at=SOON + HOUR), scheduled(starts_at=SOON + 2 * HOUR))
    first, second = world.messages()
    assert (world.obstacle(first), world.obstacle(second)) == (Drop.CAUSE_GONE, None)


def test_a_seat_in_a_session_that_was_called_off_is_no_reason_to_wait() -> None:
    world = World(local(3, 12, 10))
    seat = scheduled("O-9", local(3, 15, 16), SessionKind.ORIENTATION), reserved(session="O-9", credential=None)
    world.hear(profile(), *seat, nea_registered(at=world.now), registered(at=world.now), called_off("O-9"))
    world.messages()
    world.tick()
    assert world.kinds() == ["steps_missing"]


def test_a_seat_that_was_confirmed_to_the_other_address_is_confirmed_to_hers_once_the_merge_is_undone() -> None:
    world = World()
    world.hear(profile(), profile(ANA), merged(ROSA, ANA), scheduled(), reserved(ANA))
    world.messages()
    world.hear(unmerged(ROSA, ANA))
    messages = [m for m in world.messages() if m.kind != "welcome"]
    assert [(m.educator_id, m.kind) for m in messages] == [(ANA, "reservation_confirmed")]
    world.hear(profile(ANA, name="Ana Maria"))
    assert world.kinds() == []
