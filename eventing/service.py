"""The life of a service: what it builds before it is ready, what it runs, and in which order it stops.

HTTP answers from the first moment (live, not ready); MongoDB or Kafka being away delays ready, never the process.
"""

import asyncio
import gc
import resource
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Protocol, TypeVar

import structlog
import uvicorn
from pydantic import ValidationError

from eventing import leases, outbox, points, quarantine, tracing
from eventing import log as logs
from eventing.clock import Clock
from eventing.consumer import Consumer
from eventing.kafka import KafkaError
from eventing.lanes import INDEXES as LANE_INDEXES
from eventing.mongo import Database, Index
from eventing.patience import PatientProtocol
from eventing.relay import Relay
from eventing.settings import ServiceSettings
from eventing.transient import TransientError, pause

log = structlog.get_logger(__name__)

S = TypeVar("S", bound=ServiceSettings)

STOPPING = threading.Event()  # set from a signal handler: only to be asked, never waited for

EVENTING_INDEXES: Mapping[str, tuple[Index, ...]] = {
    **LANE_INDEXES,
    **outbox.INDEXES,
    "positions": (),
    **quarantine.INDEXES,
    "audit": (Index.on("at"),),
    leases.COLLECTION: (Index.on("part_of", "owner"), Index.on("work", "until")),
}


class Loop(Protocol):
    """Something that runs until it is cancelled: a relay, a timer, a sender."""

    async def run(self) -> None: ...


@dataclass(slots=True)
class Service:
    """Everything of one process but its HTTP. `indexes` are the service's own; `prepare` runs before ready."""

    name: str
    database: Database
    clock: Clock
    indexes: Mapping[str, Sequence[Index]]
    consumer: Consumer | None = None
    loops: Sequence[Loop] = ()
    prepare: Sequence[Callable[[], Awaitable[None]]] = ()
    gauges: Sequence[Callable[[Database], Awaitable[None]]] = ()  # the service's own, read off when /metrics is asked
    digest: str = ""  # of the loaded programme: replicas and services must agree
    _starting: str | None = "starting"
    _can_answer: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def outboxes(self) -> list[outbox.Source]:
        """What its relays publish."""
        return [loop.source for loop in self.loops if isinstance(loop, Relay)]

    def unready(self) -> list[str]:
        """Why not ready; empty when it is."""
        reasons = [self._starting] if self._starting else []
        if self.consumer is not None and self.consumer.stopped_because:
            reasons.append(self.consumer.stopped_because)
        return reasons

    def unable_to_serve(self) -> list[str]:
        """Why it cannot answer what is asked over HTTP; empty when it can, whether or not its consumer runs."""
        return [] if self._can_answer else [self._starting or "starting"]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start in the background, stop in reverse order on exit."""
        tracing.TRACING.export_where_asked(self.name)
        self._tasks.append(asyncio.create_task(self._start()))
        try:
            yield
        finally:
            await self._stop()

    async def _start(self) -> None:
        self._tasks.append(asyncio.create_task(self.clock.follow()))
        await self._step("no_mongodb", self._build)
        for prepare in self.prepare:
            await self._step("preparing", prepare)
        self._tasks += [asyncio.create_task(self._keep(loop)) for loop in self.loops]
        self._can_answer = True  # and takes what is brought: of all that only the relays and the consumer want Kafka
        if self.consumer is not None:
            await self._step("no_kafka", self.consumer.start)
        gc.collect()
        gc.freeze()  # what the process is made of stays: looking through it again and again cost a tenth of its time
        self._starting = None
        log.info("ready")

    async def _build(self) -> None:
        await self.database.ensure({**EVENTING_INDEXES, **self.indexes})

    async def _step(self, reason: str, step: Callable[[], Awaitable[Any]]) -> None:
        """One step of starting, again and again until it is done."""
        self._starting, attempt = reason, 0
        while True:
            try:
                await step()
                return
            except (TransientError, KafkaError, OSError) as error:
                attempt += 1
                # A step whose own work is elsewhere may ask MongoDB too: whoever looks must look at the right server.
                self._starting = "no_mongodb" if isinstance(error, TransientError) else reason
                log.warning("not_started_yet", waits_for=self._starting, error=str(error))
            except Exception:
                attempt += 1
                log.exception("start_failed", waits_for=reason)
            await asyncio.sleep(pause(attempt))

    async def _keep(self, loop: Loop) -> None:
        """Run a loop for ever. One that fails is a bug: it is logged and begun again, and stops nothing else."""
        attempt = 0
        while True:
            try:
                await loop.run()
            except Exception:
                log.exception("loop_failed", loop=type(loop).__name__)
            attempt += 1
            await asyncio.sleep(pause(attempt))

    async def _stop(self) -> None:
        if self.consumer is not None:
            await self.consumer.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(tracing.TRACING.flush)


class _Server(uvicorn.Server):
    """Tells those who hold a response open for long (a live page) that it is time to end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        STOPPING.set()
        super().handle_exit(sig, frame)


async def serve(api: AbstractAsyncContextManager[Any], host: str, port: int) -> None:
    """Serve the application that `api` opens until SIGTERM or SIGINT."""
    async with api as application:
        await _Server(configured(application, host, port)).serve()


def configured(application: Any, host: str, port: int) -> uvicorn.Config:
    """uvicorn's settings for every service."""
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        loop="none",
        http=PatientProtocol,
        access_log=False,
        log_level="warning",
        log_config=None,  # its own would write lines of another form
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        backlog=4096,
    )


def run(api: AbstractAsyncContextManager[Any], host: str, port: int) -> None:
    """`serve`, on uvloop, with as many open connections as the machine allows."""
    import uvloop

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # the usual soft limit, 1,024, is one slow crowd
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(serve(api, host, port))


def main(
    name: str,
    settings: type[S],
    opened: Callable[[S], AbstractAsyncContextManager[Any]],
    *wrong: type[Exception],
) -> int:
    """What `python -m services.NAME` does. Returns 2, with one sentence, for settings or files that are `wrong`."""
    told: tuple[type[Exception], ...] = (ValueError, OSError, *wrong)
    try:
        given = settings()
        logs.configure(name, given.log)
        points.obey(given.crash_at, given.instance)
        run(opened(given), given.host, given.port)
    except ValidationError as error:
        said = "; ".join(_sentence(fault) for fault in error.errors(include_input=False, include_url=False))
        sys.stderr.write(f"{name}: {said}\n")
        return 2
    except told as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2
    return 0


def _sentence(fault: Any) -> str:
    """One wrong setting, by the variable that holds it; never what it holds."""
    where = "_".join(str(part) for part in fault["loc"]).upper()
    return f"WEA_{where}: {fault['msg']}" if where else str(fault["msg"]).removeprefix("Value error, ")
