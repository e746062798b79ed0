"""What is done to the system. Each misfortune is one function; MENU says how often each comes."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from eventing.points import POINTS
from faults.stage import Stage, send

SERVICES = ("enrollment", "clockhours", "notifications", "console")
OBEYED_WITHIN = 4.0


@dataclass
class Diary:
    """What was done: how often each, how many processes were killed, and at which points."""

    done: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def wrote(self, what: str, about: str = "") -> None:
        self.done[what] += 1
        self.lines.append(f"{time.monotonic() - self.began:7.1f} s  {what} {about}".rstrip())

    @property
    def killed(self) -> int:
        return sum(self.kills.values())


@dataclass
class Fate:
    """Chooses, and does."""

    stage: Stage
    rng: Random
    diary: Diary = field(default_factory=Diary)
    burst: Callable[[], Awaitable[None]] | None = None

    async def strike(self, name: str | None = None) -> str:
        """One misfortune of the menu, at random or by name."""
        chosen = name or self.rng.choices(list(MENU), weights=[weight for weight, _ in MENU.values()])[0]
        about = await MENU[chosen][1](self)
        self.diary.wrote(chosen, about)
        return chosen

    def victim(self) -> tuple[str, int] | None:
        living = sorted(self.stage.pids().items())
        return self.rng.choice(living) if living else None


async def kill(fate: Fate) -> str:
    """SIGKILL of any process of a service."""
    victim = fate.victim()
    if victim is None:
        return "nobody lives"
    if send(victim[1], signal.SIGKILL):
        fate.diary.kills[victim[0]] += 1
    return victim[0]


async def crash(fate: Fate) -> str:
    """A process dies at a named point of its work, if it comes by there soon."""
    point = min(POINTS, key=lambda one: (fate.diary.points[one], fate.rng.random()))
    services = ("notifications",) if point.startswith("mail.") else SERVICES[:3]
    living = [name for name in fate.stage.pids() if name.rsplit("-", 1)[0] in services]
    orders = [fate.stage.orders / f"{name}@{point}" for name in living]
    for order in orders:
        order.touch()
    deadline = time.monotonic() + OBEYED_WITHIN
    while all(order.exists() for order in orders) and time.monotonic() < deadline and orders:
        await asyncio.sleep(0.02)
    obeyed = [order for order in orders if not order.exists()]
    for order in orders:
        try:
            order.unlink()
        except FileNotFoundError:
            if order not in obeyed:
                obeyed.append(order)
    for order in obeyed:
        fate.diary.kills[order.name.partition("@")[0]] += 1
        fate.diary.points[point] += 1
    return f"{point} {', '.join(order.name.partition('@')[0] for order in obeyed) or 'was not reached'}"


async def zombie(fate: Fate) -> str:
    """A process stands still for longer than its session, loses its partitions, and wakes up in the middle."""
    victim = fate.victim()
    if victim is None:
        return "nobody lives"
    send(victim[1], signal.SIGSTOP)
    await asyncio.sleep(fate.rng.uniform(7, 9))
    send(victim[1], signal.SIGCONT)
    return victim[0]


def server_killed(name: str) -> Callable[[Fate], Awaitable[str]]:
    async def strike(fate: Fate) -> str:
        if send(fate.stage.kept[name].pid, signal.SIGKILL):
            fate.diary.kills[name] += 1
        return ""

    return strike


def server_frozen(name: str) -> Callable[[Fate], Awaitable[str]]:
    async def strike(fate: Fate) -> str:
        pid = fate.stage.kept[name].pid
        send(pid, signal.SIGSTOP)
        seconds = fate.rng.uniform(2, 7)
        await asyncio.sleep(seconds)
        send(pid, signal.SIGCONT)
        return f"for {seconds:.1f} s"

    return strike


def cut(proxy: str, order: str) -> Callable[[Fate], Awaitable[str]]:
    """The proxy carries it out at the next chance."""

    async def strike(fate: Fate) -> str:
        file = fate.stage.folder / proxy / order
        file.touch()
        deadline = time.monotonic() + OBEYED_WITHIN
        while file.exists() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        return ""

    return strike


async def step_down(fate: Fate) -> str:
    """The primary steps down and is elected again a second later."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    def ask() -> str:
        with MongoClient[dict[str, object]](
            fate.stage.environment["WEA_MONGO"], serverSelectionTimeoutMS=3000
        ) as client:
            try:
                client.admin.command("replSetStepDown", 1, force=True)
            except PyMongoError as error:
                return type(error).__name__
        return ""

    return await asyncio.to_thread(ask)


async def clock_jump(fate: Fate) -> str:
    """Programme time goes ten minutes ahead."""
    await fate.stage.wea("clock", "advance", "10m", check=False)
    return ""


async def offsets_moved(fate: Fate) -> str:
    """The group's committed offsets are set to 0, or to the end, while all its members stand still."""
    service = fate.rng.choice(SERVICES[:3])
    pids = [pid for name, pid in fate.stage.pids().items() if name.startswith(service)]
    to_end = fate.rng.random() < 0.5
    for pid in pids:
        send(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(7.5)  # their sessions end; the group is empty
        said = await _commit(fate.stage.bootstrap, service, to_end=to_end)
    finally:
        for pid in pids:
            send(pid, signal.SIGCONT)
    return f"{service} to {'the end' if to_end else '0'}{said}"


async def _commit(bootstrap: str, group: str, *, to_end: bool) -> str:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    try:
        async with asyncio.timeout(15):
            await consumer.start()
            names = [topic for topic in await consumer.topics() if topic.startswith("wea.")]
            parts = [TopicPartition(topic, number) for topic in names for number in range(12)]
            consumer.assign(parts)
            ends = await consumer.end_offsets(parts) if to_end else dict.fromkeys(parts, 0)
            await consumer.commit({part: OffsetAndMetadata(at, "") for part, at in ends.items()})
    except Exception as error:  # noqa: BLE001 - the broker may be away too: then it was tried
        return f" ({type(error).__name__})"
    finally:
        await consumer.stop()
    return ""


async def burst(fate: Fate) -> str:
    """Ten times the usual traffic for a few seconds."""
    if fate.burst is not None:
        await fate.burst()
    return ""


MENU: dict[str, tuple[int, Callable[[Fate], Awaitable[str]]]] = {
    "service killed": (34, kill),
    "killed at a point": (40, crash),
    "service frozen past its session": (4, zombie),
    "mongod killed": (3, server_killed("mongo")),
    "mongod frozen": (2, server_frozen("mongo")),
    "primary steps down": (2, step_down),
    "Kafka killed": (2, server_killed("kafka")),
    "Kafka frozen": (2, server_frozen("kafka")),
    "commit cut off": (3, cut("mongo-proxy", "commit-cut")),
    "commit's answer lost": (3, cut("mongo-proxy", "commit-lost")),
    "produce cut in the middle": (3, cut("kafka-proxy", "produce-cut")),
    "produce's answer lost": (3, cut("kafka-proxy", "produce-lost")),
    "all connections to MongoDB cut": (2, cut("mongo-proxy", "cut")),
    "all connections to Kafka cut": (2, cut("kafka-proxy", "cut")),
    "offsets moved": (1, offsets_moved),
    "clock jump": (2, clock_jump),
    "burst": (8, burst),
}
