"""Programme time of a system on this machine: one small file that every process follows."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import psutil

from eventing.clock import system_now
from wea import record, settings, times
from wea.errors import UserError
from wea.state import State

ACKNOWLEDGED_WITHIN_SECONDS = 15


class ProgrammeClock:
    """The clock file of a state. Its offset runs on while the system is down."""

    def __init__(self, state: State) -> None:
        self._state = state

    def now(self) -> datetime:
        return system_now() + timedelta(seconds=self._content()["offset_seconds"])

    def begin(self, as_of: datetime | None) -> None:
        """At the start of a system: a new state takes `as_of`; one that has a past only moves forward to it."""
        new = not self._state.clock.exists()
        if as_of is None:
            if new:
                self._write(0.0, 1)
        elif new or as_of > self.now():
            self.set(as_of, force=new)

    def set(self, moment: datetime, *, force: bool = False) -> int:
        """Programme time is `moment` now. Returns the version that processes acknowledge."""
        return self._move(lambda _: moment, force=force)

    def advance(self, by: timedelta) -> int:
        """Programme time is so much later. Of several at once each counts."""
        return self._move(lambda now: now + by)

    def _move(self, to: Callable[[datetime], datetime], *, force: bool = False) -> int:
        refuse_in_production()
        with self._state.changing("clock"):
            now = self.now()
            moment = to(now)
            times.check(moment)
            if moment < now and not force:
                raise UserError(
                    f"{moment.isoformat()} is before programme time ({now.isoformat()}): "
                    "what was decided since would lie in the future. --force does it all the same."
                )
            version = int(self._content()["version"]) + 1
            self._write((moment - system_now()).total_seconds(), version)
        return version

    def wait(self, version: int) -> None:
        """Return when every running process of a service has this version, or a later one."""
        deadline = time.monotonic() + ACKNOWLEDGED_WITHIN_SECONDS
        while behind := [process for process in self._followers() if self._acknowledged(process.pid) < version]:
            if time.monotonic() > deadline:
                names = ", ".join(f"{process.name} (pid {process.pid})" for process in behind)
                raise UserError(f"programme time is set, but {names} has not said that it has it.")
            time.sleep(0.02)

    def _followers(self) -> list[record.Process]:
        run = record.load(self._state)
        if run is None or run.supervisor.find() is None:
            return []
        return [one for one in run.processes if one.service is not None and psutil.pid_exists(one.pid)]

    def _acknowledged(self, pid: int) -> int:
        file = self._state.clock.with_name(self._state.clock.name + ".acks") / str(pid)
        try:
            return int(file.read_text())
        except (FileNotFoundError, ValueError):
            return -1

    def _content(self) -> dict[str, float]:
        return self._state.read(self._state.clock.name) or {"offset_seconds": 0.0, "version": 0}

    def _write(self, offset_seconds: float, version: int) -> None:
        self._state.write(self._state.clock.name, {"offset_seconds": offset_seconds, "version": version})


def refuse_in_production() -> None:
    if settings.is_production():
        raise UserError("programme time is system time in production (WEA_ENV=production): it cannot be moved.")
