"""One process that is kept alive."""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from wea.errors import UserError
from wea.record import start_time
from wea.servers.ports import is_free
from wea.warm import Forked, Warm

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
STEADY_AFTER_SECONDS = 30  # whoever lived that long starts again at once
LARGEST_LOG = 50 * 1024 * 1024
LOG_LOOKED_AT_SECONDS = 60


@dataclass(frozen=True)
class Spec:
    """What to run and how to know that it serves: a command, or a module of ours, forked from the warm Python.

    `service` is None for servers and the mail sink.
    """

    name: str
    run: list[str] | str
    environment: dict[str, str]
    ready: Callable[[], Awaitable[bool]]
    port: int
    service: str | None = None
    grace_seconds: float = 15
    starts_allowed: int = 3  # before the first time it was ready; after that without limit


@dataclass
class Child:
    """A process of a Spec: started, started again whenever it dies, stopped once for all."""

    spec: Spec
    log: Path
    changed: Callable[[], None]
    warm: Warm
    pid: int | None = None
    started: float = 0.0
    exits: int = 0
    _stopping: bool = False
    _was_ready: bool = False
    _process: asyncio.subprocess.Process | Forked | None = None
    _spawning: asyncio.Task[asyncio.subprocess.Process | Forked] | None = field(default=None, repr=False)
    _keeper: asyncio.Task[None] | None = field(default=None, repr=False)

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep_alive(), name=self.spec.name)

    async def until_ready(self, seconds: float) -> None:
        """Wait until it serves. UserError where it does not: it dies again and again, or takes too long."""
        deadline = time.monotonic() + seconds
        while True:
            if self._keeper is not None and self._keeper.done():
                self._keeper.result()
            if self.exits >= self.spec.starts_allowed:
                # Looked at now: by the time that all others have given up, whoever took it may be gone again.
                taken = self.pid is None and not is_free(self.spec.port)
                raise NotStartedError(
                    f"{self.spec.name} does not start: {self.last_words()} (see {self.log})",
                    self.spec.name if taken else None,
                )
            if self.pid is not None and await self.spec.ready() and listens(self.pid, self.spec.port):
                self._was_ready = True
                return
            if time.monotonic() > deadline:
                raise NotStartedError(f"{self.spec.name} was not ready within {seconds:.0f} s (see {self.log})")
            await asyncio.sleep(0.1)

    def last_words(self) -> str:
        """The last line of the log: what it died of, most likely."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").strip().splitlines()
            if lines:
                return lines[-1][:300]
        return "it says nothing"

    async def stop(self) -> None:
        """Ask it to stop, wait, and end it by force after its grace."""
        self._stopping = True
        if self._spawning is not None:  # a process that was asked for comes, and somebody must know it to end it
            await asyncio.wait({self._spawning}, timeout=self.spec.grace_seconds)
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), self.spec.grace_seconds)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._is(None)

    async def _keep_alive(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping:
            began = time.monotonic()
            self._spawning = asyncio.create_task(self._spawn())
            try:
                process = await self._spawning
            except OSError:  # a full disk, say: raised while the system starts, waited out later
                if not self._was_ready:
                    raise
            else:
                while process.returncode is None:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(process.wait(), LOG_LOOKED_AT_SECONDS)
                    self._cut_log()
                self.exits += 1
                self._is(None)
            steady = time.monotonic() - began > STEADY_AFTER_SECONDS
            pause = FIRST_PAUSE_SECONDS if steady else min(pause * 2, LONGEST_PAUSE_SECONDS)
            if not self._stopping:
                await asyncio.sleep(pause)

    async def _spawn(self) -> asyncio.subprocess.Process | Forked:
        self._process = await self._run()
        self._is(self._process.pid)
        return self._process

    def _cut_log(self) -> None:
        """Begin a long log anew and keep the one before. Emptied, not renamed: its process goes on writing to it."""
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LARGEST_LOG:
                shutil.copyfile(self.log, self.log.with_name(self.log.name + ".1"))
                os.truncate(self.log, 0)

    async def _run(self) -> asyncio.subprocess.Process | Forked:
        """In a session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops all in order."""
        if isinstance(self.spec.run, str):
            return await self.warm.fork(self.spec.run, self.spec.environment, self.log)
        with self.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *self.spec.run,
                env=self.spec.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _is(self, pid: int | None) -> None:
        if pid != self.pid:
            self.pid, self.started = pid, start_time(pid) if pid else 0.0
            self.changed()


def listens(pid: int, port: int) -> bool:
    """Is it our process that listens there? Else another system, which took the port meanwhile, may answer for it."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # some systems tell only root
        return True
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections)


class NotStartedError(UserError):
    """A process that died, or did not serve, while the system was being started; whose port another had, if one had."""

    def __init__(self, sentence: str, port_taken_from: str | None = None) -> None:
        super().__init__(sentence)
        self.port_taken_from = port_taken_from
