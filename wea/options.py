"""What the verbs of `wea` have in common: options, the state folder, JSON on standard output."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from eventing.clock import system_now
from wea import settings
from wea.api import System, connected, key_of
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


def running(given: Path | None, *roles: str) -> AbstractContextManager[System]:
    """The system that a verb works with: that of a state, or with WEA_URLS, and no --state, the one that those name.

    UserError where none runs, or where WEA_KEYS has no key of one of these roles.
    """
    return on_state(given) if given is not None or not settings.given_urls() else connected(named(*roles))


def named(*roles: str) -> dict[str, Any]:
    """The system of WEA_URLS, WEA_KEYS and WEA_NEA_SECRETS, as far as its status says it. Its time is the machine's."""
    keys, secrets = settings.given_keys(), settings.given_nea_secrets()
    for role in roles:
        key_of(keys, role)
    services = {name: {"url": url} for name, url in settings.given_urls().items()}
    found = {"services": services, "keys": keys, "now": system_now().isoformat()}
    return found | ({"nea_webhook_secret": secrets[0]} if secrets else {})


@contextmanager
def on_state(given: Path | None) -> Iterator[System]:
    """The system that runs on a state folder; UserError where none does."""
    from wea.status import status

    found = status(existing(given))
    if found is None:
        raise UserError("nothing runs on this state: `wea up` starts it.")
    with connected(found) as system:
        yield system
