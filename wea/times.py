"""Times and durations as people type them."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from wea.errors import UserError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def moment(text: str, zone: ZoneInfo) -> datetime:
    """RFC 3339 with an offset, or a date or date and time in the programme's zone; in UTC."""
    try:
        given = datetime.fromisoformat(text.strip())
        aware = given if given.tzinfo else given.replace(tzinfo=zone)
        found = aware.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(
            f"{text!r} is no time: write 2024-04-20, 2024-04-20T09:30 (both in {zone.key}) or 2024-04-20T16:30:00Z."
        ) from None
    check(found)
    return found


def check(moment: datetime) -> None:
    """UserError for what programme time cannot be."""
    if not FIRST <= moment < LAST:
        raise UserError(f"{moment.isoformat()} is out of range: programme time runs from 1900 to 2200.")


def duration(text: str) -> timedelta:
    """30s, 5m, 12h, 3d or 2w."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smhdw])", text.strip())
    if found is None:
        raise UserError(f"{text!r} is no duration: write 30s, 5m, 12h, 3d or 2w.")
    length = timedelta(**{UNITS[found[2]]: float(found[1])})
    if length > LAST - FIRST:
        raise UserError(f"{text!r} is longer than programme time, which runs from 1900 to 2200.")
    return length
