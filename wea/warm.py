"""A Python that has loaded the services once and forks each process of theirs from there.

Four services import much the same for two to three seconds each; loaded once, while the servers start, they stand in a
fraction of that and share its memory. In containers a service is still started by `python -m services.NAME`, and what
runs is the same module under the same name.
"""

import asyncio
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from wea import settings

LOADED = ("app", "settings")  # of each service; importing them opens nothing
ALSO_LOADED = ("eventing.service", "uvloop", "uvicorn.lifespan.on", "uvicorn.protocols.http.httptools_impl")


class Warm:
    """The loaded Python, from outside. Started when first asked, and again if it has died."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        self._modules = tuple(modules)
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._answers = asyncio.StreamReader()
        self._requests: asyncio.StreamWriter | None = None
        self._asking = asyncio.Lock()

    async def start(self) -> asyncio.StreamWriter:
        """Start loading; does not wait for it."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "wea.warm", str(theirs.fileno()), *self._modules),
                env={**self._environment, "PYTHONUNBUFFERED": "1"},
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._answers, self._requests = await asyncio.open_unix_connection(sock=ours)
        return self._requests

    async def fork(self, module: str, environment: Mapping[str, str], log: Path) -> "Forked":
        """A process of its own that runs `python -m MODULE`, in this environment, its words appended to the log.

        Raises OSError where there can be none.
        """
        request = json.dumps({"module": module, "environment": dict(environment), "log": str(log)})
        async with self._asking:
            requests = self._requests or await self.start()
            try:
                requests.write(request.encode() + b"\n")
                await requests.drain()
                answer = await self._answers.readline()
            except OSError:
                answer = b""
            if not answer:
                await self.stop()
                raise OSError(f"the Python that {module} is forked from has died; the next try starts another")
        return Forked(int(answer))

    async def stop(self) -> None:
        """End it; what was forked from it goes on."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None


class Forked:
    """A process that is not our child: what asyncio's Process offers, by its pidfd."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None  # what it was is not told to us: 0 stands for "ended"
        self._ended = asyncio.Event()
        try:
            self._fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._end()
        else:
            asyncio.get_running_loop().add_reader(self._fd, self._seen)

    def _seen(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        self._end()

    def _end(self) -> None:
        self.returncode = 0
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        return 0

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.returncode is None:  # by the descriptor: the number may be another's by now
            signal.pidfd_send_signal(self._fd, number)


def main() -> None:
    """Load, then fork whatever is asked for, until nobody can ask any more."""
    requests = socket.socket(fileno=int(sys.argv[1])).makefile("rw", encoding="utf-8")
    for module in [*ALSO_LOADED, *(f"{service}.{part}" for service in sys.argv[2:] for part in LOADED)]:
        with contextlib.suppress(Exception):  # whatever it is, the service says it in its own log
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # else the first collection of each process writes to all pages that they share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for them
    for line in requests:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            requests.close()
            _forget_metrics(service for service in sys.argv[2:] if service != request["module"])
            _become(request["module"], request["environment"], request["log"])
        requests.write(f"{pid}\n")
        requests.flush()


def _forget_metrics(services: Iterable[str]) -> None:
    """Show nothing of what other services count: it never moves here, and reads as if it were 0 with them."""
    from prometheus_client import REGISTRY
    from prometheus_client.metrics import MetricWrapperBase

    for loaded in (sys.modules[name] for service in services if (name := f"{service}.metrics") in sys.modules):
        for metric in (one for one in vars(loaded).values() if isinstance(one, MetricWrapperBase)):
            REGISTRY.unregister(metric)


def _become(module: str, environment: Mapping[str, str], log: str) -> None:
    """Be what `python -m MODULE` would be."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    settings.take(environment)
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(module.rpartition(".")[2], encoding="ascii")  # what ps and top show
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
