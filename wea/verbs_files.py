"""The verbs of programme staff about files: programme files, the gallery of e-mails, NEA's download."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wea.options import JsonOption, StateOption, print_json, running
from wea.programs import programs, programs_folder
from wea.report import console

if TYPE_CHECKING:
    from wea.nea_import import Report

program = typer.Typer(help="Programme files: check one, compare two.", no_args_is_help=True)
mail = typer.Typer(help="The messages that educators get: see each kind, send one again.", no_args_is_help=True)
nea = typer.Typer(help="NEA's download: back-fill what its webhooks missed.", no_args_is_help=True)


@program.command("check")
def program_check(file: Path, as_json: JsonOption = False) -> None:
    """Name each fault of a programme file, with its line. Exits with 1 if there is one."""
    from contracts.program import check

    faults = check(file, sorted(set(file.parent.glob("*.toml")) - {file}))
    if as_json:
        print_json([{"line": fault.line, "reason": fault.reason} for fault in faults])
    else:
        for fault in faults:
            console.print(f"{file}:{fault.line}: {fault.reason}", markup=False)
        if not faults:
            console.print(f"{file} is right.")
    if faults:
        raise typer.Exit(1)


@program.command("diff")
def program_diff(before: Path, after: Path, as_json: JsonOption = False) -> None:
    """What differs between two programme files, by what they mean. Exits with 1 if anything does."""
    from contracts.program import diff, read

    changes = diff(read(before), read(after))
    if as_json:
        print_json([str(change) for change in changes])
    else:
        for change in changes:
            console.print(str(change), markup=False)
    if changes:
        raise typer.Exit(1)


@mail.command("preview")
def mail_preview(
    folder: Annotated[Path, typer.Argument(help="Where to write the gallery.")], as_json: JsonOption = False
) -> None:
    """Write a page with every message, with example data: light and dark, narrow and wide."""
    programs(programs_folder())  # a wrong file is a sentence here, and would be a stack trace there
    command = [sys.executable, "-m", "services.notifications.preview", str(folder), str(programs_folder())]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # what it prints is said below
    if done.returncode:
        raise typer.Exit(done.returncode)
    if as_json:
        print_json({"index": f"{folder}/index.html"})
    else:
        console.print(f"{folder}/index.html")


@nea.command("import")
def nea_import(
    file: Path,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be new.")] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Back-fill from NEA's download (CSV; see docs/nea-import.md). Can be run twice, and beside live webhooks.

    Rows that cannot be used are left out and named with their line; then it exits with 1.
    """
    from wea.nea_import import bring_in

    with running(state) as system, console.status("reading") as spinner:
        report = bring_in(system, file, dry_run=dry_run, tell=spinner.update)
    if as_json:
        print_json(report.document())
    else:
        _show_import(report, dry_run)
    if report.faulty:
        raise typer.Exit(1)


def _show_import(report: "Report", dry_run: bool) -> None:
    from wea.nea_import import said

    for row in report.new:
        console.print(f"line {row.line}: {'would be new' if dry_run else 'sent'}: {said(row)}", markup=False)
    for row in report.differs:
        console.print(f"line {row.line}: known with another time, which stays: {said(row)}", markup=False)
    for fault in report.faulty:
        console.print(f"line {fault.line}: left out: {fault.reason}", markup=False)
    counts = [f"{report.rows} rows: {len(report.new)} {'would be new' if dry_run else 'sent'}", f"{report.known} known"]
    counts += [f"{len(report.differs)} known with another time"] if report.differs else []
    counts += [f"{len(report.faulty)} left out"] if report.faulty else []
    console.print(", ".join(counts))
    if dry_run:
        console.print("Nothing was sent: this was a dry run.")
