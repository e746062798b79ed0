"""What is stuck and why: parked lanes and quarantined records of every service, grouped by what stopped them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import orjson

from eventing.http import ProblemError
from services.console.asked import Asked, Console, Told, service_of, told
from services.console.neighbours import path
from services.console.policy import HIDDEN, May, by_service, fingerprint, kept_key, shown_key, visible
from services.console.state import JsonObject

PAGE, MOST_PAGES = 1000, 5
SHOWN_OF_A_GROUP = 50


async def parked(console: Console, asked: Asked) -> JsonObject:
    """Parked lanes, grouped by the fingerprint of their reason: ?service=."""
    lanes, away = await lanes_of(console, _services(console, asked))
    groups: dict[tuple[str, str], list[JsonObject]] = defaultdict(list)
    for lane in lanes:
        groups[lane["service"], lane["fingerprint"]].append(lane)
    return {
        "items": sorted(
            (_group(some, asked) for some in groups.values()), key=lambda g: str(g["last_at"]), reverse=True
        ),
        "next": None,
        "service": _chosen_service(asked),
        "services": sorted(console.neighbours),
        "away": away,
    }


async def lane(console: Console, asked: Asked) -> JsonObject:
    """One parked lane: its head whole with the reason, and the first that stand behind it."""
    service, key = service_of(console, asked), await key_of(console, asked)
    listed = await console.neighbours[service].get(path("admin", "parked", key), "operator")
    records = [_record(one, asked) for one in listed["items"]]
    return {
        "service": service,
        "handle": asked.parts["handle"],
        "key": shown_key(key, asked.who),
        "head": records[0],
        "behind": records[1:],
        "more": listed["next"] is not None,
        "fingerprint": fingerprint(service, records[0]["reason"]),
        "is_educator": ":" not in key,
    }


async def quarantine(console: Console, asked: Asked) -> JsonObject:
    """What could not be read or used, grouped by service and reason: ?service=."""
    services = _services(console, asked)
    answers = await asyncio.gather(*(all_of(console, service, "/admin/quarantine") for service in services))
    groups: dict[tuple[str, str, str], list[JsonObject]] = defaultdict(list)
    counts: dict[str, int] = {}
    gauges = by_service(console.watch.sight.processes)
    for service, (rows, answer) in zip(services, answers, strict=True):
        if not answer.away:  # where not all were listed, what the service counts: else nobody could say of the rest
            counted = 0 if answer.next is None else int(gauges.get(service, {}).get("wea_quarantined", 0))
            counts[service] = max(len(rows), counted)
        for one in rows:
            groups[service, str(one["topic"]), str(one["reason"])].append(_quarantined(one, asked))
    looked = await console.store.looked_at()
    return {
        "items": [
            {
                "service": service, "topic": topic, "reason": reason, "count": len(rows),
                "first_at": min(str(one["at"]) for one in rows), "last_at": max(str(one["at"]) for one in rows),
                "rows": sorted(rows, key=lambda one: str(one["at"]), reverse=True)[:SHOWN_OF_A_GROUP],
            }
            for (service, topic, reason), rows in sorted(groups.items())
        ],
        "next": None,
        "fresh": {name: count - looked.get(name, 0) for name, count in counts.items() if count > looked.get(name, 0)},
        "counts": counts,
        "not_listed": {
            service: counts[service] - len(rows)
            for service, (rows, _) in zip(services, answers, strict=True)
            if counts.get(service, 0) > len(rows)
        },
        "service": _chosen_service(asked),
        "services": sorted(console.neighbours),
        "away": [answer.away for _, answer in answers if answer.away],
    }  # fmt: skip


async def lanes_of(console: Console, services: Iterable[str]) -> tuple[list[JsonObject], list[str]]:
    """The parked lanes of these services, each with its handle; and which of them do not answer."""
    names = list(services)
    answers = await asyncio.gather(*(all_of(console, service, "/admin/parked") for service in names))
    secret = console.settings.secret.get_secret_value()
    lanes = [
        one
        | {"service": service, "handle": handle(one["key"], secret), "fingerprint": fingerprint(service, one["reason"])}
        for service, (rows, _) in zip(names, answers, strict=True)
        for one in rows
    ]
    return lanes, [answer.away for _, answer in answers if answer.away]


async def key_of(console: Console, asked: Asked) -> str:
    """The key behind a handle: keys may hold NEA's member ids, and stand in no address of ours. Or `?key=` as it is."""
    given = asked.text("key")
    if asked.parts["handle"] == "by-key" and given:
        return given
    lanes, away = await lanes_of(console, [service_of(console, asked)])
    for one in lanes:
        if one["handle"] == asked.parts["handle"]:
            return str(one["key"])
    if away:
        raise ProblemError(503, "service_away", f"{away[0]} does not answer now. Try again in a moment.")
    raise ProblemError(404, "nothing_parked", "Nothing is parked here any more: it was mended meanwhile.")


def handle(key: str, secret: str) -> str:
    return sha256(f"{secret}\x00{kept_key(key, secret)}".encode()).hexdigest()[:16]


async def all_of(console: Console, service: str, at: str) -> tuple[list[JsonObject], Told]:
    """Every row of an operators' list, up to a bound."""
    rows: list[JsonObject] = []
    answer, after = Told(), None
    for _ in range(MOST_PAGES):
        answer = await told(console.neighbours[service].get(at, "operator", limit=PAGE, after=after), service)
        rows += answer.items()
        after = answer.next
        if after is None:
            break
    return rows, answer


def _services(console: Console, asked: Asked) -> list[str]:
    wanted = _chosen_service(asked)
    return [name for name in console.neighbours if wanted is None or name == wanted]


def _chosen_service(asked: Asked) -> str | None:
    """?service=, or ?of= of the command line."""
    return asked.text("service") or asked.text("of")


def _group(lanes: list[JsonObject], asked: Asked) -> JsonObject:
    first = lanes[0]
    return {
        "service": first["service"],
        "fingerprint": first["fingerprint"],
        "reason": first["reason"],
        "lanes": len(lanes),
        "records": sum(one["records"] for one in lanes),
        "first_at": min(str(one["parked_at"]) for one in lanes),
        "last_at": max(str(one["parked_at"]) for one in lanes),
        "types": sorted({one["type"] for one in lanes}),
        "heads": [
            {
                "handle": one["handle"], "key": shown_key(one["key"], asked.who), "type": one["type"],
                "behind": one["behind"], "tries": one["tries"], "parked_at": one["parked_at"],
                "event_id": one["event_id"],
            }
            for one in lanes[:SHOWN_OF_A_GROUP]
        ],
    }  # fmt: skip


def _record(one: JsonObject, asked: Asked) -> JsonObject:
    shown = _shown(one["value"], one["topic"], asked)
    place = f"{one['topic']}-{one['partition']}-{one['offset']}"
    return one | {"value": shown, "data": shown.get("data") if isinstance(shown, dict) else None, "place": place}


def _quarantined(one: JsonObject, asked: Asked) -> JsonObject:
    key = one.get("key")
    return one | {
        "value": _shown(one.get("value"), one["topic"], asked),
        "key": None if key is None else shown_key(str(key), asked.who),
    }


def _shown(text: Any, topic: str, asked: Asked) -> Any:
    """A value as this one may see it: hidden whole where no names tell its parts apart."""
    value = read_value(text)
    if not isinstance(value, dict):
        return value if value is None or asked.may(May.SEE_PEOPLE) else HIDDEN
    return visible(value, topic, asked.who)


def read_value(text: Any) -> Any:
    """A record's value: parsed where it is JSON, else as it is."""
    if not isinstance(text, str):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
