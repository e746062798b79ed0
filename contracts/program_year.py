"""A programme year: its days, deadlines, minutes and catalogue, and the arithmetic that follows from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, ConfigDict

from contracts.kinds import SessionKind


class ProgramPart(BaseModel):
    """A frozen part of a programme year."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MinuteRules(ProgramPart):
    """Whole minutes; 60 are one clock hour (WAC 181-85-030)."""

    orientation: int
    workshop: int
    micro_credential: int
    rounding_step: int
    minimum: int


class Contact(ProgramPart):
    """Whom to ask: at least one of `email` and `url` is there."""

    name: str
    email: str | None = None
    url: str | None = None


class Contacts(ProgramPart):
    nea_help_center: Contact
    clock_hours: Contact
    program: Contact


class Designation(ProgramPart):
    """A kind of hours that certificate renewals ask for."""

    id: str
    title: str
    renewal_minutes: int | None = None


class Stack(ProgramPart):
    """A group of micro-credentials. Without `clock_hours` none of them earns hours."""

    id: str
    title: str
    clock_hours: bool = True


class CatalogueEntry(ProgramPart):
    """One micro-credential of a year. `minutes` is its own, or the year's; `eligible`: it earns clock hours."""

    id: str
    title: str
    minutes: int
    url: str | None = None
    designations: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    eligible: bool = True


class Program(ProgramPart):
    """One programme year. Its days are local to `time_zone`; its instants are aware, in UTC."""

    id: str
    title: str
    association: str
    time_zone: str
    first_day: date
    last_day: date
    submission_deadline: date
    revision_deadline: date
    held_alert_days: int
    minutes: MinuteRules
    contacts: Contacts
    designations: tuple[Designation, ...]
    stacks: tuple[Stack, ...]
    micro_credentials: tuple[CatalogueEntry, ...]

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @cached_property
    def starts_at(self) -> datetime:
        """The first instant of the year."""
        return self._midnight(self.first_day)

    @cached_property
    def ends_at(self) -> datetime:
        """The first instant after the year."""
        return self._midnight(self.last_day + timedelta(days=1))

    @cached_property
    def submission_closes(self) -> datetime:
        """The first instant that is too late for a first attempt: midnight after the deadline's day."""
        return self._midnight(self.submission_deadline + timedelta(days=1))

    @cached_property
    def revision_closes(self) -> datetime:
        """The first instant that is too late for a later attempt."""
        return self._midnight(self.revision_deadline + timedelta(days=1))

    @cached_property
    def catalogue(self) -> Mapping[str, CatalogueEntry]:
        """The year's micro-credentials by id, in the order of the file."""
        return MappingProxyType({entry.id: entry for entry in self.micro_credentials})

    def grants(self, micro_credential_id: str) -> bool:
        """Whether the year lists it, with clock hours."""
        listed = self.catalogue.get(micro_credential_id)
        return listed is not None and listed.eligible

    @cached_property
    def digest(self) -> str:
        """A hash of what the file says, whatever its comments and its layout."""
        content = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return sha256(content).hexdigest()

    def holds(self, moment: datetime) -> bool:
        """Whether an instant is in this year, by its local date."""
        return self.starts_at <= moment < self.ends_at

    def local_date(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def credit(self, kind: SessionKind | str, attended_minutes: int) -> int:
        """Minutes due for a session attended this long; 0: no hours, and the step is not done.

        Never more than the programme's minutes. Fewer are rounded DOWN to the step; what is then under
        the minimum is nothing.
        """
        full = self.minutes.orientation if kind == SessionKind.ORIENTATION else self.minutes.workshop
        if attended_minutes >= full:
            return full
        rounded = attended_minutes - attended_minutes % self.minutes.rounding_step
        return rounded if rounded >= self.minutes.minimum else 0

    def _midnight(self, day: date) -> datetime:
        # Where clocks change at midnight, fold=0 is the first instant of the day.
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC)


@dataclass(frozen=True)
class Programs:
    """The loaded years, oldest first. They do not overlap."""

    years: tuple[Program, ...]

    def __iter__(self) -> Iterator[Program]:
        return iter(self.years)

    def of(self, moment: datetime) -> Program | None:
        """The year that holds an instant; None: exception `no_program_year`."""
        for year in self.years:
            if year.holds(moment):
                return year
        return None

    def year(self, id_: str) -> Program | None:
        return next((year for year in self.years if year.id == id_), None)

    def current(self, now: datetime) -> Program:
        """The year of now; between years the newest that has begun; before all of them the first."""
        for year in reversed(self.years):
            if year.starts_at <= now:
                return year
        return self.years[0]

    def catalogue_entry(self, micro_credential_id: str, prefer: Program | None = None) -> CatalogueEntry | None:
        """A micro-credential as the preferred year lists it, else as the newest year that does."""
        for year in (prefer, *reversed(self.years)):
            if year is not None and micro_credential_id in year.catalogue:
                return year.catalogue[micro_credential_id]
        return None

    @cached_property
    def designations(self) -> tuple[Designation, ...]:
        """The designations of all years, each as the newest year that has it says."""
        return tuple({listed.id: listed for year in self.years for listed in year.designations}.values())

    @cached_property
    def digest(self) -> str:
        """A hash of what all files say: it changes when hours could."""
        return sha256("".join(year.digest for year in self.years).encode()).hexdigest()
