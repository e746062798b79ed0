"""More than one process: how fast together, and how long a restart keeps an event waiting.

The whole system by `wea up --replicas clockhours=N`; what enrollment would tell is put on its topic. Restarts are a
rolling one (SIGTERM to one process after the other, each ready again before the next) and kills (SIGKILL), at a steady
rate; each process has its name in the group, so that it has its partitions back without a rebalance.
"""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

import psutil

from bench import chain
from bench.consumer import fill
from bench.hear import Ear, listening
from bench.history import TOPIC, oriented
from bench.plain import Plain
from bench.table import table
from bench.whole import Whole, settled, whole
from contracts.kinds import EntryKind
from eventing.envelope import STRUCTURED_HEADERS
from eventing.kafka import KafkaSettings, offsets, producer
from wea.fleet import SERVICES
from wea.probes import answers_ready_now

PER_SECOND = 50.0


def figure(plain: Plain, *, full: bool) -> dict[str, Any]:
    educators, each, apart = 1000, 50 if full else 10, 2.0 if full else 1.0
    worked = {"1": asyncio.run(throughput(plain.fresh(), educators, each))}
    alone = plain.chain or asyncio.run(chain.figure(plain.fresh(), chain.educators(full)))
    plain.stop()
    of_each = {"1": in_short(alone), "2": in_short(of_all(2, chain.educators(full)))}
    counts = (2, 3) if full else (3,)
    for count in counts:
        with whole("--replicas", f"clockhours={count}") as system:
            worked[str(count)] = asyncio.run(throughput(system, educators, each))
            if count == counts[-1]:
                waits = {how: asyncio.run(restarted(system, how, apart)) for how in ("SIGTERM", "SIGKILL")}
    return {"throughput": worked, "restart": waits, "of_each": of_each}


def of_all(count: int, educators: int) -> dict[str, Any]:
    """The whole chain (chain.py) with so many processes of each service."""
    with whole(*(argument for service in SERVICES for argument in ("--replicas", f"{service.name}={count}"))) as system:
        return asyncio.run(chain.figure(system, educators))


def in_short(found: dict[str, Any]) -> dict[str, float]:
    return {"per_second": found["per_second"], "cpu_per_1000": round(sum(found["cpu_per_1000"].values()), 2)}


def lines(found: dict[str, Any]) -> list[str]:
    worked, waits, chains = found["throughput"], found["restart"], found["of_each"]
    return [
        f"The whole system, on {psutil.cpu_count()} cores that the servers, the other services and the replicas share:",
        "",
        *table(["processes of clockhours", *worked], [["events/s", *(f"{rate:,.0f}" for rate in worked.values())]]),
        "",
        "The whole chain, as above, with as many processes of each of the four services:",
        "",
        *table(
            ["of each", "events/s", "CPU s per 1,000 events"],
            [[count, f"{of['per_second']:,.0f}", of["cpu_per_1000"]] for count, of in chains.items()],
        ),
        "",
        f"Of {max(worked)} processes one after the other is ended while {PER_SECOND:.0f} events a second come. Each has"
        " its name in the group, so nobody else's partitions move; its own wait until it is back.",
        "",
        *table(
            ["ended by", "events", "the longest wait, s (goal 3)", "restart to ready, s", "lost"],
            [[how, of["events"], of["longest"], of["back"], of["lost"]] for how, of in waits.items()],
        ),
    ]


async def throughput(system: Whole, educators: int, each: int) -> float:
    """Events a second from when all are on the topic until the group has worked them off; others read them too."""
    settings = KafkaSettings(system.kafka)
    stopped = pids(system)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)  # for less than its session with the group lasts
    try:
        events = await fill(settings, educators, each)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    began = time.time()
    while any(done < end for done, end in (await offsets(settings, "clockhours", [TOPIC.name])).values()):
        await asyncio.sleep(0.1)
    return round(events / (time.time() - began), 1)


async def restarted(system: Whole, how: str, apart: float) -> dict[str, Any]:
    """Steady orientations while each process is ended in turn, `apart` seconds after the last is back.

    How long the unluckiest waited, in seconds.
    """
    await settled(system)
    over = asyncio.Event()
    async with listening(system.kafka) as ear:
        sending = asyncio.create_task(steady(system, f"{how}-{time.time_ns()}", over))
        back = []
        for number in range(len(pids(system))):
            await asyncio.sleep(apart)
            back.append(await end(system, number, getattr(signal, how)))
        await asyncio.sleep(apart)
        over.set()
        sent = await sending
        await ear.until(len(sent), EntryKind.ORIENTATION)
        await settled(system)
    lost = len(sent.keys() - heard(ear).keys())
    return {"events": len(sent), "longest": longest(ear, sent), "back": max(back), "lost": lost}


def longest(ear: Ear, sent: dict[str, float]) -> float:
    at = heard(ear)
    return round(max(at[who] - since for who, since in sent.items()), 2)


def heard(ear: Ear) -> dict[str, float]:
    return {who: at for (who, kind), at in ear.at.items() if kind == EntryKind.ORIENTATION}


async def end(system: Whole, number: int, signal_: int) -> float:
    """End the one and wait until the supervisor has it running and ready again; how long that took, in seconds."""
    before, began = pids(system), time.monotonic()
    os.kill(before[number], signal_)
    async with asyncio.timeout(120):
        while len(now := pids(system)) < len(before) or before[number] in now:
            await asyncio.sleep(0.05)
        while not await asyncio.to_thread(ready, system):
            await asyncio.sleep(0.05)
    return round(time.monotonic() - began, 2)


def pids(system: Whole) -> Sequence[int]:
    found: Sequence[int] = system.status["services"]["clockhours"]["pids"]
    return found


def ready(system: Whole) -> bool:
    """All of clockhours: its processes listen ten ports apart (wea/plan.py)."""
    ports = [process.net_connections("tcp") for name, process in system.processes().items() if "clockhours" in name]
    listening = [one.laddr.port for of in ports for one in of if one.status == "LISTEN"]
    return len(listening) == len(ports) and all(answers_ready_now(f"http://127.0.0.1:{port}") for port in listening)


async def steady(system: Whole, salt: str, over: asyncio.Event) -> dict[str, float]:
    """Orientations of ever new educators, 50 a second, until it is over; when each was due."""
    settings, sent, began = KafkaSettings(system.kafka), dict[str, float](), time.time()
    sender = producer(settings)
    await sender.start()
    try:
        while not over.is_set():
            due = began + len(sent) / PER_SECOND
            await asyncio.sleep(max(0.0, due - time.time()))
            one = oriented(f"{salt}-{len(sent)}")
            sent[one.key] = due
            headers = list(STRUCTURED_HEADERS)
            await sender.send(settings.physical(TOPIC.name), one.value, key=one.key.encode(), headers=headers)
    finally:
        await sender.stop()
    return sent
