"""A system of its own to whom things happen: services killed while the demo runs, a release with a bug."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import ROOT, System
from tests.system.outside import Educator, World, connected, kinds
from tests.waiting import until

BUG = Path(__file__).parent / "bug"
SERVICES = ("enrollment", "clockhours", "notifications", "console")
# The demo's lines at which the next service is killed: all through the spring.
AT_LINES = {4: "enrollment", 7: "clockhours", 11: "notifications", 16: "console", 20: "enrollment", 24: "clockhours"}


@pytest.fixture(scope="module")
def flag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Educators for whom the bug is there, one id a line."""
    return tmp_path_factory.mktemp("bug") / "educators"


@pytest.fixture(scope="module")
def unlucky(tmp_path_factory: pytest.TempPathFactory, flag: Path) -> Iterator[System]:
    """A system of its own, in which clockhours has a bug to order."""
    system = System(tmp_path_factory.mktemp("unlucky") / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(BUG))
        patch.setenv("WEA_TEST_BUG", str(flag))
        system.wea("up", "--detach", "--as-of", "2024-03-01")
        yield system
        system.wea("down")


@pytest.fixture
def world(unlucky: System) -> Iterator[World]:
    with connected(unlucky.status()) as api:
        yield World(api)


def test_a_body_that_no_code_can_process_parks_its_educator_only_until_it_is_retried(
    unlucky: System, world: World, flag: Path
) -> None:
    rosa, ana = Educator(), Educator()
    flag.write_text(rosa.id)
    world.send(*rosa.whole_story(), *ana.whole_story())
    world.until_total(ana, 1080)

    def parked() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = world.api.get("clockhours", "/admin/parked", "operator")["items"]
        return found

    until(lambda: parked() and parked()[0]["behind"], "her first record is parked and others wait behind it")
    assert [(lane["key"], lane["reason"]["code"]) for lane in parked()] == [(rosa.id, "bug")]
    assert world.hours(rosa)["total_minutes"] == 0

    still = unlucky.wea("parked", "retry", "clockhours", rosa.id, "--reason", "trying", check=False)
    assert world.hours(rosa)["total_minutes"] == 0, still.stdout

    flag.write_text("")
    unlucky.wea("parked", "retry", "clockhours", rosa.id, "--reason", "the bug is mended")
    assert kinds(world.until_total(rosa, 1080)) == [("micro_credential", 900), ("orientation", 90), ("workshop", 90)]
    until(lambda: not parked(), "nothing is parked any more")
    unlucky.books_are_right()


def test_services_killed_while_the_demo_runs_change_nothing_in_the_ledger(unlucky: System, world: World) -> None:
    command = [sys.executable, "-m", "wea", "demo", "--state", str(unlucky.state)]
    killed = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        told = []
        for number, line in enumerate(demo.stdout, 1):
            told.append(line)
            if number in AT_LINES:
                pid = unlucky.pid(AT_LINES[number])
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(AT_LINES[number])
    assert demo.returncode == 0, "".join(told)
    assert set(killed) == set(SERVICES)
    unlucky.books_are_right()
    totals = {name: world.hours(Educator(id=f"demo-{name}"))["total_minutes"] for name in ("ana", "ben", "farah")}
    assert totals == {"ana": 1080, "ben": 1080, "farah": 180}
    assert len(world.hours(Educator(id="demo-ana"))["entries"]) == 3
    assert len(world.hours(Educator(id="demo-farah"))["entries"]) == 4


def test_the_demo_played_again_says_so_and_ends_at_once_as_it_did(unlucky: System, world: World) -> None:
    """The story is told to its end; then again, for who runs `make demo` twice."""
    unlucky.wea("demo")
    entries = {name: world.hours(Educator(id=f"demo-{name}"))["entries"] for name in ("ana", "chloe", "farah")}
    began = time.monotonic()

    again = unlucky.wea("demo")

    assert "told the story before: it goes on from Tue May 21" in again.stdout
    assert time.monotonic() - began < 60
    assert {name: world.hours(Educator(id=f"demo-{name}"))["entries"] for name in entries} == entries
    unlucky.books_are_right()
