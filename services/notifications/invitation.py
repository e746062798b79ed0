"""A seat as a calendar file (RFC 5545, iTIP RFC 5546): one UID a seat, a SEQUENCE that rises with every change.

Times are local with a VTIMEZONE: some clients show UTC as it is. REQUEST and CANCEL with the programme as organizer are
what the big clients put into the calendar and take out of it again.
"""

from datetime import date, datetime
from functools import cache
from uuid import UUID, uuid5

from icalendar import Calendar, Event, Timezone, vCalAddress, vText, vUri

from contracts.program import Program
from services.notifications.scene import Seat

SEATS = UUID("0d3b9f59-6f40-5b36-9a2d-8ddc9f5d3a51")
PRODUCT = "-//Washington Education Association//Micro-credentials//EN"


def method(seat: Seat) -> str:
    return "CANCEL" if seat.cancelled else "REQUEST"


def uid(educator_id: str, session_id: str) -> str:
    """The same for the same seat for ever; it tells nobody the educator's id."""
    named = uuid5(SEATS, educator_id + "\n" + session_id)
    return f"{named}@clock-hours"


def calendar_file(seat: Seat, address: str, program: Program, now: datetime) -> bytes:
    """The seat as an iCalendar stream for one attendee. `now` is when it was written."""
    calendar = _calendar(program, method(seat), [seat])
    event = _event(seat, program, now)
    organizer = program.contacts.program.email
    if organizer:
        event.add("organizer", _address(organizer, program.contacts.program.name))
    attendee = _address(address, None)
    attendee.params["PARTSTAT"] = vText("ACCEPTED")
    attendee.params["RSVP"] = vText("FALSE")
    event.add("attendee", attendee)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def published(seats: list[Seat], program: Program, now: datetime) -> bytes:
    """Seats to add to a calendar from the progress page: nobody is named in it."""
    calendar = _calendar(program, "PUBLISH", seats)
    for seat in seats:
        calendar.add_component(_event(seat, program, now))
    return bytes(calendar.to_ical())


def _calendar(program: Program, how: str, seats: list[Seat]) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", how)
    years = [seat.session.starts_at.year for seat in seats] or [program.first_day.year]
    calendar.add_component(_zone(program.time_zone, min(years), max(years)))
    return calendar


@cache
def _zone(name: str, first: int, last: int) -> Timezone:
    """The zone's rules from the year before these years to the year after: more would be most of the file."""
    return Timezone.from_tzid(name, first_date=date(first - 1, 1, 1), last_date=date(last + 2, 1, 1))


def _event(seat: Seat, program: Program, now: datetime) -> Event:
    session, event = seat.session, Event()
    event.add("uid", uid(seat.calendar_of, session.session_id))
    event.add("dtstamp", now)
    event.add("dtstart", session.starts_at.astimezone(program.zone))
    event.add("dtend", session.ends_at.astimezone(program.zone))
    event.add("sequence", max(0, seat.sequence))
    event.add("summary", session.title)
    event.add("status", "CANCELLED" if seat.cancelled else "CONFIRMED")
    event.add("transp", "OPAQUE")
    if session.location:
        event.add("location", session.location)
    if session.registration_url:
        event.add("url", vUri(session.registration_url))
    return event


def _address(email: str, name: str | None) -> vCalAddress:
    address = vCalAddress(f"mailto:{email}")
    if name:
        address.params["CN"] = vText(name)
    return address
