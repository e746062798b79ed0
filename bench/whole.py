"""The whole system, by `wea up` in a folder that is thrown away, and what each of its processes uses."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from bench.contender import high_water_mb
from wea import record
from wea.api import connected
from wea.check import at_rest
from wea.state import State
from wea.status import status

AS_OF = "2024-05-06T12:00:00-07:00"  # noon, so that no mail waits for the morning
SETTLED_WITHIN_SECONDS = 300


@dataclass(frozen=True)
class Whole:
    """A running system. Names of processes are the supervisor's: services, kafka, mongo, smtp."""

    state: State

    @property
    def status(self) -> dict[str, Any]:
        found = status(self.state)
        assert found is not None, "it runs"
        return found

    @property
    def kafka(self) -> str:
        return str(self.status["kafka"]["bootstrap"])

    def port(self, service: str) -> int:
        return int(self.status["services"][service]["url"].rpartition(":")[2])

    def processes(self) -> dict[str, psutil.Process]:
        run = record.load(self.state)
        assert run is not None, "it runs"
        return {one.name: psutil.Process(one.pid) for one in run.processes}

    def cpu_seconds(self) -> dict[str, float]:
        return {name: sum(process.cpu_times()[:2]) for name, process in self.processes().items()}

    def peak_mb(self) -> dict[str, int]:
        """The most that each process ever had in memory, by the kernel's own record."""
        return {name: high_water_mb(process.pid) for name, process in self.processes().items()}

    def rss_mb(self) -> dict[str, float]:
        return {name: round(process.memory_info().rss / 2**20) for name, process in self.processes().items()}


def wea(state: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wea", *arguments, "--state", str(state)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


@contextmanager
def whole(*arguments: str) -> Iterator[Whole]:
    """A system from nothing, ready."""
    with TemporaryDirectory(prefix="wea-bench-") as folder:
        state = Path(folder, "state")
        try:
            wea(state, "up", "--detach", "--as-of", AS_OF, *arguments)
            yield Whole(State(state))
        finally:
            wea(state, "down")


async def settled(system: Whole) -> None:
    """Return when everything that was sent was seen, and all that is due was mailed."""

    def wait() -> bool:
        with connected(system.status) as api:
            return at_rest(api)

    async with asyncio.timeout(SETTLED_WITHIN_SECONDS):
        while not await asyncio.to_thread(wait):
            await asyncio.sleep(0.5)
