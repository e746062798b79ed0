"""Figure 1: a topic that is already there, worked off; contenders take turns."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import Any
from uuid import uuid4

import pymongo

from bench.contender import READY, Race, together
from bench.history import TOPIC, Told, told
from bench.rounds import best
from bench.servers import Servers
from bench.table import table
from eventing.envelope import STRUCTURED_HEADERS
from eventing.kafka import KafkaSettings, ensure_topics, producer

CONTENDERS = {  # who runs, and in how many processes over disjoint partitions
    "by_hand": ("by_hand", 1),
    "clockhours": ("clockhours", 1),
    "clockhours_by_two": ("clockhours", 2),
    "by_hand_by_two": ("by_hand", 2),
    **({"hexkit": ("hexkit", 1)} if find_spec("hexkit") else {}),
    "tutorial": ("tutorial", 1),
}
SLOW = {"hexkit", "tutorial"}  # stopped after some seconds; nothing is judged by them
COLLECTIONS = ("educators", "entries", "held", "exceptions", "outbox", "lanes")


def headers(one: Told, peer: bool) -> list[tuple[str, bytes]]:
    """Ours; or those that hexkit wants, which ignores a record without them."""
    if not peer:
        return list(STRUCTURED_HEADERS)
    ids = {name: str(uuid4()).encode() for name in ("event_id", "correlation_id")}
    return [("type", one.event.type.encode()), *ids.items()]


async def fill(settings: KafkaSettings, educators: int, each: int, *, peer: bool = False) -> int:
    await ensure_topics(settings, [TOPIC])
    sender = producer(settings)
    await sender.start()
    try:
        sent = [
            await sender.send(
                settings.physical(TOPIC.name), one.value, key=one.key.encode(), headers=headers(one, peer)
            )
            for one in told(educators, each)
        ]
        await asyncio.gather(*sent)
    finally:
        await sender.stop()
    return len(sent)


def run(contender: str, race: Race) -> dict[str, Any]:
    """One contender, in processes and a database of its own."""
    about = {f.name: getattr(race, f.name) for f in fields(race) if not f.name.startswith("_")}
    command = [sys.executable, "-m", f"bench.run_{CONTENDERS[contender][0]}", json.dumps(about)]
    try:
        with ExitStack() as stack:
            processes = [stack.enter_context(_process(command)) for _ in range(race.processes)]
            if contender not in SLOW:
                for process in processes:
                    _said(process, READY)
                for process in processes:
                    _go(process)
            found = [json.loads(_said(process, "{")) for process in processes]
        return together(found) | {"rows": rows(race)}
    finally:
        with pymongo.MongoClient[dict[str, Any]](race.mongo) as client:
            client.drop_database(race.database)


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """One process of a contender; what it wrote to stderr is told where it fails."""
    with TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            yield process
            process.wait()
        finally:
            process.kill()
            process.communicate()
            if process.returncode:
                errors.seek(0)
                print(errors.read()[-3000:])


def _said(process: subprocess.Popen[str], begins: str) -> str:
    """The next line that begins so."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(begins):
            return line
    raise RuntimeError(f"a contender ended before it said {begins}")


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    print("go", file=process.stdin, flush=True)


def rows(race: Race) -> dict[str, int]:
    """How much is in the database: contenders that write the same come to the same."""
    with pymongo.MongoClient[dict[str, Any]](race.mongo) as client:
        database = client[race.database]
        return {name: database[name].count_documents({}) for name in COLLECTIONS}


ROWS = {
    "by_hand": "the limit: the same writes batched by hand, no framework, no rules, one batch at a time",
    "clockhours": "**clockhours**: sequence, position, rules, ledger, outbox in one transaction a batch",
    "clockhours_by_two": "**clockhours**, two batches in flight: two processes, each with half of the partitions",
    "by_hand_by_two": "by hand in two processes likewise",
    "hexkit": "the published peer hexkit: an event at a time, each write alone, publishes too",
    "tutorial": "the tutorial's way: FastStream, a transaction for each record, the same writes",
}


