"""Figure 1: a topic that is already there, worked off; contenders take turns."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from importlib.util import find_spec
from typing import Any
from uuid import uuid4

import pymongo

from bench.contender import Race
from bench.history import TOPIC, Told, told
from bench.rounds import best
from bench.servers import Servers
from bench.table import table
from eventing.envelope import STRUCTURED_HEADERS
from eventing.kafka import KafkaSettings, ensure_topics, producer

CONTENDERS = ("by_hand", "clockhours", *(["hexkit"] if find_spec("hexkit") else []), "tutorial")
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
    """One contender, in a process and a database of its own."""
    about = {f.name: getattr(race, f.name) for f in fields(race) if not f.name.startswith("_")}
    command = [sys.executable, "-m", f"bench.run_{contender}", json.dumps(about)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return json.loads(done.stdout.splitlines()[-1]) | {"rows": rows(race)}
    finally:
        with pymongo.MongoClient(race.mongo) as client:
            client.drop_database(race.database)


def rows(race: Race) -> dict[str, int]:
    """How much is in the database: contenders that write the same come to the same."""
    with pymongo.MongoClient(race.mongo) as client:
        database = client[race.database]
        return {name: database[name].count_documents({}) for name in COLLECTIONS}


ROWS = {
    "by_hand": "the limit: the same writes batched by hand, no framework, no rules, one batch at a time",
    "clockhours": "**clockhours**: sequence, position, rules, ledger, outbox in one transaction a batch",
    "hexkit": "the published peer hexkit: an event at a time, each write alone, publishes too",
    "tutorial": "the tutorial's way: FastStream, a transaction for each record, the same writes",
}


def figure(servers: Servers, *, full: bool) -> dict[str, Any]:
    size = {"educators": 1000, "each": 100 if full else 10}
    how = {"rounds": 5, "slow_rounds": 5, "seconds": 5.0} if full else {"rounds": 3, "slow_rounds": 1, "seconds": 3.0}
    return {**size, "worked": best(raced(servers, **size, **how))}


def ratios(found: dict[str, Any]) -> dict[str, float]:
    rates = {name: run["per_second"] for name, run in found["worked"].items()}
    return {f"consumer/{name}": rates["clockhours"] / rates[name] for name in ("by_hand", "tutorial")}


def lines(found: dict[str, Any]) -> list[str]:
    worked, stands = found["worked"], ratios(found)
    told = [
        f"A topic of {found['educators'] * found['each']:,} enrollment events of {found['educators']:,} educators,"
        " mixed up, 12 partitions.",
        "",
        *table(
            ["", "events/s", "CPU µs an event", "peak MB"],
            [
                [ROWS[name], f"{r['per_second']:,.0f}", f"{r['cpu_us']:,.0f}", f"{r['peak_mb']:,.0f}"]
                for name, r in worked.items()
            ],
        ),
        "",
        f"clockhours stands at **{100 * stands['consumer/by_hand']:.0f} %** of the limit (goal 80 %) and at"
        f" **{stands['consumer/tutorial']:.0f} times** the tutorial's way (goal 60). CPU is the contender's own, the"
        " servers' not counted; the first and the second write the same rows, which the run checks.",
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
            race = Race(servers.kafka, reads, servers.mongo, database, events, educators, each, lasting)
            result = run(contender, race)
            rows_written = result.pop("rows")
            if contender not in SLOW:
                written.append(rows_written)
            yield contender, result
        if written[0] != written[1]:
            raise AssertionError(f"by hand writes something else: {written}")
