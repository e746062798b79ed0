"""Keys are changed one change at a time."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from wea import keys
from wea.credentials import KEYS
from wea.state import State


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    """A state whose disk is slow."""
    write = State.write

    def slowly(self: State, name: str, content: Any) -> None:
        time.sleep(0.2)
        write(self, name, content)

    found = State(tmp_path / "state")
    found.create()
    monkeypatch.setattr(State, "write", slowly)
    return found


def test_of_keys_made_at_once_none_is_lost_and_one_revoked_meanwhile_stays_so(state: State) -> None:
    keys.create("staff", "old", state.path)
    (old,) = state.read(KEYS)["keys"]
    with ProcessPoolExecutor(3, get_context("fork")) as pool:  # each with the slow disk
        revoked = pool.submit(keys.revoke, old["prefix"], state.path)
        made = [pool.submit(keys.create, "staff", "new", state.path) for _ in range(2)]
        for one in (revoked, *made):
            one.result()
    rows = state.read(KEYS)["keys"]
    assert sorted(row["note"] for row in rows) == ["new", "new", "old"]
    assert [row["note"] for row in rows if row.get("revoked_at")] == ["old"]
