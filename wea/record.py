"""The record of what runs: who supervises, and which processes it started.

It is what `wea down` goes by after a crash. A process is its id and its start time together: ids
are used again, and nothing that we did not start is ever ended.
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil

from wea.state import State

FILE = "run.json"
SAME_START_SECONDS = 1.0  # the start time is computed from the machine's clock, which may be set


@dataclass(frozen=True)
class Process:
    """A process that the supervisor started. `service` is None for servers and the mail sink."""

    name: str
    pid: int
    started: float
    service: str | None = None

    def find(self) -> psutil.Process | None:
        """The process itself, if it still runs and no other has taken its id."""
        with contextlib.suppress(psutil.Error):
            found = psutil.Process(self.pid)
            is_it = abs(found.create_time() - self.started) < SAME_START_SECONDS
            if is_it and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None


@dataclass
class Run:
    """One run of `wea up`; `status` is what `wea status --json` shows, but for pids and time."""

    supervisor: Process
    processes: list[Process] = field(default_factory=list)
    ready: bool = False
    programs: str = ""
    status: dict[str, Any] = field(default_factory=dict)

    def save(self, state: State) -> None:
        state.write(FILE, asdict(self))

    def pid_of(self, name: str) -> int | None:
        return next((process.pid for process in self.processes if process.name == name), None)

    def pids_of(self, service: str) -> list[int]:
        return [process.pid for process in self.processes if process.service == service]


def start_time(pid: int) -> float:
    """When the process began, seconds since 1970; 0.0, which is never the same, if it is gone already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def load(state: State) -> Run | None:
    """The last run that was not ended in order; None where there is none."""
    content = state.read(FILE)
    if not content:
        return None
    supervisor = Process(**content.pop("supervisor"))
    processes = [Process(**process) for process in content.pop("processes")]
    return Run(supervisor, processes, **content)


def end(processes: Sequence[Process], grace: float = 10) -> list[int]:
    """Stop those that still run, services before servers; by force after `grace` seconds.

    Returns the ids of what was stopped.
    """
    stopped = []
    for services in (True, False):
        living = [found for one in processes if (one.service is not None) is services and (found := one.find())]
        for process in living:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, stubborn = psutil.wait_procs(living, timeout=grace)
        for process in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(stubborn, timeout=5)
        stopped += [process.pid for process in living]
    return stopped


def end_run(state: State, run: Run, grace: float = 40) -> list[int]:
    """End a run: ask its supervisor, and end what that leaves. Returns what was ended without it."""
    supervisor = run.supervisor.find()
    if supervisor is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            supervisor.terminate()
        deadline = time.monotonic() + grace
        while run.supervisor.find() is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        with contextlib.suppress(psutil.NoSuchProcess):
            if run.supervisor.find() is not None:
                supervisor.kill()
    left = end((load(state) or run).processes)
    state.remove(FILE)
    return left
