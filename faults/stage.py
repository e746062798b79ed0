"""The system on its stage: `wea up` on servers of ours, with a proxy before each, in a folder that is thrown away."""

import asyncio
import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wea import record
from wea.servers import fetch
from wea.servers.kafka import QUICK, KafkaServer
from wea.servers.mongo import MongoServer
from wea.servers.ports import free_port
from wea.state import State

ROOT = Path(__file__).parents[1]
AS_OF = "2024-05-28T09:00:00-07:00"
REPLICAS = {"enrollment": 2, "clockhours": 2, "notifications": 2}


class ProxiedKafka(KafkaServer):
    """A Kafka that tells its clients the proxy's port."""

    proxy_port: int = 0

    def prepare(self) -> None:
        super().prepare()
        file = self.folder / "server.properties"
        own, told = (f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}" for port in (self.port, self.proxy_port))
        file.write_text(file.read_text().replace(own, told))


@dataclass
class Kept:
    """A process of ours that is started again when it dies."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    keeper: asyncio.Task[None] | None = None
    starts: int = 0

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(self.command, stdout=output, stderr=output, start_new_session=True)
        self.starts += 1

    async def keep(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if self.process is not None and self.process.poll() is not None:
                await asyncio.sleep(0.3)
                self.start()

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0


@dataclass
class Stage:
    """A running system, and what misfortunes need to get at it."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    replicas: Mapping[str, int] = field(default_factory=lambda: REPLICAS)
    kept: dict[str, Kept] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def state(self) -> State:
        return State(self.folder / "state")

    @property
    def orders(self) -> Path:
        return self.folder / "orders"

    async def up(self, tell: Callable[[str], None]) -> None:
        fetch()
        for name in ("orders", "kafka-proxy", "mongo-proxy"):
            (self.folder / name).mkdir(parents=True)
        tell("starting Kafka and MongoDB behind proxies")
        kafka = ProxiedKafka(self.folder / "kafka", free_port(), free_port(), QUICK)
        kafka.proxy_port = free_port()
        key = self.folder / "mongo.key"
        key.write_text(base64.b64encode(secrets.token_bytes(96)).decode())
        key.chmod(0o600)
        door, password = free_port(), secrets.token_hex(8)
        mongo = MongoServer(self.folder / "mongo", free_port(), key, password, members=(f"127.0.0.1:{door}",))
        await asyncio.gather(asyncio.to_thread(kafka.prepare), asyncio.to_thread(mongo.prepare))
        proxies = {"kafka-proxy": (kafka.proxy_port, kafka.port), "mongo-proxy": (door, mongo.port)}
        for name, (port, target) in proxies.items():
            arguments = [str(port), str(target), str(self.folder / name)]
            self._keep(name, [sys.executable, "-m", "faults.proxy", *arguments])
        self._keep("kafka", kafka.command())
        self._keep("mongo", mongo.command())
        for server in (kafka, mongo):
            deadline = time.monotonic() + 300
            while not await asyncio.to_thread(server.ready):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{server.name} does not start")
                await asyncio.sleep(0.1)
        self.environment = {
            **self.environment,
            "WEA_KAFKA": f"127.0.0.1:{kafka.proxy_port}",
            "WEA_MONGO": f"mongodb://admin:{password}@127.0.0.1:{door}/?replicaSet=wea",
            "WEA_CRASH_AT": str(self.orders),
        }
        tell("starting the services")
        replicas = [f"--replicas={name}={count}" for name, count in self.replicas.items()]
        await self.wea("up", "--detach", "--as-of", AS_OF, *replicas)
        self.status = json.loads(await self.wea("status", "--json"))
        self.ports = {f"{name}-1" if name in self.status["services"] else name: port
                      for name, port in self.state.read("ports.json").items()}  # fmt: skip

    def _keep(self, name: str, command: list[str]) -> None:
        one = Kept(name, command, self.folder / f"{name}.log")
        one.start()
        one.keeper = asyncio.create_task(one.keep())
        self.kept[name] = one

    async def down(self) -> None:
        """Let everything go on that is stopped, and end it: services first."""
        self.resume_all()
        for order in self.orders.glob("*"):
            order.unlink(missing_ok=True)
        try:
            await asyncio.shield(self.wea("down"))
        finally:
            for one in self.kept.values():
                if one.keeper is not None:
                    one.keeper.cancel()
                if one.process is not None and one.process.poll() is None:
                    one.process.kill()
                    one.process.wait()

    async def wea(self, *arguments: str, check: bool = True) -> str:
        command = [sys.executable, "-m", "wea", *arguments, "--state", str(self.state.path)]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if check and process.returncode:
            raise RuntimeError(f"wea {arguments[0]}: {(out + err).decode()[-2000:]}")
        return out.decode()

    def pids(self) -> dict[str, int]:
        """Every living process of a service, by its instance: enrollment-1, enrollment-2, ..."""
        run = record.load(self.state)
        found = {} if run is None else {p.name: p for p in run.processes if p.service and p.find() is not None}
        return {name if name[-2:-1] == "-" else f"{name}-1": process.pid for name, process in found.items()}

    def urls(self, service: str) -> list[str]:
        return [f"http://127.0.0.1:{port}" for name, port in self.ports.items() if name.rsplit("-", 1)[0] == service]

    def key(self, role: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.status['keys'][role]}"}

    @property
    def bootstrap(self) -> str:
        return str(self.environment["WEA_KAFKA"])

    def resume_all(self) -> None:
        for pid in [*self.pids().values(), *(one.pid for one in self.kept.values())]:
            send(pid, signal.SIGCONT)


def send(pid: int, number: signal.Signals) -> bool:
    """Signal a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="wea-faults-"))
