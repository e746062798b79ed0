"""What the verbs of `wea` have in common: options, the state folder, JSON on standard output."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from wea import settings
from wea.api import System, connected
from wea.errors import UserError
from wea.state import State

StateOption = Annotated[
    Path | None,
    typer.Option("--state", help="The state folder (default: WEA_STATE, else ~/.local/state/wea)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def state_of(given: Path | None) -> State:
    """The state folder that a verb works with."""
    return State(given.absolute() if given is not None else settings.state_folder())


def existing(given: Path | None) -> State:
    """A state folder that was used before; UserError for another."""
    state = state_of(given)
    state.check()
    if not state.exists():
        raise UserError(f"there is no system at {state.path}: `wea up --state {state.path}` starts one.")
    return state


def print_json(content: object) -> None:
    """What a program reads, on standard output."""
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


@contextmanager
def running(given: Path | None) -> Iterator[System]:
    """The system that runs on a state folder; UserError where none does."""
    from wea.status import status

    found = status(existing(given))
    if found is None:
        raise UserError("nothing runs on this state: `wea up` starts it.")
    with connected(found) as system:
        yield system
