"""Server time of every page of the console with 1,000,000 recorded events, on a real mongod.

    WEA_TEST_MONGO=mongodb://... .venv/bin/python -m tests.console.bench_million [EVENTS]

The other services and Kafka are stand-ins that answer at once: what is measured is the console. It makes a database
of its own and drops it.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from argon2 import PasswordHasher

from contracts import topics
from contracts.events import MODELS
from eventing.clock import system_now
from eventing.mongo import connect
from eventing.service import EVENTING_INDEXES
from services.console.settings import Settings
from services.console.signin import Users
from services.console.store import MINUTES, RECORDS, indexes
from tests.console.conftest import KEYS, PASSWORD, World
from tests.console.test_pages import addresses, filled

EDUCATORS = 20_000
REPEATS = 15


def documents(count: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Chains of five: an event of the intake, two of enrollment, one of clockhours, one e-mail; over 80 days."""
    types = [t for t, model in MODELS.items() if model.TOPIC is topics.ENROLLMENT]
    path = (
        (topics.INBOX, "/portal", "session.attended"),
        (topics.ENROLLMENT, "/enrollment", types[0]),
        (topics.ENROLLMENT, "/enrollment", types[1]),
        (topics.CLOCKHOURS, "/clockhours", "org.washingtonea.ClockHoursAwarded.v1"),
        (topics.NOTIFICATIONS, "/notifications", "org.washingtonea.NotificationSent.v1"),
    )
    span = timedelta(days=80)
    for n in range(count):
        chain, step = divmod(n, len(path))
        topic, source, type = path[step]
        number = chain % topic.partitions
        at = now - span + span * (n / count)
        document = {
            "_id": f"{topic.name}-{number}-{n}", "topic": topic.name, "partition": number, "offset": n,
            "key": f"E-{chain % EDUCATORS}", "event_id": f"event-{n}", "source": source, "type": type, "time": at,
            "at": at, "size": 700, "schema": 1, "trace": f"{chain:032x}",
        }  # fmt: skip
        if step:
            document |= {"causation_id": f"event-{n - 1}", "causation_source": path[step - 1][1], "sequence": chain + 1}
        yield document


async def fill(world: World, count: int) -> None:
    pending: list[dict[str, Any]] = []
    began = time.perf_counter()
    for document in documents(count, system_now()):
        pending.append(document)
        if len(pending) == 10_000:
            await world.database[RECORDS].insert_many(pending, ordered=False)
            pending = []
    if pending:
        await world.database[RECORDS].insert_many(pending, ordered=False)
    hour = system_now().replace(minute=0, second=0, microsecond=0)
    minutes = [
        {"_id": f"{topic.name}-{number}-{back}", "topic": topic.name, "at": hour - timedelta(hours=back),
         "m": {str(minute): 7 for minute in range(60)}}
        for topic in topics.ALL for number in range(topic.partitions) for back in range(2)
    ]  # fmt: skip
    await world.database[MINUTES].insert_many(minutes)
    say(f"{count:,} events written in {time.perf_counter() - began:.0f} s")


async def measure(world: World, count: int) -> float:
    """Print each page's times; returns the worst median in milliseconds."""
    paths = await addresses(world)
    place = f"{topics.ENROLLMENT.name}-{(count // 10) % 12}-{count // 10 * 5 + 1}"
    paths += [
        f"/streams/{place}",
        "/streams?topic=wea.clockhours.v1",
        "/streams?type=org.washingtonea.NotificationSent.v1",
        "/streams?topic=wea.enrollment.v1&educator=E-77",
        "/educators/E-77/timeline",
    ]
    browser = await world.as_("staff")
    await world.console.watch.look()
    worst = 0.0
    for path in dict.fromkeys(paths):
        times = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            answer = await browser.get(path)
            times.append((time.perf_counter() - began) * 1000)
        if answer.status_code not in {200, 404}:
            raise SystemExit(f"{path}: {answer.status_code}")
        median = statistics.median(times)
        worst = max(worst, median)
        say(f"{path[:70]:<70} {answer.status_code} median {median:6.1f} ms   longest {max(times):6.1f} ms")
    return worst


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(count: int) -> None:
    with TemporaryDirectory() as folder, connect(os.environ["WEA_TEST_MONGO"], f"bench-{uuid4().hex[:8]}") as database:
        file = Path(folder) / "users.toml"
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        file.write_text(f'[users.staff]\npassword = "{quick}"\nroles = ["staff"]\n')
        settings = Settings(keys=KEYS, secret="a secret of tests", console_users=file)  # type: ignore[arg-type]
        await database.ensure({**EVENTING_INDEXES, **indexes(settings.keep)})
        try:
            world = filled(World(database, settings, Users(file)))
            await fill(world, count)
            say(f"worst median: {await measure(world, count):.1f} ms")
        finally:
            await database.client.drop_database(database.name)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
