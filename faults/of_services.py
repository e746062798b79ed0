"""What is done to the services, and to those who rely on them."""

import asyncio
import signal
import time

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from eventing.points import POINTS
from faults.fate import Fate
from faults.stage import BEFORE, send

SERVICES = ("enrollment", "clockhours", "notifications", "console")
OBEYED_WITHIN = 4.0


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
    if point == "consumer.assigned":  # partitions move where somebody goes
        await kill(fate)
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
        said = await _commit(fate.stage.servers.bootstrap, service, to_end=to_end)
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


async def rolled(fate: Fate) -> str:
    """A rolling restart under traffic: of each service a process of the version before comes, or goes again, while
    those of this one are told to end, one after the other, and start again."""
    came = []
    for service in SERVICES[:3]:
        if await fate.stage.rolled(service):
            came.append(service)
        for name, pid in fate.stage.pids().items():
            if name.startswith(service) and not name.endswith(BEFORE):
                send(pid, signal.SIGTERM)
                await asyncio.sleep(fate.rng.uniform(0.5, 2))
    return f"came: {', '.join(came)}" if came else "all went"


async def burst(fate: Fate) -> str:
    """Ten times the usual traffic for a few seconds."""
    if fate.burst is not None:
        await fate.burst()
    return ""
