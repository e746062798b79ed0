"""One process that starts a system in order, keeps it alive, and stops it in order."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from contracts import topics
from eventing.shielded import shielded
from wea import record, settings
from wea.child import Child, NotStartedError, Spec
from wea.mongo_users import has_user, provision
from wea.plan import Instance, Options, Plan, plan
from wea.probes import answers_ready, greets
from wea.servers import Server
from wea.servers.ports import LOOPBACK
from wea.state import State
from wea.topics import create_offsets_topic, create_topics
from wea.warm import Warm

SERVERS_START_WITHIN_SECONDS = 180.0
SERVICES_START_WITHIN_SECONDS = 180.0
START_TRIES = 3

Tell = Callable[[str], None]


async def supervise(state: State, options: Options, tell: Tell, ready: Callable[[], None]) -> None:
    """Run a system until SIGTERM or SIGINT. `tell` hears each step, `ready` is called once it stands.

    Raises UserError where it cannot be started; what was started is stopped before that.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    stopping = asyncio.create_task(stopped.wait())
    warm = Warm([service.module for service in options.services], settings.environment())
    await warm.start()
    try:
        await _supervise(state, options, tell, ready, stopping, warm)
    finally:
        await warm.stop()


async def _supervise(
    state: State,
    options: Options,
    tell: Tell,
    ready: Callable[[], None],
    stopping: asyncio.Task[bool],
    warm: Warm,
) -> None:
    for tries_left in reversed(range(START_TRIES)):
        system = System(plan(state, options, usual_ports=tries_left == START_TRIES - 1), warm, tell)
        try:
            if await _started(system, stopping):
                ready()
                await stopping
        except NotStartedError as failure:
            # Somebody took its port between our look and its start: choose again.
            if tries_left == 0 or failure.port_taken_from is None:
                raise
            tell(f"the port of {failure.port_taken_from} was taken meanwhile; starting again with others")
        else:
            return
        finally:
            tell("stopping")
            await system.stop()


async def _started(system: "System", stopping: asyncio.Task[bool]) -> bool:
    """Start it, unless we are told to stop meanwhile."""
    starting = asyncio.create_task(system.start())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        return True
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    return False


async def _all(*steps: Coroutine[Any, Any, object]) -> None:
    """Do the steps side by side; the first that fails ends the others and is what is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


class System:
    """The processes of one run. Every change of theirs is in the run record before anything else happens."""

    def __init__(self, plan: Plan, warm: Warm, tell: Tell) -> None:
        self.plan = plan
        self._warm = warm
        self._tell = tell
        self._children: list[Child] = []
        supervisor = record.Process("supervisor", os.getpid(), record.start_time(os.getpid()))
        self._run = record.Run(supervisor, programs=str(plan.options.programs), status=plan.status())

    async def start(self) -> None:
        """Servers at once, services as soon as both stand. Raises NotStartedError, or UserError of a server."""
        self._save()
        await _all(self._start_kafka(), self._start_mongo(), self._start_sink())
        self._tell("starting " + ", ".join(one.name for one in self.plan.instances))
        await _all(*(self._start(self._service(one), SERVICES_START_WITHIN_SECONDS) for one in self.plan.instances))
        self._run.ready = True
        self._save()

    async def stop(self) -> None:
        """Services first, then the mail sink, then the servers that they wrote to."""
        for group in (self._services(), self._others("smtp"), self._others("kafka", "mongo")):
            await asyncio.gather(*(child.stop() for child in group))
        self.plan.state.remove(record.FILE)

    def _services(self) -> list[Child]:
        return [child for child in self._children if child.spec.service is not None]

    def _others(self, *names: str) -> list[Child]:
        return [child for child in self._children if child.spec.name in names]

    async def _start_kafka(self) -> None:
        if self.plan.kafka is not None:
            await self._start_server(self.plan.kafka, self.plan.kafka.port)
        kafka = settings.kafka_at(self.plan.bootstrap)
        await _all(create_topics(kafka, topics.ALL), create_offsets_topic(kafka))

    async def _start_mongo(self) -> None:
        if self.plan.mongo is not None:
            await self._start_server(self.plan.mongo, self.plan.mongo.port)
        if has_user(self.plan.mongo_uri):
            await asyncio.to_thread(self._create_users)

    def _create_users(self) -> None:
        for service in self.plan.options.services:
            password = self.plan.credentials.mongo[service.name]
            provision(self.plan.mongo_uri, service, password)

    async def _start_sink(self) -> None:
        port = self.plan.smtp_port
        command = [sys.executable, "-m", "wea.sink", "--host", LOOPBACK, "--port", str(port)]
        command += ["--folder", str(self.plan.state.mail)]

        async def ready() -> bool:
            return await greets(port)

        await self._start(Spec("smtp", command, settings.environment(), ready, port), SERVERS_START_WITHIN_SECONDS)

    async def _start_server(self, server: Server, port: int) -> None:
        self._tell(f"starting {server.name}")
        # A thread goes on though we are cancelled; whoever tries again is not to work on the same folder beside it.
        await shielded(asyncio.to_thread(server.prepare), cancelled_seconds=None)

        async def ready() -> bool:
            return await asyncio.to_thread(server.ready)

        spec = Spec(server.name, server.command(), settings.environment(), ready, port, starts_allowed=2)
        await self._start(spec, SERVERS_START_WITHIN_SECONDS)

    def _service(self, instance: Instance) -> Spec:
        async def ready() -> bool:
            return await answers_ready(instance.url)

        environment = self.plan.environment(instance)
        service = instance.service
        return Spec(instance.name, service.module, environment, ready, instance.port, service=service.name)

    async def _start(self, spec: Spec, seconds: float) -> None:
        child = Child(spec, self.plan.state.logs / f"{spec.name}.log", self._save, self._warm)
        self._children.append(child)
        child.start()
        await child.until_ready(seconds)
        self._tell(f"{spec.name} is ready")

    def _save(self) -> None:
        self._run.processes = [
            record.Process(child.spec.name, child.pid, child.started, child.spec.service)
            for child in self._children
            if child.pid is not None
        ]
        try:
            self._run.save(self.plan.state)
        except OSError as error:  # a disk that fills up later must not stop what runs
            if not self._run.ready:
                raise
            self._tell(f"the record of what runs was not written: {error}")
