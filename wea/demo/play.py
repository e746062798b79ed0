"""Plays the story against a running system: moves programme time, sends, waits for the effect, and tells."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.hours import shown as hours
from wea.api import System
from wea.check import at_rest
from wea.clock import ProgrammeClock
from wea.demo.story import PEOPLE, Act, Facts, Nea, Person, Portal, acts
from wea.errors import UserError

EFFECT_WITHIN_SECONDS = 120.0
STEPS = ("orientation", "workshop", "clock_hours_registration", "on_time_submission", "award")


def play(system: System, clock: ProgrammeClock | None, console: Console) -> list[dict[str, Any]]:
    """Play every act. Returns each educator's clock-hours record. Raises UserError if an effect fails to come.

    Without a clock, programme time is left as it is: only mail and reminders differ, for the story's dates are its own.
    A system that was told the story before, to its end or to where it was interrupted, is told it from there on: what
    is sent again has no effect that could be waited for.
    """
    story = acts()
    begun = told_up_to(story, {person: record_of(system, person) for person in PEOPLE})
    if begun:
        console.print(f"This system was told the story before: it goes on from {story[begun].at:%a %b %d, %H:%M}.")
    for act in story[begun:]:
        if clock is not None:
            _move(clock, act.at)
        console.print(f"[bold]{act.at:%a %b %d, %H:%M}[/bold]  {act.says}")
        if act.staff is not None:
            _accept_late(system, act)
        _send(system, act)
        if act.whose is not None:
            facts = _until(lambda person=act.whose: record_of(system, person), act.until, act)  # type: ignore[misc]
            console.print(f"            [dim]{_told(act.whose, facts)}[/dim]")
        _until_at_rest(system)  # or the next act would begin weeks later for mail that is still on its way
    return [record_of(system, person) for person in PEOPLE]


def told_up_to(story: Sequence[Act], records: Mapping[Person, Facts]) -> int:
    """The last act whose effect is there, 0 if none is. It may have been interrupted itself, so it is played again."""
    effects = (number for number, act in enumerate(story) if act.whose is not None and act.until(records[act.whose]))
    return max(effects, default=0)


def record_of(system: System, person: Person) -> dict[str, Any]:
    answer: dict[str, Any] = system.get("clockhours", f"/educators/{person.id}/clock-hours")
    return answer


def tables(records: list[dict[str, Any]]) -> Table:
    """Each educator's steps, hours and held rows."""
    table = Table(title="Where everyone stands", title_justify="left", show_lines=False)
    for column in ("Educator", "Steps done", "Clock hours", "Entries", "Held", "Still missing"):
        table.add_column(column, justify="right" if column in {"Clock hours", "Entries"} else "left")
    for person, record in zip(PEOPLE, records, strict=True):
        held = record["held"]
        missing = [step for row in held for step in row["missing"]]
        table.add_row(
            person.name,
            f"{len(STEPS) - len(missing)} of {len(STEPS)}",
            hours(record["total_minutes"]),
            str(len(record["entries"])),
            ", ".join(f"{row['micro_credential_id']} ({hours(row['minutes'])} h)" for row in held) or "nothing",
            ", ".join(map(words, missing)) or "nothing",
        )
    return table


def words(step: str) -> str:
    """`on_time_submission` as people say it."""
    return step.replace("on_time", "on-time").replace("_", " ")


def mails(folder: Path) -> int:
    return sum(1 for _ in folder.glob("*.eml"))


def _move(clock: ProgrammeClock, to: datetime) -> None:
    if to > clock.now():
        clock.wait(clock.set(to))


def _send(system: System, act: Act) -> None:
    portal = [sent for sent in act.sends if isinstance(sent, Portal)]
    if portal:
        system.portal(*(sent.document() for sent in portal))
    for sent in act.sends:
        if isinstance(sent, Nea):
            system.nea(sent.id, sent.document())


def _accept_late(system: System, act: Act) -> None:
    assert act.whose is not None  # noqa: S101 - the story is ours
    open_ones = system.get("clockhours", "/exceptions", kind="late_attempt", status="open", educator_id=act.whose.id)
    for exception in open_ones["items"]:
        verdict = {"by": "demo staff", "reason": "twenty minutes, and the site was slow that night"}
        system.post("clockhours", f"/exceptions/{exception['exception_id']}/accept", verdict)


def _until(look: Callable[[], dict[str, Any]], there: Callable[[dict[str, Any]], bool], act: Act) -> dict[str, Any]:
    deadline = time.monotonic() + EFFECT_WITHIN_SECONDS
    while not there(facts := look()):
        if time.monotonic() > deadline:
            raise UserError(
                f"nothing came of “{act.says}” within {EFFECT_WITHIN_SECONDS:.0f} s; `wea check` says more."
            )
        time.sleep(0.05)
    return facts


def _until_at_rest(system: System) -> None:
    deadline = time.monotonic() + EFFECT_WITHIN_SECONDS
    while not at_rest(system) and time.monotonic() < deadline:
        time.sleep(0.05)


def _told(person: Person, facts: dict[str, Any]) -> str:
    held = "; ".join(
        f"{hours(row['minutes'])} h held, missing: {', '.join(map(words, row['missing']))}" for row in facts["held"]
    )
    return f"{person.first}: {hours(facts['total_minutes'])} clock hours in the ledger" + (f"; {held}" if held else "")
