"""The verbs `wea env`, `wea demo` and `wea check`."""

import contextlib
import shlex
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from wea import settings
from wea.api import connected
from wea.errors import UserError
from wea.options import JsonOption, StateOption, named, on_state, print_json, running, state_of
from wea.report import console

if TYPE_CHECKING:
    from wea.clock import ProgrammeClock

AS_OF = "2024-03-01"


def env(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Print addresses, keys and the webhook secret as shell variables: eval "$(wea env)"."""
    with on_state(state) as system:
        found = system.status
    variables = {name.upper(): service["url"] for name, service in found["services"].items()}
    variables |= {f"{role.upper()}_KEY": key for role, key in found["keys"].items()}
    variables |= {"NEA_WEBHOOK_SECRET": found["nea_webhook_secret"], "MAIL_DIR": found["mail_dir"]}
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def check(
    state: StateOption = None,
    wait: Annotated[
        float | None,
        typer.Option(help="Seconds to wait until all is ready and at rest.", show_default="10 and 30"),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(help="Check again and again: 15m, 1h. Ends only when it is stopped.", metavar="DURATION"),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="With --every: show the result to Prometheus on this port.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove the books over all services. Exits with 1, and lists what does not add up, or who is not ready.

    The system is that of the state; with WEA_URLS and an operator's key in WEA_KEYS, and no --state, that of those.
    """
    from wea import check as books

    within = books.AT_REST_WITHIN_SECONDS if wait is None else wait
    ready_within = books.READY_WITHIN_SECONDS if wait is None else wait
    if every is not None:
        _keep_checking(state, every, within, metrics_port)
        return
    if metrics_port is not None:
        raise UserError("--metrics-port goes with --every.")
    with running(state, "operator") as system, console.status("adding up") as spinner:
        patient = replace(system, patience_seconds=ready_within)  # with one that goes away while it is checked
        findings = books.check(patient, wait_seconds=within, ready_seconds=ready_within, tell=spinner.update)
    if as_json:
        print_json(findings.document())
    else:
        for problem in findings.problems:
            console.print(Text.assemble(("✗", "red"), f" {problem}"))
        for name, counts in findings.counts.items():
            console.print(Text.assemble((name, "dim"), f" {counted(counts)}"))
        if not findings.problems:
            console.print("[green]✓[/green] The books are right.")
    if findings.problems:
        raise typer.Exit(1)


def counted(counts: Mapping[str, Any]) -> str:
    """`accepted 50, applied 50, duplicate 0`: what is counted within a book stands in the same line."""
    flat = (counted(value) if isinstance(value, Mapping) else f"{name} {value}" for name, value in counts.items())
    return ", ".join(flat).replace("_", " ")


def _keep_checking(state: Path | None, every: str, wait: float, metrics_port: int | None) -> None:
    from wea import check_schedule
    from wea.times import duration

    pause = duration(every)
    if pause.total_seconds() < 1:
        raise UserError(f"--every {every} would check without pause: name a second at least.")
    with running(state, "operator") as system, contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as process 1 of a container it would not end otherwise
        if metrics_port is not None:
            check_schedule.serve(metrics_port, settings.given_host())
        check_schedule.keep_checking(system, pause, wait, lambda line: console.print(line, markup=False))


def demo(
    state: StateOption = None,
    leave: Annotated[bool, typer.Option("--detach", help="Leave a system that the demo started running.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Play the spring of 2024 with six educators against a running system, or start one for it.

    The system is that of the state; with WEA_URLS, WEA_KEYS (portal, staff, operator) and WEA_NEA_SECRETS, and no
    --state, that of those: a development system whose time stays as it is.
    """
    from wea.clock import ProgrammeClock
    from wea.status import status as read

    if settings.is_production():
        raise UserError("the demo's educators are made up: it is not played in production (WEA_ENV=production).")
    if state is None and settings.given_urls():
        _tell_elsewhere(as_json)
        return
    place = state_of(state)
    place.check()
    started = not place.exists() or read(place) is None
    if started:
        _start(place.path)
    found = read(place)
    if found is None:
        raise UserError("the system that was started is gone; its log files say why.")
    _tell(found, ProgrammeClock(place), as_json=as_json)
    if not as_json:
        console.print(f"To sign in   wea status --state {place.path}", markup=False)
    if started and not leave and not as_json:
        _until_interrupted(place.path)


def _start(path: Path) -> None:
    from wea import up as verb
    from wea.servers import fetch_once

    fetch_once()
    with console.status("starting Kafka, MongoDB and the services") as spinner:
        verb.detached(verb.Request(path, AS_OF), spinner.update)


def _tell_elsewhere(as_json: bool) -> None:
    found = named("portal", "staff", "operator")
    if "nea_webhook_secret" not in found:
        raise UserError("set WEA_NEA_SECRETS: NEA's part of the story is signed.")
    _tell(found, None, as_json=as_json)


def _tell(found: dict[str, Any], clock: "ProgrammeClock | None", *, as_json: bool) -> None:
    from wea.demo import play

    with connected(found) as system:
        console.quiet = as_json
        records = play.play(system, clock, console)
        console.quiet = False
        if as_json:
            print_json({"educators": records})
            return
        console.print()
        console.print(play.tables(records))
        console.print()
        if "console" in found["services"]:
            console.print(f"Console      {system.url('console')}")
        console.print(f"Ledger       {system.url('clockhours')}/docs")
        if mail := found.get("mail_dir"):
            console.print(f"Mail         {play.mails(Path(mail))} messages in {mail}")


def _until_interrupted(path: Path) -> None:
    """Leave the system up until Ctrl-C, then stop it."""
    from wea import record
    from wea.state import State

    place = State(path)
    console.print("\nThe system stays up. Ctrl-C stops it.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("stopping")
        run = record.load(place)
        if run is not None:
            record.end_run(place, run)
