"""The verbs of programme staff about educators: records, exceptions, corrections, transcripts, the year's export."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from contracts.hours import shown as hours
from wea import staff
from wea.api import path
from wea.errors import UserError
from wea.options import JsonOption, StateOption, print_json, running
from wea.programs import local
from wea.report import columns, console
from wea.verbs_files import mail

educators = typer.Typer(help="An educator: find, show, merge, unmerge, erase, link.", no_args_is_help=True)
exceptions = typer.Typer(help="Cases for staff: list, accept, dismiss.", no_args_is_help=True)

Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit trail.")]
By = Annotated[str, typer.Option("--by", help="Who decides (default: the user of this machine).")]
Out = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of standard output.")]


@educators.command("find")
def educator_find(
    wanted: Annotated[str, typer.Argument(help="An e-mail address, a part of the name, an NEA member id, or an id.")],
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find educators by what you know of them."""
    with running(state) as system:
        rows = staff.find(system, wanted)
    if as_json:
        print_json(rows)
    elif rows:
        columns(("educator", "name", "e-mail", "NEA member", ""), map(_found, rows))
    else:
        console.print("Nobody found.")


def _found(row: dict[str, Any]) -> tuple[str, ...]:
    read_as = f"merged into {row['alias_of']}" if row["alias_of"] else ""
    return row["educator_id"], row["name"] or "", row["email"] or "", row["nea_member_id"] or "", read_as


