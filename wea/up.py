"""`wea up`: start a system, here or behind our back."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wea import fleet, record
from wea.clock import ProgrammeClock, refuse_in_production
from wea.errors import UserError
from wea.programs import programs, programs_folder, zone
from wea.state import State
from wea.times import moment

MOST_REPLICAS = 8

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What the command line was asked for."""

    state: Path
    as_of: str | None = None
    replicas: Mapping[str, int] = field(default_factory=dict)


def replicas(given: list[str]) -> dict[str, int]:
    """`enrollment=2` and so on, checked."""
    names = {service.name for service in fleet.SERVICES}
    found = {}
    for one in given:
        name, _, number = one.partition("=")
        if name not in names or not number.isdecimal() or not 1 <= int(number) <= MOST_REPLICAS:
            raise UserError(
                f"--replicas {one}: write SERVICE=N, of {', '.join(sorted(names))} and 1 to {MOST_REPLICAS}."
            )
        found[name] = int(number)
    return found


def run(
    request: Request,
    tell: Tell,
    ready: Callable[[], None],
    services: tuple[fleet.Service, ...] = fleet.SERVICES,
) -> None:
    """Run a system until it is told to stop. UserError where it cannot be started."""
    # These bring the drivers along; only whoever runs a system needs them.
    from wea.plan import Options
    from wea.supervisor import supervise

    folder = programs_folder()
    programs(folder)  # a wrong file or time is said before anything is touched
    state = State(request.state)
    state.check()
    clock, as_of = ProgrammeClock(state), None
    if request.as_of:
        refuse_in_production()
        as_of = moment(request.as_of, zone(folder, clock.now()))
    state.create()
    with state.locked():
        _clear(state, tell)
        clock.begin(as_of)
        asyncio.run(supervise(state, Options(folder, request.replicas, services), tell, ready))


def detached(request: Request, tell: Tell) -> None:
    """Start `run` as a process of its own and return when it is ready; UserError with its words if not.

    Nothing is checked here that the process checks too: it would only be done twice.
    """
    given = {"state": str(request.state), "as_of": request.as_of, "replicas": dict(request.replicas)}
    receiver, sender = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "wea.detached", str(sender), json.dumps(given)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[sender],
        start_new_session=True,
    )
    os.close(sender)
    try:
        with os.fdopen(receiver) as said:
            for line in said:
                message = json.loads(line)
                if "ready" in message:
                    return
                if "error" in message:
                    process.wait()
                    raise UserError(message["error"])
                tell(message["step"])
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise
    raise UserError(f"the supervisor ended without a word (see {request.state / 'logs' / 'supervisor.log'}).")


def _clear(state: State, tell: Tell) -> None:
    """After a crash of the last supervisor, end what it left; we hold the lock, so none is alive."""
    with contextlib.suppress(UserError):  # a damaged record helps nobody
        last = record.load(state)
        if last is not None:
            stopped = record.end(last.processes)
            if stopped:
                tell(f"ended {len(stopped)} processes that a crash had left")
    state.remove(record.FILE)
