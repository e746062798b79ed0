"""The programme's years: load the folder, check one file, compare two.

The form of a file is a contract with the programme's staff; `contracts.program_file` says it in models.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from contracts import program_file
from contracts.program_file import Fault, Reading
from contracts.program_year import CatalogueEntry, Designation, Program, Programs
from contracts.toml_lines import Lines

__all__ = [
    "CatalogueEntry",
    "Change",
    "Designation",
    "Fault",
    "Program",
    "ProgramError",
    "Programs",
    "check",
    "diff",
    "load",
    "read",
]


class ProgramError(Exception):
    """A programme file that cannot be used: a service does not start with it. `faults` are all of them."""

    def __init__(self, file: Path, faults: tuple[Fault, ...]) -> None:
        first = faults[0]
        where = f"{file}, line {first.line}" if first.line else str(file)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{where}: {first.reason}{more}")
        self.file = file
        self.line = first.line
        self.reason = first.reason
        self.faults = faults


def load(folder: Path | str) -> Programs:
    """Load every *.toml of a folder. Raises ProgramError for the first file with faults."""
    folder = Path(folder)
    files = sorted(folder.glob("[!.]*.toml"))
    if not files:
        raise ProgramError(folder, (Fault(0, "has no programme file (*.toml)"),))
    readings = {file: _read(file) for file in files}
    loaded = {}
    for file, reading in readings.items():
        if reading.program is None:
            raise ProgramError(file, reading.faults)
        loaded[file] = reading.program
    for earlier, later in pairwise(sorted(files, key=lambda file: loaded[file].starts_at)):
        fault = _clash(loaded[later], readings[later], loaded[earlier], earlier)
        if fault is not None:
            raise ProgramError(later, (fault,))
    return Programs(tuple(sorted(loaded.values(), key=lambda year: year.starts_at)))


def read(file: Path | str) -> Program:
    """Read one file by itself. Raises ProgramError."""
    file = Path(file)
    reading = _read(file)
    if reading.program is None:
        raise ProgramError(file, reading.faults)
    return reading.program


def check(file: Path | str, beside: Iterable[Path] = ()) -> list[Fault]:
    """All faults of a file by line; with the other files of its folder, also a year that two of them claim."""
    file = Path(file)
    reading = _read(file)
    faults = list(reading.faults)
    if reading.program is not None:
        for other in beside:
            program = None if other.resolve() == file.resolve() else _read(other).program
            fault = None if program is None else _clash(reading.program, reading, program, other)
            if fault is not None:
                faults.append(fault)
    return faults


def _read(file: Path) -> Reading:
    try:
        return program_file.read(file.read_bytes())
    except OSError as error:
        fault = Fault(0, f"cannot be read: {error.strerror}")
        return Reading(None, (fault,), Lines(""))


def _clash(program: Program, reading: Reading, other: Program, file: Path) -> Fault | None:
    if program.id == other.id:
        return Fault(reading.lines.of(("id",)), f"{file.name} has the id {other.id}, too")
    if program.starts_at < other.ends_at and other.starts_at < program.ends_at:
        days = f"{other.first_day} to {other.last_day}"
        return Fault(reading.lines.of(("first_day",)), f"the year overlaps {other.id} of {file.name} ({days})")
    return None


@dataclass(frozen=True, slots=True)
class Change:
    """What one file says otherwise than another; None: it does not say it."""

    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.field}: {self.after}"
        if self.after is None:
            return f"- {self.field}: {self.before}"
        return f"~ {self.field}: {self.before} -> {self.after}"


def diff(before: Program, after: Program) -> list[Change]:
    """What changes from one year, or one version of a file, to another, field by field.

    Listed things are compared by id, so moving them is no change.
    """
    old, new = (dict(_flat("", program.model_dump(mode="json"))) for program in (before, after))
    fields = dict.fromkeys((*old, *new))
    return [Change(field, old.get(field), new.get(field)) for field in fields if old.get(field) != new.get(field)]


def _flat(path: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = {item["id"]: {key: inner for key, inner in item.items() if key != "id"} for item in value}
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else key, inner)
    elif value not in (None, []):
        yield path, ", ".join(value) if isinstance(value, list) else value
