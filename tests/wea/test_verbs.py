"""Every verb has --help, and --json where it prints."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from wea.cli import app


def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for each, one in below.items():
        yield from leaves(one, f"{name} {each}")


VERBS = dict(leaves(typer.main.get_command(app), "wea"))


def test_the_verbs_are_found() -> None:
    assert {"wea up", "wea env", "wea clock set", "wea parked skip"} <= VERBS.keys()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_help_and_json(verb: str) -> None:
    options = {option for parameter in VERBS[verb].params for option in parameter.opts}
    assert VERBS[verb].help
    assert "--json" in options
