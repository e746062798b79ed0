"""The system on its stage: `wea up` on servers of ours, with a proxy before each, in a folder that is thrown away."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.servers import Servers
from wea import fleet, record
from wea.credentials import credentials
from wea.mongo_users import ADMIN
from wea.plan import Instance, Options, Plan
from wea.programs import OURS as PROGRAMS
from wea.servers import fetch
from wea.servers.ports import free_port
from wea.state import State

ROOT = Path(__file__).parents[1]
AS_OF = "2024-05-28T09:00:00-07:00"
REPLICAS = {"enrollment": 2, "clockhours": 2, "notifications": 2}
BEFORE = "before"  # the instance of a service that is of the version before


@dataclass
class Stage:
    """A running system, and what misfortunes need to get at it. `before`: the commit of a version to roll from."""

    folder: Path
    servers: Servers
    environment: Mapping[str, str] = field(default_factory=dict)
    replicas: Mapping[str, int] = field(default_factory=lambda: REPLICAS)
    before: str | None = None
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
        self.orders.mkdir(parents=True)
        tell(f"starting Kafka and MongoDB, {self.servers.count} of each, behind proxies")
        await self.servers.up()
        self.environment = {
            **self.environment,
            "WEA_KAFKA": self.servers.bootstrap,
            "WEA_MONGO": self.servers.uri,
            "WEA_CRASH_AT": str(self.orders),
        }
        tell("starting the services")
        replicas = [f"--replicas={name}={count}" for name, count in self.replicas.items()]
        await self.wea("up", "--detach", "--as-of", AS_OF, *replicas)
        self.status = json.loads(await self.wea("status", "--json"))
        self.ports = {f"{name}-1" if name in self.status["services"] else name: port
                      for name, port in self.state.read("ports.json").items()}  # fmt: skip
        if self.before is not None:
            self._unpack(self.before)

    async def down(self) -> None:
        """Let everything go on that is stopped, and end it: services first."""
        self.resume_all()
        for order in self.orders.glob("*"):
            order.unlink(missing_ok=True)
        try:
            await asyncio.shield(self.wea("down"))
        finally:
            self.servers.down()

    def _unpack(self, commit: str) -> None:
        """The code of another commit, and a port for each service of it."""
        (self.folder / BEFORE).mkdir()
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(self.folder / BEFORE)], input=archive, check=True)
        self.ports |= {f"{name}-{BEFORE}": free_port() for name in self.replicas}

    async def rolled(self, service: str) -> bool:
        """Start the service's process of the version before, or have it end. Answers whether it was started."""
        name = f"{service}-{BEFORE}"
        kept = self.servers.kept.pop(name, None)
        if kept is not None:
            kept.keep_no_more()
            await asyncio.to_thread(kept.told_to_end)
            return False
        command = [sys.executable, "-m", f"services.{service}"]
        self.servers.keep(name, command, environment=self._environment(service), folder=self.folder / BEFORE)
        return True

    def _environment(self, service: str) -> dict[str, str]:
        """What `wea up` gives to a process of this service, for one more of them."""
        instances = tuple(Instance(one, 1, self.ports[f"{one.name}-1"]) for one in fleet.SERVICES)
        known = credentials(self.state, [ADMIN, *(one.name for one in fleet.SERVICES)])
        uris = (self.servers.bootstrap, self.servers.uri)
        running = Plan(self.state, Options(PROGRAMS), known, None, None, *uris, self.ports["smtp"], instances)
        usual = running.environment(next(one for one in instances if one.service.name == service))
        name = f"{service}-{BEFORE}"
        own = {"WEA_INSTANCE": name, "WEA_PORT": str(self.ports[name]), "WEA_CRASH_AT": str(self.orders)}
        return {**usual, **own, "PYTHONPATH": str(self.folder / BEFORE)}

    async def wea(self, *arguments: str, check: bool = True) -> str:
        """What it prints, or else what it complains of. Raises RuntimeError where it fails and `check` is asked."""
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
        return (out or err).decode()

    def pids(self) -> dict[str, int]:
        """Every living process of a service, by its instance: enrollment-1, enrollment-2, enrollment-before, ..."""
        run = record.load(self.state)
        found = {} if run is None else {p.name: p for p in run.processes if p.service and p.find() is not None}
        pids = {name if name[-2:-1] == "-" else f"{name}-1": process.pid for name, process in found.items()}
        old = {name: one.pid for name, one in self.servers.kept.items() if name.endswith(BEFORE) and one.lives}
        return pids | old

    def urls(self, service: str) -> list[str]:
        return [f"http://127.0.0.1:{port}" for name, port in self.ports.items() if name.rsplit("-", 1)[0] == service]

    def key(self, role: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.status['keys'][role]}"}

    def resume_all(self) -> None:
        for pid in [*self.pids().values(), *(one.pid for one in self.servers.kept.values())]:
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
