"""Figure 1: a topic that is already there, worked off; contenders take turns."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from uuid import uuid4

import pymongo

from bench.contender import Race
from bench.history import TOPIC, told
from bench.servers import Servers
from eventing.envelope import STRUCTURED_HEADERS
from eventing.kafka import KafkaSettings, ensure_topics, producer

CONTENDERS = ("by_hand", "clockhours", "tutorial")
COLLECTIONS = ("educators", "entries", "held", "exceptions", "outbox", "lanes")


async def fill(settings: KafkaSettings, educators: int, each: int) -> int:
    await ensure_topics(settings, [TOPIC])
    sender = producer(settings)
    await sender.start()
    try:
        sent = [
            await sender.send(
                settings.physical(TOPIC.name), one.value, key=one.key.encode(), headers=list(STRUCTURED_HEADERS)
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


def figure(servers: Servers, *, educators: int, each: int, rounds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each contender's result, round after round. The tutorial's way is stopped after ten seconds."""
    prefix = f"bench-{uuid4().hex[:6]}."
    events = asyncio.run(fill(KafkaSettings(servers.kafka, prefix), educators, each))
    for _ in range(rounds):
        written = []
        for contender in CONTENDERS:
            seconds = 10.0 if contender == "tutorial" else 0.0
            database = f"bench-{uuid4().hex[:8]}"
            race = Race(servers.kafka, prefix, servers.mongo, database, events, educators, each, seconds)
            result = run(contender, race)
            rows_written = result.pop("rows")
            if contender != "tutorial":
                written.append(rows_written)
            yield contender, result
        if written[0] != written[1]:
            raise AssertionError(f"by hand writes something else: {written}")