def figure(servers: Servers, *, full: bool) -> dict[str, Any]:
    size = {"educators": 1000, "each": 100 if full else 10}
    slow_rounds, seconds = (3, 5.0) if full else (1, 3.0)
    return {**size, "worked": best(raced(servers, **size, rounds=3, slow_rounds=slow_rounds, seconds=seconds))}


def ratios(found: dict[str, Any]) -> dict[str, float]:
    rates = {name: run["per_second"] for name, run in found["worked"].items()}
    one, two = rates["clockhours"], rates["clockhours_by_two"]
    return {
        "consumer/by_hand": one / rates["by_hand"],
        "consumer/by_hand, two batches in flight": two / rates["by_hand"],
        "consumer/by_hand, both with two batches in flight": two / rates["by_hand_by_two"],
        "consumer/tutorial": one / rates["tutorial"],
        "consumer/tutorial, two batches in flight": two / rates["tutorial"],
    }


def lines(found: dict[str, Any]) -> list[str]:
    worked, stands = found["worked"], ratios(found)
    limit, in_flight, alike, tutorial, tutorial_in_flight = stands.values()
    told = [
        f"A topic of {worked['clockhours']['events']:,} enrollment events of {found['educators']:,} educators,"
        " mixed up, 12 partitions, there before anybody begins.",
        "",
        *table(
            ["", "events/s", "CPU µs an event", "peak MB"],
            [
                [ROWS[name], f"{r['per_second']:,.0f}", f"{r['cpu_us']:,.0f}", f"{r['peak_mb']:,.0f}"]
                for name, r in worked.items()
            ],
        ),
        "",
        f"One process of clockhours stands at **{100 * limit:.0f} %** of the limit, two at **{100 * in_flight:.0f} %**"
        f" (goal 80 %) and at {100 * alike:.0f} % of two by hand; at **{tutorial:.0f} times** the tutorial's way,"
        f" two at **{tutorial_in_flight:.0f} times** (goal 60). CPU is the contenders' own, the servers' not counted;"
        " by hand and clockhours write the same rows, which the run checks. All but clockhours have what follows from"
        " each event in memory beforehand.",
    ]
    if "hexkit" in worked:
        times = worked["clockhours"]["per_second"] / worked["hexkit"]["per_second"]
        told[-1] += f" It is **{times:.0f} times** as fast as hexkit, whose guarantees are fewer (bench/run_hexkit.py)."
    return told


def raced(
    servers: Servers, *, educators: int, each: int, rounds: int, slow_rounds: int, seconds: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each contender's result, round after round; the slow ones are in the first of them, so many `seconds` each."""
    prefix = f"bench-{uuid4().hex[:6]}."
    events = asyncio.run(fill(KafkaSettings(servers.kafka, prefix), educators, each))
    if "hexkit" in CONTENDERS:
        asyncio.run(fill(KafkaSettings(servers.kafka, f"{prefix}peer."), educators, each, peer=True))
    for number in range(rounds):
        written = []
        for contender in CONTENDERS:
            if contender in SLOW and number >= slow_rounds:
                continue
            database = f"bench-{uuid4().hex[:8]}"
            reads = f"{prefix}peer." if contender == "hexkit" else prefix
            lasting = seconds if contender in SLOW else 0.0
            race = Race(
                servers.kafka, reads, servers.mongo, database, events, educators, each, TOPIC.partitions,
                CONTENDERS[contender][1], lasting,
            )  # fmt: skip
            result = run(contender, race)
            rows_written = result.pop("rows")
            if contender not in SLOW:
                written.append(rows_written)
            yield contender, result
        if any(rows_written != written[0] for rows_written in written):
            raise AssertionError(f"by hand writes something else: {written}")
