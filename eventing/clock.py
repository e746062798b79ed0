"""The two clocks: system time for the machinery, programme time for decisions.

Leases, back-off and Kafka run on system time. What is decided about educators (granted_at, deadlines, reminders)
runs on programme time: system time plus an offset that an operator of a development system may set. The offset
lives in one small file that every process of the system follows; without a file, programme time is system time.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

FOLLOW_SECONDS = 0.05


def system_now() -> datetime:
    """Now by the machine's clock, aware, UTC, in whole milliseconds as MongoDB keeps them."""
    return whole_milliseconds(datetime.now(UTC))


def whole_milliseconds(moment: datetime) -> datetime:
    """The moment as MongoDB stores it: what is read back compares equal to what was written."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Clock:
    """Programme time: callable, aware UTC. `file` holds {"offset_seconds": float, "version": int}."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._offset = timedelta(0)
        self._version = -1
        self._known = (0, 0)  # the inode and the time of the file as last read
        self._listeners: list[Callable[[], None]] = []
        self._read()

    def __call__(self) -> datetime:
        return whole_milliseconds(system_now() + self._offset)

    @property
    def offset(self) -> timedelta:
        """How far programme time is ahead of system time."""
        return self._offset

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever the offset has changed: timers look again at what is due."""
        self._listeners.append(wake)

    async def follow(self) -> None:
        """Follow the file until cancelled, and acknowledge each version under this process's id."""
        if self._file is None:
            return
        self._acknowledge(self._file)
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            if self._read():
                for wake in self._listeners:
                    wake()
                self._acknowledge(self._file)

    def _read(self) -> bool:
        if self._file is None:
            return False
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            status = self._file.stat()  # of a file that is replaced, never written over: another one is another inode
            if (status.st_ino, status.st_mtime_ns) == self._known:
                return False
            content = orjson.loads(self._file.read_bytes())
            self._known = status.st_ino, status.st_mtime_ns
            offset, version = timedelta(seconds=content["offset_seconds"]), int(content["version"])
            if version != self._version:
                self._offset, self._version = offset, version
                return True
        return False

    def _acknowledge(self, file: Path) -> None:
        folder = file.with_name(file.name + ".acks")
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            mine = folder / str(os.getpid())
            new = mine.with_name(f".{mine.name}")
            new.write_text(str(self._version))
            new.replace(mine)  # whoever reads it finds a version, never half of one
