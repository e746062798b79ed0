"""Kafka and MongoDB of the stage: one of each or three, each behind a proxy, each started again when it dies."""

import asyncio
import base64
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts import topics
from eventing.kafka import KafkaSettings
from faults.disks import Disk
from wea.servers.kafka import QUICK, KafkaServer
from wea.servers.mongo import MongoServer
from wea.servers.ports import LOOPBACK, free_port
from wea.topics import create_topics

STARTS_WITHIN_SECONDS = 300
MEGABYTES = 1500  # of a disk; Kafka's and MongoDB's files of some 50,000 events fit

BROKER = """
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},INTERNAL://{host}:{internal},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{door},INTERNAL://{host}:{internal}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT
inter.broker.listener.name=INTERNAL
default.replication.factor={brokers}
min.insync.replicas={least}
offsets.topic.replication.factor={brokers}
transaction.state.log.replication.factor={brokers}
transaction.state.log.min.isr={least}
share.coordinator.state.topic.replication.factor={brokers}
share.coordinator.state.topic.min.isr={least}
# Who is dead is known soon, and who is back leads again soon: leaders move as often as can be.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
leader.imbalance.check.interval.seconds=10
"""


@dataclass
class Broker(KafkaServer):
    """A broker of several, which tells clients its proxy's port; the brokers talk to each other directly."""

    node: int = 1
    door: int = 0
    internal: int = 0
    voters: str = ""
    brokers: int = 1

    def properties(self) -> str:
        least = max(1, self.brokers - 1)
        return super().properties() + BROKER.format(host=LOOPBACK, least=least, **vars(self))


@dataclass
class Kept:
    """A process of ours that is started again when it dies, unless it is to stay away for a while."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str] | None = None
    folder: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    away_until: float = 0.0
    keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=self.folder,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    def keep(self) -> None:
        self.start()
        self.keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if not self.lives and time.monotonic() > self.away_until:
                await asyncio.sleep(0.3)
                self.start()

    def keep_no_more(self) -> None:
        if self.keeper is not None:
            self.keeper.cancel()

    def told_to_end(self) -> None:
        """In order, as a rolling restart does it, and by force where that takes too long."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def end(self) -> None:
        self.keep_no_more()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0


@dataclass
class Servers:
    """`count` of each: 1, or 3 of which any one may be lost."""

    folder: Path
    count: int = 1
    small_disks: bool = False
    kept: dict[str, Kept] = field(default_factory=dict)
    disks: dict[str, Disk] = field(default_factory=dict)
    brokers: Sequence[Broker] = ()
    members: Sequence[MongoServer] = ()
    doors: dict[str, int] = field(default_factory=dict)
    password: str = field(default_factory=lambda: secrets.token_hex(8))

    def names(self, kind: str) -> list[str]:
        return [kind] if self.count == 1 else [f"{kind}-{number}" for number in range(1, self.count + 1)]

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{LOOPBACK}:{self.doors[name]}" for name in self.names("kafka"))

    @property
    def uri(self) -> str:
        hosts = ",".join(f"{LOOPBACK}:{self.doors[name]}" for name in self.names("mongo"))
        return f"mongodb://admin:{self.password}@{hosts}/?replicaSet=wea"

    async def up(self) -> None:
        """Start all, and create the topics where one broker's usual ones would not do."""
        self._plan()
        for proxy in ("kafka-proxy", "mongo-proxy"):
            (self.folder / proxy).mkdir(parents=True)
        every: list[KafkaServer | MongoServer] = [*self.brokers, *self.members]
        for server in every:
            if self.small_disks:
                self.disks[server.name] = Disk(server.folder)
                self.disks[server.name].mount(MEGABYTES)
            await asyncio.to_thread(server.prepare)
            proxy = f"{server.name.partition('-')[0]}-proxy"
            ways = [str(self.doors[server.name]), str(server.port), str(self.folder / proxy)]
            self.keep(f"{server.name}-proxy", [sys.executable, "-m", "faults.proxy", *ways])
            self.keep(server.name, server.command())
        await asyncio.gather(*(_until_ready(broker) for broker in self.brokers), _until_ready(self.members[0]))
        if self.count > 1:
            await create_topics(KafkaSettings(self.bootstrap), topics.ALL, replication=self.count)

    def _plan(self) -> None:
        kafka, mongo = self.names("kafka"), self.names("mongo")
        self.doors = {name: free_port() for name in (*kafka, *mongo)}
        controllers = {name: free_port() for name in kafka}
        voters = ",".join(f"{n}@{LOOPBACK}:{port}" for n, port in enumerate(controllers.values(), 1))
        self.brokers = [
            Broker(
                self.folder / name, free_port(), controllers[name], QUICK, name,
                node=node, door=self.doors[name], internal=free_port(), voters=voters, brokers=self.count,
            )
            for node, name in enumerate(kafka, 1)
        ]  # fmt: skip
        key = self.folder / "mongo.key"
        key.write_text(base64.b64encode(secrets.token_bytes(96)).decode())
        key.chmod(0o600)
        members = tuple(f"{LOOPBACK}:{self.doors[name]}" for name in mongo)
        self.members = [
            MongoServer(self.folder / name, free_port(), key, self.password, name, members=members) for name in mongo
        ]

    def keep(self, name: str, command: list[str], **about: Any) -> Kept:
        one = self.kept[name] = Kept(name, command, self.folder / f"{name}.log", **about)
        one.keep()
        return one

    def down(self) -> None:
        for one in self.kept.values():
            one.end()
        for disk in self.disks.values():
            disk.unmount()


async def _until_ready(server: KafkaServer | MongoServer) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while not await asyncio.to_thread(server.ready):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{server.name} does not start")
        await asyncio.sleep(0.1)
