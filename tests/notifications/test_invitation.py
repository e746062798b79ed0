"""Calendar files, read by the rules that stand in them: no reader has to know the time zone."""

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar, Timezone

from contracts.kinds import SessionKind
from services.notifications import invitation
from services.notifications.scene import Seat
from services.notifications.state import Session
from tests.notifications.builders import NOON, YEAR

assert YEAR is not None
FALL_BACK, SPRING_FORWARD = datetime(2023, 11, 5, 18, tzinfo=UTC), datetime(2024, 3, 10, 17, tzinfo=UTC)


def seat(starts_at: datetime) -> Seat:
    session = Session("W-1", SessionKind.WORKSHOP, "Workshop", starts_at, starts_at + timedelta(hours=2))
    return Seat(session, 0, cancelled=False, calendar_of="E-rosa")


def starts(content: bytes) -> list[datetime]:
    """When its events start by the file's own time zone, in UTC."""
    calendar = Calendar.from_ical(content.decode())
    [zone] = calendar.walk("VTIMEZONE")
    assert isinstance(zone, Timezone)
    local = [event.decoded("DTSTART").replace(tzinfo=None) for event in calendar.walk("VEVENT")]
    return [start.replace(tzinfo=zone.to_tz(lookup_tzid=False)).astimezone(UTC) for start in local]


@pytest.mark.parametrize("starts_at", [FALL_BACK, SPRING_FORWARD, datetime(2030, 7, 1, 17, tzinfo=UTC)])
def test_a_session_starts_when_it_does_by_the_files_own_time_zone_in_whatever_year(starts_at: datetime) -> None:
    assert YEAR is not None
    content = invitation.calendar_file(seat(starts_at), "rosa@example.org", YEAR, NOON)
    assert starts(content) == [starts_at]


def test_the_sessions_of_a_page_may_be_years_apart() -> None:
    assert YEAR is not None
    moments = [FALL_BACK, datetime(2030, 7, 1, 17, tzinfo=UTC)]
    assert starts(invitation.published([seat(moment) for moment in moments], YEAR, NOON)) == moments


def test_a_page_without_sessions_has_a_calendar_without_any() -> None:
    assert YEAR is not None
    assert starts(invitation.published([], YEAR, NOON)) == []
