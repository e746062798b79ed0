"""How fast one process of the notifications service sends what is queued, and what that costs.

    .venv/bin/python -m bench.mail [MESSAGES]        (10,000)

The real service in a process of its own, with its relay and timers; a real mongod and Kafka (WEA_TEST_MONGO and
WEA_TEST_KAFKA, or servers started here); a mail server that only counts. Messages are queued by the service's own
handlers while its stop switch is on. The clock runs from the switch's release until the last message is sent.
`--profile FILE` records where the time goes, by py-spy.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO
from uuid import uuid4

import psutil

from contracts import topics
from contracts.event import EventData
from contracts.kinds import EntryKind
from eventing.clock import system_now
from eventing.kafka import KafkaSettings, ensure_topics
from eventing.mongo import Database, connect
from eventing.reader import Reader
from eventing.service import EVENTING_INDEXES
from eventing.testing import Topics, at_positions, batch_of
from services.notifications import handlers
from services.notifications.store import INDEXES
from tests.notifications.builders import NOON, PROGRAMS, awarded, granted, held, profile
from wea.probes import answers_ready_now
from wea.servers import running
from wea.servers.kafka import QUICK, KafkaServer
from wea.servers.mongo import MongoServer
from wea.servers.ports import free_port

PORTAL = "https://portal.example.org/courses"
BATCH = 400
LOOK_SECONDS = 0.25
LONGEST_SECONDS = 300
MIB = 1024 * 1024


def facts(number: int) -> tuple[EventData, ...]:
    """What one educator is written four letters for: a welcome, two grants, and hours that wait for a workshop."""
    who = f"E-{number}"
    return (
        profile(who, name=f"Rosa Diaz {number}"),
        granted(who, kind=EntryKind.ORIENTATION, minutes=90, about="O-1"),
        awarded(who),
        granted(who, designations=("STEM",)),
        held("workshop", who=who, credential="NEA_TRA2"),
    )


async def fill(database: Database, count: int) -> int:
    """Queue `count` messages, or a few more; how many."""
    written, number = Topics(), 0  # the next educator
    while await database["messages"].count_documents({}) < count:
        records = [
            written.record(fact.TOPIC.name, fact.key, fact.TYPE, fact, time=NOON)
            for number in range(number, number + BATCH // 4)
            for fact in facts(number)
        ]
        number += BATCH // 4
        batch = batch_of(records, reader=Reader.of("notifications", topics.ALL))
        await at_positions(database, batch)
        await handlers.on_educators(batch, database, PROGRAMS, PORTAL, NOON)
    queued: int = await database["messages"].count_documents({"status": "queued"})
    return queued


@dataclass(frozen=True, slots=True)
class Reading:
    """What the operating system and the database say at one moment."""

    at: float
    sent: int
    cpu: dict[str, float]  # seconds since its start, by process
    rss: float  # MiB, of the sender


async def read(database: Database, processes: dict[str, psutil.Process]) -> Reading:
    sent: int = await database["messages"].count_documents({"status": "sent"})
    cpu = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
    return Reading(time.monotonic(), sent, cpu, processes["sender"].memory_info().rss / MIB)


async def watched(database: Database, processes: dict[str, psutil.Process], count: int) -> list[Reading]:
    """Release the switch; readings from then until all is sent."""
    await database["switch"].delete_one({"_id": "mail"})
    readings = [await read(database, processes)]
    while readings[-1].sent < count:
        await asyncio.sleep(LOOK_SECONDS)
        readings.append(await read(database, processes))
        if readings[-1].at - readings[0].at > LONGEST_SECONDS:
            raise SystemExit(f"only {readings[-1].sent} of {count} sent in {LONGEST_SECONDS} s")
    return readings


async def until_empty(database: Database) -> float:
    began = time.monotonic()
    while await database["outbox"].count_documents({}):
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - began


def report(readings: list[Reading], count: int, received: list[str], drained: float) -> dict[str, Any]:
    first, last = readings[0], readings[-1]
    seconds = last.at - first.at
    each = {name: round((last.cpu[name] - first.cpu[name]) * 1000 / count, 2) for name in first.cpu}
    tenth = max(1, len(readings) // 10)
    return {
        "messages": count,
        "received": len(received),
        "received_twice": len(received) - len(set(received)),
        "seconds": round(seconds, 1),
        "per_second": round(count / seconds),
        "cpu_ms_per_message": each,
        "sender_rss_mib": {
            "start": round(first.rss),
            "after_a_tenth": round(readings[tenth].rss),
            "most": round(max(reading.rss for reading in readings)),
            "end": round(last.rss),
        },
        "outbox_empty_after_s": round(drained, 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


@contextmanager
def servers(folder: Path) -> Iterator[tuple[str, str]]:
    """The addresses of a mongod and a Kafka: those named by the environment, else started here."""
    with ExitStack() as stack:
        mongo, kafka = os.environ.get("WEA_TEST_MONGO"), os.environ.get("WEA_TEST_KAFKA")
        if mongo is None:
            started = MongoServer(folder / "mongo", port=free_port())
            stack.enter_context(running(started, folder / "mongo.log"))
            mongo = started.uri
        if kafka is None:
            broker = KafkaServer(folder / "kafka", free_port(), free_port(), java_options=QUICK)
            stack.enter_context(running(broker, folder / "kafka.log"))
            kafka = broker.bootstrap
        yield mongo, kafka


@contextmanager
def process(*command: str, log: Path, **environment: str) -> Iterator[psutil.Process]:
    with log.open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", *command], env={**os.environ, **environment}, stdout=output, stderr=output
        )
        try:
            yield psutil.Process(started.pid)
        finally:
            started.terminate()
            started.wait(20)


@contextmanager
def recorded(pid: int, file: Path) -> Iterator[None]:
    """py-spy looks a hundred times a second where the process is; `file` is one line a stack, with its count."""
    spy = Path(sys.executable).with_name("py-spy")
    watching = subprocess.Popen([spy, "record", "-p", str(pid), "-r", "100", "--gil", "-f", "raw", "-o", str(file)])
    try:
        yield
    finally:
        watching.send_signal(signal.SIGINT)
        watching.wait(30)


def listening(uri: str) -> psutil.Process | None:
    """The process of this machine that serves this address."""
    port = int(uri.split("/")[2].rpartition(":")[2])
    for socket in psutil.net_connections("tcp4"):
        if socket.status == psutil.CONN_LISTEN and socket.pid and getattr(socket.laddr, "port", 0) == port:
            return psutil.Process(socket.pid)
    return None


def environment(folder: Path, mongo: str, kafka: KafkaSettings, database: str, smtp: int, port: int) -> dict[str, str]:
    """As `wea up` sets it; programme time is that of the facts, so that they are news."""
    clock = folder / "clock.json"
    clock.write_text(json.dumps({"offset_seconds": (NOON - system_now()).total_seconds(), "version": 1}))
    return {
        "WEA_MONGO": mongo, "WEA_DATABASE": database, "WEA_KAFKA": kafka.bootstrap, "WEA_KAFKA_PREFIX": kafka.prefix,
        "WEA_PORT": str(port), "WEA_SMTP": f"127.0.0.1:{smtp}", "WEA_CLOCK_FILE": str(clock), "WEA_URLS": "",
        "WEA_KEYS": "operator=operator-key", "WEA_INSTANCE": "bench",
    }  # fmt: skip


async def measure(folder: Path, mongo: str, kafka: str, messages: int, profile: Path | None) -> dict[str, Any]:
    name = f"bench_mail_{uuid4().hex[:8]}"
    smtp, port, kept = free_port(), free_port(), folder / "received"
    settings = KafkaSettings(kafka, f"{name}.")
    await ensure_topics(settings, topics.ALL)
    with ExitStack() as stack:
        database = stack.enter_context(connect(mongo, name))
        await database.ensure({**EVENTING_INDEXES, **INDEXES})
        try:
            await database["switch"].insert_one({"_id": "mail", "stopped": True})
            count = await fill(database, messages)
            # The facts came from no topic: the service begins at the start of its own, which are empty.
            await database["positions"].delete_many({})
            receives = ("bench.mail", "--sink", str(smtp), "--kept", str(kept))
            service = environment(folder, mongo, settings, name, smtp, port)
            processes = {
                "sink": stack.enter_context(process(*receives, log=folder / "sink.log")),
                "sender": stack.enter_context(process("services.notifications", log=folder / "service.log", **service)),
            }
            if (mongod := listening(mongo)) is not None:
                processes["mongod"] = mongod
            while not await asyncio.to_thread(answers_ready_now, f"http://127.0.0.1:{port}"):
                await asyncio.sleep(0.2)
            if profile is not None:
                stack.enter_context(recorded(processes["sender"].pid, profile))
            readings = await watched(database, processes, count)
            return report(readings, count, kept.read_text().split(), await until_empty(database))
        finally:
            await database.client.drop_database(name)


class Sink(asyncio.Protocol):
    """Takes every message and keeps its Message-ID: a mail server that costs next to nothing."""

    def __init__(self, kept: TextIO) -> None:
        self._kept, self._buffer, self._in_message = kept, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 bench\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            line, end, rest = self._buffer.partition(b"\r\n.\r\n" if self._in_message else b"\r\n")
            if not end:
                return
            self._buffer = rest
            self._transport.write(self._message(line) if self._in_message else self._command(line))

    def _message(self, content: bytes) -> bytes:
        self._in_message = False
        id = re.search(rb"\r\nMessage-ID: (\S+)", content)
        self._kept.write(f"{id[1].decode() if id else 'none'}\n")
        self._kept.flush()
        return b"250 taken\r\n"

    def _command(self, line: bytes) -> bytes:
        self._in_message = line.upper() == b"DATA"
        return b"354 go on\r\n" if self._in_message else b"250 fine\r\n"


async def sink(port: int, file: Path) -> None:
    with file.open("w") as kept:
        server = await asyncio.get_running_loop().create_server(lambda: Sink(kept), "127.0.0.1", port)
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.mail", description=__doc__)
    parser.add_argument("messages", type=int, nargs="?", default=10_000)
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--sink", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--kept", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.sink:
        asyncio.run(sink(given.sink, given.kept))
        return
    with TemporaryDirectory() as name, servers(Path(name)) as (mongo, kafka):
        print(json.dumps(asyncio.run(measure(Path(name), mongo, kafka, given.messages, given.profile)), indent=2))


if __name__ == "__main__":
    main()
