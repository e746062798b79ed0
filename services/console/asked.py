"""What every page and action is given, and what it gives back: the same for people's browsers and for programs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import Response

from contracts.program_year import Programs
from eventing.clock import Clock
from eventing.http import ProblemError, cursor
from eventing.looking import Cluster
from services.console.neighbours import AwayError, Neighbours, RefusedByServiceError
from services.console.policy import May, may
from services.console.settings import Settings
from services.console.state import JsonObject, Kept, Who
from services.console.store import Store
from services.console.watch import Watch

YES, NO = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off", "none"})


@dataclass(frozen=True, slots=True)
class Console:
    """Everything that pages look at and act through."""

    settings: Settings
    store: Store
    neighbours: Neighbours
    cluster: Cluster
    watch: Watch
    clock: Clock
    programs: Programs


@dataclass(frozen=True, slots=True)
class Asked:
    """One question or act: who, the parts of the path, the query or the form."""

    who: Who
    parts: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """A parameter as it was typed, without the blanks around it; None where it is empty or absent."""
        value = self.query.get(name)
        return (value.strip()[:1000] or None) if isinstance(value, str) else None

    def number(self, name: str, usual: int, most: int) -> int:
        text = str(self.query.get(name, ""))
        return min(most, max(1, int(text))) if text.isascii() and text.isdecimal() and len(text) < 9 else usual

    def whole(self, name: str) -> int:
        """A number from 0 on; 0 where it is absent. Raises ProblemError 422 for anything else."""
        text = str(self.query.get(name) or "0").strip()
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise ProblemError(422, "invalid", f"{name} is a number.", errors=[{"field": name, "reason": "a number"}])
        return int(text)

    def required(self, name: str) -> str:
        """Raises ProblemError 422 for what is missing."""
        value = self.text(name)
        if value is None:
            raise ProblemError(422, "invalid", f"Give a {name}.", errors=[{"field": name, "reason": "required"}])
        return value

    @property
    def dry_run(self) -> bool:
        """Raises ProblemError 422 for what is neither yes nor no: nothing is done that was to be looked at only."""
        said = str(self.query.get("dry_run", "")).strip().lower()
        if said not in YES | NO:
            fault = {"field": "dry_run", "reason": "true or false"}
            raise ProblemError(422, "invalid", "dry_run is true or false.", errors=[fault])
        return said in YES

    def may(self, what: May) -> bool:
        return may(self.who, what)


def service_of(console: Console, asked: Asked) -> str:
    """The service that the path names. Raises ProblemError 404 where there is none of this name."""
    name = asked.parts["service"]
    if name not in set(console.neighbours):
        raise ProblemError(404, "unknown_service", "No service has this name.")
    return name


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act: a sentence, where to look next, how to take it back where one can."""

    sentence: str
    ok: bool = True
    dry_run: bool = False
    link: str = ""
    undo: str = ""
    facts: JsonObject = field(default_factory=dict)


View = Callable[[Console, Asked], Awaitable[JsonObject]]
Act = Callable[[Console, Asked], Awaitable[Done]]


@dataclass(frozen=True, slots=True)
class Page:
    """A view at /PATH as a page and at /api/PATH as JSON."""

    path: str
    view: View
    template: str
    may: May = May.LOOK


@dataclass(frozen=True, slots=True)
class Download:
    """A file at /PATH and at /api/PATH. Audited: it holds personal data."""

    path: str
    name: str  # in the audit
    answer: Callable[[Console, Asked], Awaitable[Response]]
    may: May


@dataclass(frozen=True, slots=True)
class Action:
    """An act at /PATH from a form and at /api/PATH from JSON. It always asks for a reason, and is audited."""

    path: str
    act: Act
    may: May


@dataclass(frozen=True, slots=True)
class Told:
    """A neighbour's answer, or why there is none: a page shows what it has."""

    content: Any = None
    away: str = ""  # the service that does not answer
    refused: str = ""  # its refusal's code

    def items(self) -> list[JsonObject]:
        listed = self.content.get("items", []) if isinstance(self.content, dict) else []
        return [one for one in listed if isinstance(one, dict)]

    @property
    def next(self) -> str | None:
        return self.content.get("next") if isinstance(self.content, dict) else None


async def told(asking: Awaitable[Any], service: str) -> Told:
    try:
        return Told(await asking)
    except AwayError as away:
        return Told(away=away.service)
    except RefusedByServiceError as refused:
        return Told(refused=refused.code)


def shown(one: Kept) -> JsonObject:
    """A record as pages and programs see it."""
    return {
        "place": one.place, "topic": one.topic, "partition": one.partition, "offset": one.offset, "key": one.key,
        "event_id": one.event_id, "source": one.source, "type": one.type, "time": one.time, "at": one.at,
        "sequence": one.sequence, "causation_id": one.causation_id, "causation_source": one.causation_source,
        "trace": one.trace, "size": one.size, "tombstone": one.empty,
    }  # fmt: skip


def page_cursor(records: list[Kept], limit: int) -> str | None:
    """`next` of a list of records, the newest first."""
    return cursor([records[-1].at.isoformat(), records[-1].place]) if len(records) >= limit else None
