"""How things are said to people: hours, days, times, first names. English; local to the programme's zone."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from contracts import hours

LONGEST_TITLE = 120
LONGEST_NAME = 60
# Marks that turn what follows around: pasted along with a name, they would turn the rest of our sentence.
DIRECTIONS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
BEFORE_A_NAME = frozenset({"Mr", "Mrs", "Ms", "Mx", "Dr", "Prof"})
# Compared without their dots, but in upper and lower case as written: "MA" is a degree, "Ma" a name.
AFTER_A_NAME = frozenset(
    {"Jr", "Sr", "II", "III", "IV", "NBCT", "BA", "BS", "MA", "MS", "MAT", "MBA", "MEd", "EdD", "PhD", "JD", "MD"}
)


def clock_hours(minutes: int) -> str:
    return f"{hours.shown(minutes)} clock {'hour' if minutes == 60 else 'hours'}"


def day(on: date) -> str:
    """Friday, April 26, 2024."""
    return f"{on:%A}, {on:%B} {on.day}, {on.year}"


def short_day(on: date) -> str:
    """April 26, 2024."""
    return f"{on:%B} {on.day}, {on.year}"


def local_day(moment: datetime, zone: ZoneInfo) -> str:
    return day(moment.astimezone(zone).date())


def clock_time(moment: datetime, zone: ZoneInfo) -> str:
    """4:00 PM."""
    local = moment.astimezone(zone)
    return f"{local.hour % 12 or 12}:{local.minute:02d} {'AM' if local.hour < 12 else 'PM'}"


def span(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
    """Thursday, March 14, 2024, 4:00 PM to 5:30 PM PDT; both days where they differ."""
    first, last = starts_at.astimezone(zone), ends_at.astimezone(zone)
    until = clock_time(ends_at, zone)
    if first.date() != last.date():
        until = f"{day(last.date())}, {until}"
    return f"{day(first.date())}, {clock_time(starts_at, zone)} to {until} {last:%Z}"


def days_left(count: int) -> str:
    """What is left until the end of a deadline's day."""
    if count <= 0:
        return "today is the last day"
    return "1 day left" if count == 1 else f"{count} days left"


def first_name(name: str) -> str:
    """The name to say hello with: "Rosa" of "Rosa Diaz", "Diaz, Rosa", "Dr. Rosa Diaz" and "Rosa Diaz, M.Ed."."""
    between_commas = [part.split() for part in name.split(",")]
    named = [words for words in between_commas if not all(word.replace(".", "") in AFTER_A_NAME for word in words)]
    parts = named[min(1, len(named) - 1)] if named else []
    while len(parts) > 1 and (parts[0].endswith(".") or parts[0] in BEFORE_A_NAME):
        parts = parts[1:]
    return shortened(parts[0] if parts else name.strip(), LONGEST_NAME)


def shortened(text: str, longest: int = LONGEST_TITLE) -> str:
    """The text on one line, cut at a word where it is longer."""
    line = " ".join(text.translate(DIRECTIONS).split())
    if len(line) <= longest:
        return line
    cut = line[: longest - 1]
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut[longest // 2 :] else cut}…"


def listed(texts: list[str]) -> str:
    """a; a and b; a, b and c."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} and {texts[-1]}"
