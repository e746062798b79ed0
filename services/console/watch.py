"""Looking at the system, again and again, in the background: pages show what was seen last and never wait for it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
import structlog
from prometheus_client.parser import text_string_to_metric_families

from contracts import topics
from eventing.clock import system_now
from eventing.looking import Cluster, Place
from eventing.transient import RefusedError, TransientError
from services.console import metrics
from services.console.latency import Latency
from services.console.neighbours import AwayError, Neighbour, Neighbours, RefusedByServiceError
from services.console.state import Group, Process, Queue, Sight
from services.console.store import Store

log = structlog.get_logger(__name__)

EVERY_SECONDS = 3.0
PATIENCE_SECONDS = 3.0  # no page waits for this
MOST_COUNTED = 1000
RATES_SHOWN = timedelta(hours=1)
GROUPS = tuple(dict.fromkeys(reader for topic in topics.ALL for reader in topic.readers))
PARTITIONS = [(topic.name, number) for topic in topics.ALL for number in range(topic.partitions)]
# What waits for people, where it is asked and with which role's key.
QUEUES: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("enrollment", "unmatched", "/unmatched", {}),
    ("clockhours", "exceptions", "/exceptions", {"status": "open"}),
    ("notifications", "unknown mail", "/messages", {"status": "unknown"}),
)
GAUGES = frozenset(
    {
        "wea_parked_lanes", "wea_parked_records", "wea_quarantined", "wea_outbox_rows", "wea_outbox_oldest_seconds",
        "wea_consumer_stopped", "wea_mongodb_answers",
    }
)  # fmt: skip


class Watch:
    """Holds the last Sight."""

    def __init__(self, neighbours: Neighbours, cluster: Cluster, store: Store) -> None:
        self._neighbours, self._cluster, self._store = neighbours, cluster, store
        self.sight = Sight()
        self._latency = Latency(store, system_now())

    async def run(self) -> None:
        """Until cancelled. What cannot be seen is shown as such; nothing here ends the loop."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("look_failed")
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> Sight:
        """Everything side by side: whoever is slow delays only what is his."""
        neighbours = list(self._neighbours.values())
        async with asyncio.TaskGroup() as tasks:
            processes = [tasks.create_task(process(one, url)) for one in neighbours for url in one.urls]
            queues = [tasks.create_task(queue(self._neighbours[one[0]], *one[1:])) for one in QUEUES]
            groups = tasks.create_task(_or_else(self._groups, None))
            members = tasks.create_task(_or_else(self._members, {}))
            looked_at = tasks.create_task(_or_else(self._store.looked_at, {}))
            rates = tasks.create_task(_or_else(partial(self._store.rates, system_now() - RATES_SHOWN), {}))
            records = tasks.create_task(_or_else(self._store.size, self.sight.records))
            tasks.create_task(_or_else(partial(self._latency.measure, system_now()), None))
        seen = groups.result()
        self.sight = replace(
            self.sight,
            at=system_now(),
            processes=tuple(task.result() for task in processes),
            groups=tuple(seen) if seen is not None else self.sight.groups,
            members=members.result(),
            queues={task.result().name: task.result() for task in queues},
            looked_at=looked_at.result(),
            rates=rates.result(),
            records=records.result(),
            kafka=seen is not None,
        )
        metrics.show(self.sight)
        return self.sight

    async def _groups(self) -> list[Group]:
        """Each group's lag on each of its topics, and since when its first waiting record waits."""
        ends = await self._cluster.ends(PARTITIONS)
        reads = [(group, topic) for group in GROUPS for topic in topics.ALL if group in topic.readers]
        stands = {group: await self._cluster.committed(group) for group in GROUPS}
        lags = {
            (group, topic.name, number): ends.get((topic.name, number), 0) - stands[group].get((topic.name, number), 0)
            for group, topic in reads
            for number in range(topic.partitions)
        }
        first = {(g, t, n): (t, n, stands[g].get((t, n), 0)) for (g, t, n), lag in lags.items() if lag > 0}
        since = await self._waits_since(set(first.values()))
        found = []
        for group, topic in reads:
            parts = [(group, topic.name, number) for number in range(topic.partitions)]
            waits = {one: since.get(first[one]) if one in first else None for one in parts}
            oldest = min((at for at in waits.values() if at is not None), default=None)
            each = {number: (max(0, lags[g, t, number]), waits[g, t, number]) for g, t, number in parts}
            found.append(Group(group, topic.name, sum(lag for lag, _ in each.values()), oldest, each))
        return found

    async def _waits_since(self, places: set[Place]) -> dict[Place, datetime]:
        """When Kafka took these: from what we keep, else from Kafka."""
        if not places:
            return {}
        names = [f"{topic}-{number}-{at}" for topic, number, at in places]
        ours = await _or_else(partial(self._store.at_places, names), {})  # our database being away is not Kafka's
        since = {place: ours[name].at for place in places if (name := "{}-{}-{}".format(*place)) in ours}
        missing = sorted(places - since.keys())[:50]
        return since | {place: record.timestamp for place, record in (await self._cluster.records(missing)).items()}

    async def _members(self) -> dict[str, int]:
        return {group: await self._cluster.members(group) for group in GROUPS}


async def process(neighbour: Neighbour, url: str) -> Process:
    """What one process says of itself."""
    unseen = Process(neighbour.name, url)
    began = asyncio.get_running_loop().time()
    try:
        health = await neighbour.ask_process(url, "GET", "/health/ready", seconds=PATIENCE_SECONDS)
        said = orjson.loads(health.body)
        took = (asyncio.get_running_loop().time() - began) * 1000
        shown = await neighbour.ask_process(url, "GET", "/metrics", seconds=PATIENCE_SECONDS)
        gauges = read_gauges(shown.body.decode())
    except (AwayError, ValueError):
        return unseen
    if not isinstance(said, dict):
        return unseen
    return Process(
        neighbour.name,
        url,
        answers=True,
        ready=health.status == 200,
        reasons=tuple(map(str, said.get("reasons", ()))),
        version=str(said.get("version", "")),
        digest=str(said.get("program_digest", "")),
        gauges=gauges,
        took_ms=took,
    )


def read_gauges(text: str) -> dict[str, float]:
    """The gauges that pages show; of several series the sum, of ages the largest."""
    wanted = tuple(GAUGES)  # the parser is slow, and most of what a service shows is of no concern here
    lines = "\n".join(line for line in text.splitlines() if line.startswith(wanted))
    found: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(lines + "\n"):
        found.setdefault(family.name, []).extend(sample.value for sample in family.samples)
    return {
        name: max(values, default=0.0) if name.endswith("_seconds") else sum(values) for name, values in found.items()
    }


async def queue(neighbour: Neighbour, name: str, path: str, params: Mapping[str, str]) -> Queue:
    """How many wait, counted up to a thousand."""
    try:
        listed = await neighbour.get(path, "staff", limit=MOST_COUNTED, **params)
        return Queue(name, len(listed["items"]), more=listed.get("next") is not None)
    except (AwayError, RefusedByServiceError, KeyError, TypeError):
        return Queue(name, None)


async def _or_else(ask: Callable[[], Awaitable[Any]], otherwise: Any) -> Any:
    try:
        return await ask()
    except (TransientError, RefusedError) as error:
        log.info("not_seen", what=getattr(ask, "__qualname__", None) or repr(ask), error=str(error))
        return otherwise
