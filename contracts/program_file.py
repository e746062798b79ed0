"""Reading a programme file: every fault with its line, and the year only if there is none."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from contracts.fields import FIRST_YEAR, LAST_YEAR, Email, Id, Name, Url
from contracts.program_year import (
    CatalogueEntry,
    Contact,
    Contacts,
    Designation,
    MinuteRules,
    Program,
    Stack,
)
from contracts.toml_lines import Lines, Path


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong, and on which line of the file (0: the file as a whole)."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" if self.line else self.reason


class _Written(BaseModel):
    """A table of the file, as written. An unknown key is most likely a misspelt one, so it is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):  # ZoneInfo raises all three for names that are none
        raise PydanticCustomError("time_zone", "is not a time zone, such as America/Los_Angeles") from None
    return value


def _day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise PydanticCustomError("day", "should be a date without quotes, such as 2023-09-01")
    if not FIRST_YEAR <= value.year < LAST_YEAR:
        raise PydanticCustomError("day", f"should be of the years {FIRST_YEAR} to {LAST_YEAR - 1}")
    return value


def _whole_minutes(hours: float) -> float:
    if not float(hours * 60).is_integer():
        raise PydanticCustomError("hours", "should be a number of hours in whole minutes")
    return hours


def _word(value: str) -> str:
    """An id that goes into addresses, file names and a list separated by semicolons."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value) is None:
        raise PydanticCustomError("word", "should be of letters, digits, '.', '_' and '-'")
    return value


_Day = Annotated[date, BeforeValidator(_day)]
_Whole = Annotated[int, Field(strict=True, ge=1, le=60_000)]
_Word = Annotated[Id, AfterValidator(_word)]


class _Minutes(_Written):
    orientation: _Whole
    workshop: _Whole
    micro_credential: _Whole
    rounding_step: _Whole
    minimum: Annotated[int, Field(strict=True, ge=0, le=60_000)]


class _Contact(_Written):
    name: Name
    email: Email | None = None
    url: Url | None = None

    @model_validator(mode="after")
    def _can_be_reached(self) -> "_Contact":
        if self.email is None and self.url is None:
            raise PydanticCustomError("contact", "needs an email or a url")
        return self


class _Contacts(_Written):
    nea_help_center: _Contact
    clock_hours: _Contact
    program: _Contact


class _Designation(_Written):
    id: _Word
    title: Name
    renewal_hours: (
        Annotated[float, Field(strict=True, ge=0, le=1000, allow_inf_nan=False), AfterValidator(_whole_minutes)] | None
    ) = None


class _Stack(_Written):
    id: _Word
    title: Name
    clock_hours: Annotated[bool, Field(strict=True)] = True


class _MicroCredential(_Written):
    id: Id
    title: Name
    minutes: _Whole | None = None
    url: Url | None = None
    designations: tuple[Id, ...] = ()
    stacks: tuple[Id, ...] = ()


class _File(_Written):
    id: _Word
    title: Name
    association: Name
    time_zone: Annotated[Name, AfterValidator(_time_zone)]
    first_day: _Day
    last_day: _Day
    submission_deadline: _Day
    revision_deadline: _Day
    held_alert_days: Annotated[int, Field(strict=True, ge=1, le=366)] = 14
    minutes: _Minutes
    contacts: _Contacts
    designations: tuple[_Designation, ...] = ()
    stacks: tuple[_Stack, ...] = ()
    micro_credentials: tuple[_MicroCredential, ...] = ()


@dataclass(frozen=True)
class Reading:
    """A file as far as it could be read: the year if there is no fault, and where its keys stand."""

    program: Program | None
    faults: tuple[Fault, ...]
    lines: Lines


def read(content: bytes) -> Reading:
    """Read a file's bytes and find all of its faults."""
    nowhere = Lines("")
    try:
        text = content.decode("utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Reading(None, (Fault(line, "is not UTF-8"),), nowhere)
    except tomllib.TOMLDecodeError as error:
        return Reading(None, (_syntax_fault(str(error), content),), nowhere)
    except RecursionError:
        return Reading(None, (Fault(0, "is nested too deeply"),), nowhere)
    lines = Lines(text.replace("\r\n", "\n"))
    found = set(_content_faults(document, lines))
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        found.update(_shape_faults(error, lines))
        return Reading(None, tuple(sorted(found)), lines)
    if found:
        return Reading(None, tuple(sorted(found)), lines)
    return Reading(_resolved(file), (), lines)


def _syntax_fault(message: str, content: bytes) -> Fault:
    where = re.search(r" \(at line (\d+), column \d+\)$", message)
    if where is None:  # "(at end of document)"
        return Fault(content.rstrip().count(b"\n") + 1, f"is not TOML: {message}")
    return Fault(int(where[1]), f"is not TOML: {message[: where.start()]}")


def _shape_faults(error: ValidationError, lines: Lines) -> Iterator[Fault]:
    for entry in error.errors(include_url=False, include_context=False, include_input=False):
        path: Path = entry["loc"]
        match entry["type"]:
            case "extra_forbidden":
                yield Fault(lines.of(path), f"unknown key: {_dotted(path)}")
            case "missing":
                yield Fault(lines.of(path), f"missing key: {_dotted(path)}")
            case _:
                yield Fault(lines.of(path), f"{_dotted(path)} {_predicate(entry['msg'])}")


def _predicate(message: str) -> str:
    """Pydantic says "Input should be ..."; the key's name takes the place of "Input"."""
    return re.sub(r"^(Input|String|Address|Tuple) ", "", message)


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(str(step) for step in path)


def _content_faults(document: Mapping[str, Any], lines: Lines) -> Iterator[Fault]:
    """What the file contradicts itself in. Values of a wrong type are passed over: they are faults already."""
    yield from _doubles(document, lines)
    yield from _unknown_references(document, lines)
    yield from _days_out_of_order(document, lines)
    yield from _unreachable_minutes(document, lines)


def _doubles(document: Mapping[str, Any], lines: Lines) -> Iterator[Fault]:
    for array in ("designations", "stacks", "micro_credentials"):
        first: dict[str, int] = {}
        for index, table in _tables(document, array):
            id_ = table.get("id")
            if not isinstance(id_, str):
                continue
            line = lines.of((array, index, "id"))
            if id_ in first:
                yield Fault(line, f"{array}: {id_} is listed already, on line {first[id_]}")
            else:
                first[id_] = line


def _unknown_references(document: Mapping[str, Any], lines: Lines) -> Iterator[Fault]:
    for array in ("designations", "stacks"):
        known = {table.get("id") for _, table in _tables(document, array) if isinstance(table.get("id"), str)}
        for index, table in _tables(document, "micro_credentials"):
            named = table.get(array)
            seen: set[str] = set()
            for position, id_ in enumerate(named if isinstance(named, list) else ()):
                if not isinstance(id_, str):
                    continue
                line = lines.of(("micro_credentials", index, array, position))
                if id_ not in known:
                    yield Fault(line, f"{table.get('id')}: {id_} is not one of the {array}")
                elif id_ in seen:
                    yield Fault(line, f"{table.get('id')}: {id_} is named twice in its {array}")
                seen.add(id_)


def _tables(document: Mapping[str, Any], array: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    tables = document.get(array)
    for index, table in enumerate(tables if isinstance(tables, list) else ()):
        if isinstance(table, dict):
            yield index, table


def _days_out_of_order(document: Mapping[str, Any], lines: Lines) -> Iterator[Fault]:
    days = {key: value for key, value in document.items() if type(value) is date}
    for earlier, later, reason in (
        ("first_day", "last_day", "last_day is before first_day"),
        ("first_day", "submission_deadline", "submission_deadline is before the year's first_day"),
        ("submission_deadline", "last_day", "submission_deadline is after the year's last_day"),
        ("first_day", "revision_deadline", "revision_deadline is before the year's first_day"),
        ("revision_deadline", "last_day", "revision_deadline is after the year's last_day"),
        ("submission_deadline", "revision_deadline", "revision_deadline is before submission_deadline"),
    ):
        if earlier in days and later in days and days[later] < days[earlier]:
            yield Fault(lines.of((reason.split()[0],)), reason)


def _unreachable_minutes(document: Mapping[str, Any], lines: Lines) -> Iterator[Fault]:
    minutes = document.get("minutes")
    if not isinstance(minutes, dict):
        return
    minimum = minutes.get("minimum")
    for kind in ("orientation", "workshop"):
        due = minutes.get(kind)
        if type(minimum) is int and type(due) is int and due < minimum:
            yield Fault(lines.of(("minutes", kind)), f"minutes.{kind} is under minutes.minimum: nobody could earn it")


def _resolved(file: _File) -> Program:
    without_hours = {stack.id for stack in file.stacks if not stack.clock_hours}
    return Program(
        id=file.id,
        title=file.title,
        association=file.association,
        time_zone=file.time_zone,
        first_day=file.first_day,
        last_day=file.last_day,
        submission_deadline=file.submission_deadline,
        revision_deadline=file.revision_deadline,
        held_alert_days=file.held_alert_days,
        minutes=MinuteRules(**file.minutes.model_dump()),
        contacts=Contacts(
            nea_help_center=Contact(**file.contacts.nea_help_center.model_dump()),
            clock_hours=Contact(**file.contacts.clock_hours.model_dump()),
            program=Contact(**file.contacts.program.model_dump()),
        ),
        designations=tuple(
            Designation(
                id=written.id,
                title=written.title,
                renewal_minutes=None if written.renewal_hours is None else round(written.renewal_hours * 60),
            )
            for written in file.designations
        ),
        stacks=tuple(Stack(**written.model_dump()) for written in file.stacks),
        micro_credentials=tuple(
            CatalogueEntry(
                id=written.id,
                title=written.title,
                minutes=file.minutes.micro_credential if written.minutes is None else written.minutes,
                url=written.url,
                designations=written.designations,
                stacks=written.stacks,
                eligible=without_hours.isdisjoint(written.stacks),
            )
            for written in file.micro_credentials
        ),
    )
