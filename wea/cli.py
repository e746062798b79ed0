"""The command line `wea`: each verb's arguments, and what it prints. What a verb does is in its module."""

import asyncio
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from wea import keys, verbs_backup, verbs_console, verbs_files, verbs_staff
from wea.errors import UserError, sentence
from wea.options import JsonOption, StateOption, existing, print_json, state_of
from wea.report import console, show
from wea.state import State
from wea.verbs_books import check, demo, env

app = typer.Typer(
    help="Clock hours for NEA micro-credentials: run the whole system on this machine, and work with it, "
    "or with the one that WEA_URLS and WEA_KEYS name.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
clock_app = typer.Typer(help="Programme time of a development system.", no_args_is_help=True)
app.add_typer(clock_app, name="clock")

stderr = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def up(
    state: StateOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Programme time of a new state: RFC 3339, or a local date or time of the programme. "
            "A state that has a past is moved forward to it, never back."
        ),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when all is ready.")] = False,
    replicas: Annotated[list[str] | None, typer.Option(help="SERVICE=N: that many processes of a service.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Start Kafka, MongoDB, a mail sink and all services on this machine."""
    from wea import up as verb
    from wea.servers import fetch_once

    place = state_of(state)
    request = verb.Request(place.path, as_of, verb.replicas(replicas or []))
    place.check()
    fetch_once()
    with stderr.status("starting") as spinner:

        def tell(step: str) -> None:
            spinner.update(step) if stderr.is_terminal else stderr.print(step)

        def ready() -> None:
            spinner.stop()
            _show(place, as_json)
            stderr.print("Ready. Ctrl-C stops it." if not detach else "Ready. `wea down` stops it.")

        if detach:
            verb.detached(request, tell)
            ready()
        else:
            verb.run(request, tell, ready)


@app.command()
def down(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Stop the system of a state, also what a crash has left of it."""
    from wea import record

    place = state_of(state)
    place.check()
    run = record.load(place) if place.exists() else None
    if run is not None:
        with stderr.status("stopping"):
            record.end_run(place, run)
    if as_json:
        print_json({"stopped": run is not None})
    else:
        console.print(f"Stopped. The state stays in {place.path}." if run else f"Nothing runs on {place.path}.")


@app.command()
def status(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Show where everything is. Exits with 1 if nothing runs, with 2 if nothing ever ran on this state."""
    if not _show(existing(state), as_json, with_health=True):
        raise typer.Exit(1)


@app.command()
def provision(
    initiate: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,...",
            help="First make the mongod of this machine (port 27017) the primary of a replica set of these members, "
            "of which it is the first.",
        ),
    ] = None,
    replication: Annotated[int, typer.Option(min=1, help="How many brokers keep each topic.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Create the users of WEA_MONGO_PASSWORDS on WEA_MONGO, and topics on WEA_KAFKA if it is set. Safe to repeat.

    WEA_KAFKA_SECURITY says how to sign in to Kafka, as it does to the services.
    """
    from wea.provision import provision as create

    done = []
    for line in create(initiate, replication):
        done.append(line)
        if not as_json:
            console.print(line)
    if as_json:
        print_json({"done": done})


@clock_app.command("set")
def clock_set(
    time: Annotated[str, typer.Argument(help="RFC 3339, or a local date or time of the programme.")],
    state: StateOption = None,
    force: Annotated[bool, typer.Option("--force", help="Also backwards.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Set programme time; returns when every process has it."""
    from wea import times
    from wea.clock import ProgrammeClock
    from wea.programs import programs_folder, zone

    place = existing(state)
    clock = ProgrammeClock(place)
    moment = times.moment(time, zone(programs_folder(), clock.now()))
    clock.wait(clock.set(moment, force=force))
    _show_time(clock, as_json)


@clock_app.command("advance")
def clock_advance(
    by: Annotated[str, typer.Argument(help="30s, 5m, 12h, 3d or 2w.", metavar="DURATION")],
    state: StateOption = None,
    force: Annotated[bool, typer.Option("--force", help="Accepted as for `set`; forward needs none.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Move programme time forward; returns when every process has it."""
    from wea import times
    from wea.clock import ProgrammeClock

    clock = ProgrammeClock(existing(state))
    clock.wait(clock.advance(times.duration(by)))
    _show_time(clock, as_json)


def _show(state: State, as_json: bool, with_health: bool = False) -> bool:
    from wea.probes import health
    from wea.status import status as read

    found = read(state)
    if found is None:
        print_json({"services": {}}) if as_json else console.print(f"Nothing runs on {state.path}.")
        return False
    if as_json:
        print_json(found)
    else:
        urls = {name: service["url"] for name, service in found["services"].items()}
        show(state, found, asyncio.run(health(urls)) if with_health else None)
    return True


def _show_time(clock: Any, as_json: bool) -> None:
    now = clock.now().isoformat()
    print_json({"now": now}) if as_json else console.print(f"Programme time is {now}.")


app.command()(env)
app.command()(demo)
app.command()(check)
app.add_typer(verbs_staff.educators, name="educator")
app.add_typer(verbs_staff.exceptions, name="exception")
app.add_typer(keys.verbs, name="keys")
app.command()(verbs_backup.backup)
app.command()(verbs_backup.restore)
app.command()(verbs_staff.correct)
app.command()(verbs_staff.transcript)
app.command()(verbs_staff.export)
app.add_typer(verbs_files.program, name="program")
app.add_typer(verbs_files.mail, name="mail")
app.add_typer(verbs_files.nea, name="nea")
for verb in (verbs_console.tail, verbs_console.lag, verbs_console.timeline):
    app.command()(verb)
app.add_typer(verbs_console.parked, name="parked")
app.add_typer(verbs_console.quarantine, name="quarantine")


def main() -> None:
    """Run a verb. What the user can mend is one sentence on stderr, and exit code 2."""
    try:
        app(prog_name="wea")  # whatever Python was started with
    except (UserError, OSError) as error:
        stderr.print(f"wea: {sentence(error)}", markup=False)
        sys.exit(2)
