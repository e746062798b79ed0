"""What is done to Kafka, to MongoDB and to the connections with them."""

import asyncio
import signal
import time

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from faults.fate import Fate, Strike
from faults.of_services import OBEYED_WITHIN
from faults.stage import send


def server_killed(kind: str) -> Strike:
    async def strike(fate: Fate) -> str:
        name = fate.server(kind)
        _kill(fate, name)
        return name

    return strike


def server_frozen(kind: str) -> Strike:
    async def strike(fate: Fate) -> str:
        name, seconds = fate.server(kind), fate.rng.uniform(2, 7)
        pid = fate.stage.servers.kept[name].pid
        send(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        send(pid, signal.SIGCONT)
        return f"{name} for {seconds:.1f} s"

    return strike


def majority_lost(kind: str) -> Strike:
    """Two of three are killed and stay away for longer than it takes to be missed: the third can do nothing alone."""

    async def strike(fate: Fate) -> str:
        away, seconds = fate.rng.sample(fate.stage.servers.names(kind), 2), fate.rng.uniform(6, 15)
        for name in away:
            fate.stage.servers.kept[name].away_until = time.monotonic() + seconds
            _kill(fate, name)
        await asyncio.sleep(seconds)
        return f"{' and '.join(away)} for {seconds:.1f} s"

    return strike


def disk_full(kind: str) -> Strike:
    """Not a byte is left on the disk of one; whoever ends by it is started again and again, until there is room."""

    async def strike(fate: Fate) -> str:
        name, seconds = fate.server(kind), fate.rng.uniform(4, 9)
        disk = fate.stage.servers.disks[name]
        free, kept = disk.fill(), fate.stage.servers.kept[name]
        before = kept.pid
        try:
            await asyncio.sleep(seconds)
        finally:
            disk.empty()
        ended = "ended by it" if kept.pid != before or not kept.lives else "went on"
        return f"{name} for {seconds:.1f} s ({free} MB were free): {ended}"

    return strike


async def leader_moved(fate: Fate) -> str:
    """A broker is told to go: it hands what it leads to the others first. Back again, it is made to lead again."""
    name = fate.server("kafka")
    kept = fate.stage.servers.kept[name]
    kept.away_until = time.monotonic() + 5
    send(kept.pid, signal.SIGTERM)
    return name


def cut(proxy: str, order: str) -> Strike:
    """The proxy carries it out at the next chance."""

    async def strike(fate: Fate) -> str:
        await _obeyed(fate, proxy, order)
        return ""

    return strike


async def step_down(fate: Fate) -> str:
    """The primary steps down; an election follows."""
    return await asyncio.to_thread(_step_down, fate.stage.servers.uri)


async def step_down_amid_commit(fate: Fate) -> str:
    """A commit has left its service; before it arrives, the primary steps down."""
    held = fate.stage.folder / "mongo-proxy" / "commit-held-now"
    if not await _obeyed(fate, "mongo-proxy", "commit-held"):
        return "no commit came by"
    said = await step_down(fate)
    held.unlink(missing_ok=True)
    return said


def _kill(fate: Fate, name: str) -> None:
    if send(fate.stage.servers.kept[name].pid, signal.SIGKILL):
        fate.diary.kills[name] += 1


async def _obeyed(fate: Fate, proxy: str, order: str) -> bool:
    file = fate.stage.folder / proxy / order
    file.touch()
    deadline = time.monotonic() + OBEYED_WITHIN
    while file.exists() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return not file.exists()


def _step_down(uri: str) -> str:
    with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=3000) as client:
        try:
            client.admin.command("replSetStepDown", 1, force=True)
        except PyMongoError as error:
            return type(error).__name__
    return ""
