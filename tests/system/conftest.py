"""One whole system for all tests of this folder: real servers, every service, started by `wea up`.

Its programme time begins in the spring of 2024. Tests share it: each uses educators of its own, and leaves it running.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.conftest import skipped_at_home
from tests.console.browser import chromium
from tests.system.outside import World, connected
from tests.waiting import PATIENCE_SECONDS, until
from wea.probes import answers_ready_now
from wea.servers import fetch
from wea.state import State
from wea.status import status

ROOT = Path(__file__).parents[2]
BEGINS = "2024-03-01T09:00:00-08:00"


@dataclass(frozen=True)
class System:
    """A running system, as anybody outside sees it."""

    state: Path

    def wea(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a verb of the command line on this system."""
        command = [sys.executable, "-m", "wea", *arguments, "--state", str(self.state)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=400)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def books_are_right(self) -> None:
        """`wea check`, once all is at rest."""
        done = self.wea("check", "--wait", f"{PATIENCE_SECONDS:.0f}", check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        """What `wea status --json` prints: in this process, for it is asked again and again while waiting."""
        found = status(State(self.state))
        assert found is not None, "the system runs"
        return found

    def url(self, service: str) -> str:
        return str(self.status()["services"][service]["url"])

    def key(self, role: str) -> str:
        return str(self.status()["keys"][role])

    def kill(self, name: str) -> None:
        """SIGKILL a service, `kafka`, `mongo` or `smtp`; return when the supervisor has started it again."""
        before = self.pid(name)
        os.kill(before, signal.SIGKILL)
        until(lambda: self.pid(name) not in (0, before), f"{name} runs again")

    def pid(self, name: str) -> int:
        """Its (first) process; 0 while there is none."""
        found = self.status()
        if name in found["services"]:
            return int((found["services"][name]["pids"] or [0])[0])
        return int(found[name]["pid"] or 0)

    def until_ready(self) -> None:
        urls = [service["url"] for service in self.status()["services"].values()]
        until(lambda: all(answers_ready_now(url) for url in urls), "every service is ready")


@pytest.fixture(scope="module")
def world(system: System) -> Iterator[World]:
    """The portal and NEA of the shared system."""
    with connected(system.status()) as api:
        yield World(api)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`wea up --detach` on an empty state; WEA_TEST_SYSTEM names the state of one that runs already, for developing."""
    if running := os.environ.get("WEA_TEST_SYSTEM"):
        yield System(Path(running))
        return
    with skipped_at_home():
        fetch()
    found = System(tmp_path_factory.mktemp("system") / "state")
    found.wea("up", "--detach", "--as-of", BEGINS)
    yield found
    found.wea("down")
