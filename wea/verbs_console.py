"""The verbs of operators: `wea tail`, `lag`, `parked`, `quarantine`, `timeline`. All of them ask the console's /api."""

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from wea.api import System, path
from wea.errors import UserError
from wea.options import JsonOption, StateOption, print_json, running
from wea.report import columns, console

FOLLOW_SECONDS = 1.0
MOST_AT_ONCE = 500  # records that the console shows at once

parked = typer.Typer(help="Records that could not be processed: look, retry, skip, edit.", no_args_is_help=True)
quarantine = typer.Typer(help="Records that could not be read.", no_args_is_help=True)

ReasonOption = Annotated[str, typer.Option("--reason", help="Why: it is audited.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")]
ServiceArgument = Annotated[str, typer.Argument(help="enrollment, clockhours, notifications or console.")]
KeyArgument = Annotated[str, typer.Argument(help="The records' key: an educator id, mostly.")]


def tail(
    topic: Annotated[str | None, typer.Option(help="Only this topic.")] = None,
    event: Annotated[str | None, typer.Option("--type", help="Only this CloudEvents type.")] = None,
    educator: Annotated[str | None, typer.Option(help="Only this educator, or any other key.")] = None,
    text: Annotated[str | None, typer.Option(help="Only events with this text in them.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many to begin with.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the newest records of the topics, the newest last. With --json one object a line."""
    # More may come in a second than are shown at first. By text all would be searched for as many: so not there.
    looked_at = MOST_AT_ONCE if follow and not text else limit
    wanted: dict[str, Any] = {"topic": topic, "type": event, "educator": educator, "text": text, "limit": looked_at}
    shown_at_most, told = limit, dict[str, None]()
    with running(state) as system:
        try:
            while True:
                items = system.get("console", "/api/streams", **wanted)["items"]
                fresh = [one for one in reversed(items) if one["place"] not in told]
                _print_records(fresh[-shown_at_most:], as_json)
                shown_at_most = MOST_AT_ONCE
                told.update(dict.fromkeys(one["place"] for one in fresh))
                for place in list(told)[: -4 * MOST_AT_ONCE]:
                    del told[place]
                if not follow:
                    return
                time.sleep(FOLLOW_SECONDS)
        except KeyboardInterrupt:
            return


def lag(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Show how far each reader is behind on each topic."""
    with running(state) as system:
        found = system.get("console", "/api/lag")
    if as_json:
        print_json(found)
        return
    if found.get("kafka_away"):
        console.print("Kafka does not answer: shown as it was last seen.")
    rows = (
        (one["group"], one["topic"], str(one["lag"]), f"{one['oldest_seconds']} s" if one["lag"] else "")
        for one in found["items"]
    )
    columns(("group", "topic", "records waiting", "oldest waits"), rows)


def timeline(
    educator: Annotated[str, typer.Argument(help="An educator id, or any other key.")],
    limit: Annotated[int, typer.Option(min=1, max=500)] = 100,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show everything in and out about an educator, across the services, the newest last."""
    with running(state) as system:
        found = system.get("console", _path("educators", educator, "timeline"), limit=limit)
    if as_json:
        print_json(found)
    elif found["items"]:
        _print_records(reversed(found["items"]), False)
    else:
        console.print(f"Nothing was heard of {educator}.", markup=False)


@parked.command("list")
def parked_list(
    service: Annotated[str | None, typer.Option(help="Only of this service.")] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what is parked, grouped by reason."""
    with running(state) as system:
        found = system.get("console", "/api/parked", "operator", of=service)
    if as_json:
        print_json(found)
        return
    _say_away(found)
    if not found["items"]:
        console.print(f"Nothing is parked{_elsewhere(found)}.")
        return
    columns(("service", "fingerprint", "reason", "keys", "records", "for example"), map(_group, found["items"]))


def _group(one: dict[str, Any]) -> tuple[str, ...]:
    reason = f"{one['reason']['code']} {one['reason']['detail']}"
    counts = (str(one["lanes"]), str(one["records"]))
    return one["service"], one["fingerprint"], reason, *counts, one["heads"][0]["key"]


@parked.command("show")
def parked_show(
    service: ServiceArgument, key: KeyArgument, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Show the parked record of a key, and what stands behind it."""
    with running(state) as system:
        found = system.get("console", _path("parked", service, "by-key"), "operator", key=key)
    if as_json:
        print_json(found)
        return
    head = found["head"]
    console.print(f"{head['type']} {head['event_id']} at {head['place']}, parked {head['parked_at']}", markup=False)
    console.print(f"reason: {head['reason']['code']} {head['reason']['detail']}", markup=False)
    console.print(f"behind it: {len(found['behind'])}{' and more' if found.get('more') else ''}")
    console.print_json(data=head["value"])


@parked.command("retry")
def parked_retry(
    service: ServiceArgument,
    key: KeyArgument,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try the records of a key again, in order."""
    _act(state, as_json, _path("parked", service, "by-key", "retry"), key=key, reason=reason, dry_run=dry_run)


@parked.command("retry-group")
def parked_retry_group(
    service: ServiceArgument,
    fingerprint: Annotated[str, typer.Argument(help="Of the reason, as `wea parked list` shows it.")],
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try all keys that are parked for one reason again."""
    _act(state, as_json, _path("parked", service, "group", fingerprint, "retry"), reason=reason, dry_run=dry_run)


@parked.command("skip")
def parked_skip(
    service: ServiceArgument,
    key: KeyArgument,
    reason: ReasonOption,
    event_id: Annotated[
        str | None, typer.Option(help="Of the record that is meant: where another is first by now, none is taken out.")
    ] = None,
    dry_run: DryRunOption = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the first record of a key out, into quarantine, and go on with what stood behind it."""
    address = _path("parked", service, "by-key", "skip")
    _act(state, as_json, address, key=key, event_id=event_id, reason=reason, dry_run=dry_run)


@parked.command("edit")
def parked_edit(
    service: ServiceArgument,
    key: KeyArgument,
    data: Annotated[Path, typer.Option(help="A file with the record's new data, a JSON object; - is standard input.")],
    reason: ReasonOption,
    event_id: Annotated[
        str | None,
        typer.Option(help="Of the record that the data is for: where another is first by now, none is edited."),
    ] = None,
    dry_run: DryRunOption = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the first record of a key other data, and try it."""
    text = sys.stdin.buffer.read() if str(data) == "-" else data.read_bytes()
    try:
        content = json.loads(text)  # of bytes it sees the encoding itself
    except ValueError as error:
        raise UserError(f"{data} is not JSON: {error}.") from None
    address = _path("parked", service, "by-key", "edit")
    _act(state, as_json, address, key=key, event_id=event_id, data=content, reason=reason, dry_run=dry_run)


@quarantine.command("list")
def quarantine_list(
    service: Annotated[str | None, typer.Option(help="Only of this service.")] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what could not be read or used, grouped by reason."""
    with running(state) as system:
        found = system.get("console", "/api/quarantine", "operator", of=service)
    if as_json:
        print_json(found)
        return
    _say_away(found)
    if not found["items"]:
        console.print(f"Nothing is in quarantine{_elsewhere(found)}.")
        return
    rows = ((one["service"], one["topic"], one["reason"], str(one["count"]), one["last_at"]) for one in found["items"])
    columns(("service", "topic", "reason", "records", "last"), rows)


@quarantine.command("seen")
def quarantine_seen(
    service: ServiceArgument,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that what is in a service's quarantine was looked at."""
    with running(state) as system:
        count = system.get("console", "/api/quarantine", "operator", of=service)["counts"].get(service, 0)
    _act(state, as_json, _path("quarantine", service, "seen"), count=str(count), reason=reason, dry_run=dry_run)


def _act(state: Path | None, as_json: bool, address: str, **body: Any) -> None:
    """Do it and say what came of it. Exits with 1 where it did not work."""
    with running(state) as system:
        done = _post(system, address, body)
    if as_json:
        print_json(done)
    else:
        console.print(("Preview, nothing is changed. " if done["dry_run"] else "") + done["done"], markup=False)
        for event in done.get("events", ()):
            console.print(f"  {event}", markup=False)
    if not done["ok"]:
        raise typer.Exit(1)


def _elsewhere(found: dict[str, Any]) -> str:
    """Where nothing is, of a list that could not ask everybody."""
    return " in those that answer" if found["away"] else ""


def _say_away(found: dict[str, Any]) -> None:
    for name in found["away"]:
        console.print(f"{name} does not answer: shown without it.")


def _post(system: System, address: str, body: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = system.post("console", address, body, "operator")
    return done


def _print_records(records: Iterable[dict[str, Any]], as_json: bool) -> None:
    for one in records:
        if as_json:
            sys.stdout.write(json.dumps(one) + "\n")
        else:
            type_ = one["type"].removeprefix("org.washingtonea.").removesuffix(".v1")
            said = f"{one['at']}  {type_:<26} {one['key']:<28} "
            console.print(Text.assemble(said, (one["place"], "dim")))  # no markup: what others wrote may look like it
    sys.stdout.flush()


def _path(*parts: str) -> str:
    return "/api" + path(*parts)
