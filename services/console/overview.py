"""Is all well? One line a service, one a topic and group, and what a person must act on."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from contracts import topics
from eventing.clock import system_now
from services.console import policy
from services.console.asked import Asked, Console
from services.console.state import JsonObject, Process, Sight
from services.console.watch import GROUPS

MINUTES_SHOWN = 60


async def overview(console: Console, asked: Asked) -> JsonObject:
    """What was last seen of everything."""
    now = system_now()
    sight = console.watch.sight
    return {
        "seen_at": sight.at,
        "programme_time": console.clock(),
        "attention": [
            {"text": one.text, "link": one.link, "runbook": one.runbook} for one in policy.attention(sight, now)
        ],
        "services": _services(sight),
        "topics": [_topic(topic, sight, sight.rates.get(topic.name, {}), now) for topic in topics.ALL],
        "queues": [
            {"queue": one.name, "count": one.count, "more": one.more, "link": LINKS[one.name]}
            for one in sight.queues.values()
        ],
        "records": sight.records,
    }


LINKS = {
    "unmatched": "/unmatched",
    "exceptions": "/exceptions?status=open",
    "unknown mail": "/messages?status=unknown",
}


async def lag(console: Console, asked: Asked) -> JsonObject:
    """Each group's lag on each topic."""
    now = system_now()
    return {
        "items": [
            {
                "group": one.group, "topic": one.topic, "lag": one.lag, "oldest_at": one.oldest,
                "oldest_seconds": int((now - one.oldest).total_seconds()) if one.lag and one.oldest else 0,
            }
            for one in console.watch.sight.groups
        ],
        "seen_at": console.watch.sight.at,
        "kafka_away": not console.watch.sight.kafka,
        "next": None,
    }  # fmt: skip


def _services(sight: Sight) -> list[JsonObject]:
    """One line a service: ready only when all its processes are."""
    processes: dict[str, list[Process]] = defaultdict(list)
    for one in sight.processes:
        processes[one.service].append(one)
    digests = {one.digest for one in sight.processes if one.digest}
    gauges = policy.by_service(sight.processes)
    return [
        {
            "service": service,
            "ready": all(one.ready for one in some),
            "answers": all(one.answers for one in some),
            "reasons": sorted({reason for one in some for reason in one.reasons}),
            "versions": sorted({one.version for one in some if one.version}),
            "digests": sorted({one.digest[:12] for one in some if one.digest}),
            "digests_differ": len(digests) > 1,
            "replicas": max(len(some), sight.members.get(service, 0)),
            "took_ms": round(max(one.took_ms for one in some), 1),
            "parked_lanes": _whole(gauges[service].get("wea_parked_lanes")),
            "quarantined": _whole(gauges[service].get("wea_quarantined")),
            "outbox_rows": _whole(gauges[service].get("wea_outbox_rows")),
            "outbox_seconds": _whole(gauges[service].get("wea_outbox_oldest_seconds")),
        }
        for service, some in processes.items()
    ]


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _topic(topic: topics.Topic, sight: Sight, minutes: Mapping[datetime, int], now: datetime) -> JsonObject:
    this = now.replace(second=0, microsecond=0)
    each = [minutes.get(this - timedelta(minutes=back), 0) for back in reversed(range(MINUTES_SHOWN))]
    groups = {one.group: one for one in sight.groups if one.topic == topic.name}
    return {
        "topic": topic.name,
        "per_minute": round(sum(each[-6:-1]) / 5, 1),
        "last_hour": sum(each),
        "minutes": each,
        "groups": [
            {
                "group": group,
                "lag": groups[group].lag,
                "oldest_seconds": _waits(groups[group].oldest, groups[group].lag, now),
                "late": _waits(groups[group].oldest, groups[group].lag, now) > policy.LAG_SECONDS,
            }
            for group in GROUPS
            if group in groups
        ],
    }


def _waits(oldest: datetime | None, lag: int, now: datetime) -> int:
    return max(0, int((now - oldest).total_seconds())) if lag and oldest is not None else 0