@educators.command("show")
def educator_show(educator_id: str, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Everything that is known of an educator: steps, hours, what is held and why, messages."""
    with running(state) as system:
        found = staff.educator(system, educator_id)
    if as_json:
        print_json(found)
        return
    _show(found)


def _show(found: dict[str, Any]) -> None:
    record, ledger = found["record"], found["clock_hours"]
    profile = record["profile"] or {"name": "erased" if record["erased"] else "no profile yet", "email": ""}
    console.print(Text.assemble((profile["name"], "bold"), f"  {record['educator_id']}  {profile['email']}".rstrip()))
    if record["aliases"]:
        console.print(f"with {', '.join(record['aliases'])}, merged into it", markup=False)
    console.print(f"{hours(ledger['total_minutes'])} clock hours")
    if ledger["entries"]:
        columns(("granted", "kind", "what", "hours", "reverses"), map(_entry, ledger["entries"]))
    for row in ledger["held"]:
        missing = ", ".join(row["missing"]).replace("_", " ")
        what = f" {row['micro_credential_id']}: {hours(row['minutes'])} hours, missing {missing}"
        console.print(Text.assemble(("held", "yellow"), what))
    for case in ledger["exceptions"]:
        said = f" {case['status']}: {_about(case)}  {case['exception_id']}"
        console.print(Text.assemble((case["kind"], "red"), said))
    for message in found["messages"]:
        said = f" {message['kind']} {message['status']}: {message['subject']}  {message['message_id']}"
        console.print(Text.assemble((f"{local(message['created_at']):%Y-%m-%d %H:%M}", "dim"), said))


def _entry(entry: dict[str, Any]) -> tuple[str, ...]:
    what = entry["micro_credential_id"] or entry["session_id"] or ""
    return (
        f"{local(entry['granted_at']):%Y-%m-%d}",
        entry["kind"],
        what,
        hours(entry["minutes"]),
        entry["reverses"] or "",
    )


def _about(case: dict[str, Any]) -> str:
    """What a case is about: its ids."""
    attempt = f"attempt {case['attempt']}" if case["attempt"] else None
    return " ".join(filter(None, (case["micro_credential_id"], case["session_id"], case["submission_id"], attempt)))


@educators.command("merge")
def educator_merge(
    kept: str, merged: str, reason: Reason, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Read two accounts as one, under the kept id."""
    with running(state) as system:
        _sent(staff.merge(system, kept, merged, reason), as_json)


@educators.command("unmerge")
def educator_unmerge(
    kept: str, merged: str, reason: Reason, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Undo a merge: both are judged anew, each with what came under its own id."""
    with running(state) as system:
        _sent(staff.unmerge(system, kept, merged, reason), as_json)


@educators.command("erase")
def educator_erase(
    educator_id: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; it cannot be undone.")] = False,
    reason: Reason = "asked to be forgotten",
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase an educator's personal data. The ledger stays under the opaque id."""
    if not yes:
        raise UserError(f"erasing {educator_id} cannot be undone: say --yes.")
    with running(state) as system:
        _sent(staff.erase(system, educator_id, reason), as_json)


@educators.command("link")
def educator_link(
    learner: Annotated[str, typer.Argument(help="The id of an unmatched learner.")],
    educator_id: str,
    reason: Reason,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which educator an unmatched learner of NEA's is."""
    with running(state) as system:
        _answered(staff.link(system, learner, educator_id, reason), as_json, f"{learner} is {educator_id} now.")


@educators.command("unlink")
def educator_unlink(learner: str, reason: Reason, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Take a link back, with its effects."""
    with running(state) as system:
        _answered(staff.unlink(system, learner, reason), as_json, f"{learner} is unmatched again.")


@educators.command("unmatched")
def educator_unmatched(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Learners of NEA's that nobody could be matched with."""
    with running(state) as system:
        rows = list(system.items("enrollment", "/unmatched"))
    if as_json:
        print_json(rows)
        return
    if not rows:
        console.print("Nobody is unmatched.")
        return
    columns(("id", "member", "address", "about", "could be"), map(_unmatched, rows))


def _unmatched(row: dict[str, Any]) -> tuple[str, ...]:
    about = f"{row['facts']} facts: {', '.join(row['micro_credential_ids'])}"
    return row["id"], row["nea_member_id"] or "", row["email"] or "", about, ", ".join(row["candidates"])


@exceptions.command("list")
def exception_list(
    status: Annotated[str, typer.Option(help="open, accepted, dismissed, resolved, or all.")] = "open",
    kind: Annotated[str | None, typer.Option(help="Such as late_attempt.")] = None,
    educator_id: Annotated[str | None, typer.Option("--educator")] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cases, the oldest first."""
    wanted = None if status == "all" else status
    with running(state) as system:
        rows = list(system.items("clockhours", "/exceptions", status=wanted, kind=kind, educator_id=educator_id))
    if as_json:
        print_json(rows)
        return
    if not rows:
        console.print("No cases.")
        return
    columns(("opened", "kind", "educator", "about", "status", "id"), map(_case, rows))


def _case(row: dict[str, Any]) -> tuple[str, ...]:
    opened, who = f"{local(row['opened_at']):%Y-%m-%d}", row["educator_id"] or ""
    return opened, row["kind"], who, _about(row), row["status"], row["exception_id"]


@exceptions.command("accept")
def exception_accept(
    exception_id: str, reason: Reason, by: By = "", state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Let a late attempt count as on time."""
    with running(state) as system:
        answer = staff.verdict(system, exception_id, "accept", by, reason)
        _answered(answer, as_json, "Accepted.")


@exceptions.command("dismiss")
def exception_dismiss(
    exception_id: str, reason: Reason, by: By = "", state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Settle a case without any effect."""
    with running(state) as system:
        answer = staff.verdict(system, exception_id, "dismiss", by, reason)
        _answered(answer, as_json, "Dismissed.")


def correct(
    educator_id: str,
    session_id: str,
    minutes: Annotated[int, typer.Argument(min=0, max=1440, help="Minutes attended; 0 takes the attendance back.")],
    reason: Reason,
    opens: Annotated[str | None, typer.Option(help="The micro-credential that a workshop was for.")] = None,
    opens_nothing: Annotated[bool, typer.Option("--opens-nothing", help="It was for none.")] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct an attendance: its minutes, and what a workshop was for."""
    if opens and opens_nothing:
        raise UserError("--opens and --opens-nothing exclude each other.")
    allocation: dict[str, str | None] = {"micro_credential_id": opens} if opens or opens_nothing else {}
    with running(state) as system:
        _sent(staff.correct(system, educator_id, session_id, minutes, reason, allocation), as_json)


def transcript(educator_id: str, output: Out = None, state: StateOption = None, as_json: JsonOption = False) -> None:
    """An educator's transcript: a PDF, or its content with --json."""
    if not as_json and output is None and _is_terminal():
        raise UserError("a PDF is nothing for a terminal: name a file with --output.")  # before one is issued
    with running(state) as system:
        if as_json:
            _write_json(system.get("clockhours", path("educators", educator_id, "transcript")), output)
            return
        _write(system.get("clockhours", path("educators", educator_id, "transcript.pdf")), output)


def export(
    program_year: Annotated[str, typer.Argument(help="Such as 2023-24.")],
    output: Out = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """The year's ledger as CSV, for the state; its rows as objects with --json."""
    with running(state) as system:
        content = system.get("clockhours", f"{path('exports', program_year)}.csv")
    if not as_json:
        _write(content, output)
        return
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else str(content)
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    _write_json(rows, output)


@mail.command("resend")
def mail_resend(
    message_id: Annotated[str, typer.Argument(help="As `wea educator show` tells it.")],
    reason: Reason,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a message again, as things stand now."""
    with running(state) as system:
        answer = system.post("notifications", path("messages", message_id, "resend"), {"reason": reason})
    underway = answer["status"] in {"queued", "sending"}
    said = "It will be sent again." if underway else "Nothing changed: the same was asked with this reason before."
    _answered(answer, as_json, said)


def _sent(event_id: str, as_json: bool) -> None:
    _answered({"event_id": event_id}, as_json, "Accepted; it takes effect within a second or so.")


def _answered(answer: Any, as_json: bool, sentence: str) -> None:
    print_json(answer) if as_json else console.print(sentence)


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _write_json(content: Any, output: Path | None) -> None:
    if output is None:
        print_json(content)
    else:
        _write(json.dumps(content, indent=2) + "\n", output)


def _write(content: Any, output: Path | None) -> None:
    data = content if isinstance(content, bytes) else str(content).encode()
    if output is None:
        sys.stdout.buffer.write(data)
    else:
        output.write_bytes(data)
        console.print(f"{output}: {len(data)} bytes")
