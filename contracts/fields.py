"""The field types that all models share: ids, texts, instants, minutes, attempts.

Every string is strict (a number is never read as one), and none holds a control character: ids and
names end up in e-mail headers, Kafka headers, file names and spreadsheets.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

FIRST_YEAR, LAST_YEAR = 1900, 2200

_CONTROL = r"\x00-\x1f\x7f-\x9f"
# One line with something to see in it. No look-ahead: pydantic's engine, which is linear, has none.
LINE = rf"^[^{_CONTROL}]*[^{_CONTROL}\s][^{_CONTROL}]*$"
# The same over several lines (tab, line feed and carriage return allowed).
LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"


class Contract(BaseModel):
    """A frozen model that ignores fields it does not know, so that readers can be upgraded first."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def _absent_if_blank(value: Any) -> Any:
    """Read an empty optional text as absent: that is what a form with an empty box sends."""
    if isinstance(value, str) and not value.strip():
        return None
    return value


def _line(longest: int) -> StringConstraints:
    return StringConstraints(strict=True, min_length=1, max_length=longest, pattern=LINE)


Id = Annotated[str, _line(200)]
Name = Annotated[str, _line(300)]
Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=2000, pattern=LINES)]
OptionalName = Annotated[Name | None, BeforeValidator(_absent_if_blank)]
OptionalText = Annotated[Text | None, BeforeValidator(_absent_if_blank)]


def _trimmed(value: Any) -> Any:
    return value.strip(" ") if isinstance(value, str) else value


# NEA's own number of a person, which people copy into forms and others compare.
MemberId = Annotated[Id, BeforeValidator(_trimmed)]

# A day has 1440 minutes: no session lasts longer. The credit of a session is never more either.
Minutes = Annotated[int, Field(strict=True, ge=0, le=1440)]
# What a ledger entry or a held row may hold: a catalogue entry's minutes, negative in a reversal.
EntryMinutes = Annotated[int, Field(strict=True, ge=-60_000, le=60_000)]
Attempt = Annotated[int, Field(strict=True, ge=1, le=1000)]
Counter = Annotated[int, Field(strict=True, ge=1)]


def _not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "Text should not be blank")
    return value


Reason = Annotated[Text, AfterValidator(_not_blank)]

# RFC 3339, to the letter: colons, a "T", an offset. Fractions beyond microseconds are cut off.
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-9]{2}"
    r"(?:\.[0-9]{1,12})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)


def _moment(value: Any) -> datetime:
    """Read an instant from an RFC 3339 text (or an aware datetime) into aware UTC."""
    moment = _parsed(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise PydanticCustomError("moment_type", "Time should be an RFC 3339 text")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise PydanticCustomError("moment_offset", "Time should have an offset, such as Z or -07:00")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:  # before the conversion, which year 1 would overflow
        raise _wrong_year()
    if moment.tzinfo is UTC:
        return moment
    moment = moment.astimezone(UTC)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise _wrong_year()
    return moment


def _parsed(text: str) -> datetime:
    # The form that nearly all have ("--T::Z" is every third sign of it): datetime sees the rest, three times faster.
    common = len(text) == 20 and text[4::3] == "--T::Z" and text[11:13] != "24"
    if not common and _RFC3339.fullmatch(text) is None:
        raise PydanticCustomError("moment_form", "Time should be an RFC 3339 text, such as 2024-04-20T18:03:10Z")
    try:
        return datetime.fromisoformat(text if text[-1] != "z" else text[:-1] + "Z")
    except ValueError:
        if text[17:19] == "60":
            # Python, MongoDB and Kafka have no such instant; which neighbour is meant is not ours to guess.
            raise PydanticCustomError("moment_leap_second", "Time should not be a leap second (:60)") from None
        raise PydanticCustomError("moment_value", "Time should exist in the calendar") from None


def _wrong_year() -> PydanticCustomError:
    return PydanticCustomError("moment_year", f"Time should be of the years {FIRST_YEAR} to {LAST_YEAR}")


# An instant: aware, in UTC. What has no offset is refused: it would be judged in a guessed zone.
Moment = Annotated[datetime, BeforeValidator(_moment)]

# The addresses that nearly all people have; all others (quoted, IDN) are email-validator's to judge.
_PLAIN_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)


@lru_cache(maxsize=4096)
def _sane_address(address: str) -> bool:
    if len(address) <= 254 and address.find("@") <= 64 and "--" not in address and _PLAIN_ADDRESS.fullmatch(address):
        return True
    try:
        found = validate_email(address, check_deliverability=False, globally_deliverable=False, strict=True)
    except EmailNotValidError:
        return False
    return "." in found.domain  # but .test, .local and the like are fine: nothing is looked up


def _email(value: Any) -> Any:
    """Trim an address and refuse one that no mail server could take; nothing is looked up."""
    if not isinstance(value, str):
        return value  # refused as no text
    address = value.strip(" ")
    if not _sane_address(address):
        raise PydanticCustomError("email", "Address should be an e-mail address")
    return address


Email = Annotated[str, _line(320), BeforeValidator(_email), Field(json_schema_extra={"format": "email"})]


def _learner_address(value: Any) -> Any:
    """Take any address with an "@": a learner's is compared with profiles, never written to.

    An award is not lost because NEA knows an odd address.
    """
    if not isinstance(value, str):
        return value
    address = value.strip()
    if not address:
        return None
    if "@" not in address[1:-1]:
        raise PydanticCustomError("email", "Address should be an e-mail address")
    return address


LearnerAddress = Annotated[Annotated[str, _line(320)] | None, BeforeValidator(_learner_address)]


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        sane = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in value
    except ValueError:
        sane = False
    if not sane:
        raise PydanticCustomError("url", "Address should be an http or https URL")
    return value


Url = Annotated[str, _line(2000), AfterValidator(_web_address), Field(json_schema_extra={"format": "uri"})]
OptionalUrl = Annotated[Url | None, BeforeValidator(_absent_if_blank)]


def _listed(value: Any) -> Any:
    return () if value is None else value


Names = Annotated[tuple[Name, ...], Field(max_length=50), BeforeValidator(_listed)]
Ids = Annotated[tuple[Id, ...], Field(max_length=50), BeforeValidator(_listed)]
