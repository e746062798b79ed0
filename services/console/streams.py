"""What is on the topics: the tail of each, one event whole, and what led to what."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson

from contracts import topics
from contracts.events import MODELS
from contracts.nea import MODELS as NEA_MODELS
from contracts.portal import MODELS as PORTAL_MODELS
from eventing.batch import Failure, Record
from eventing.clock import system_now
from eventing.http import Page, ProblemError
from eventing.looking import Place
from eventing.transient import TransientError
from services.console.asked import Asked, Console, page_cursor, shown
from services.console.graph import layout
from services.console.policy import HIDDEN, May, kept_key, shown_key, visible
from services.console.state import JsonObject, Kept

TOPICS = {topic.name: topic for topic in topics.ALL}
TYPES = sorted({*MODELS, *PORTAL_MODELS, *NEA_MODELS})
MOST_READ = 300  # bodies read from Kafka at once
SEARCH_SECONDS = 1.0  # how long one search by text goes on; `next` searches further back
MOST_UP, MOST_DOWN, MOST_DRAWN = 20, 8, 60
Tail = Callable[..., Awaitable[list[Kept]]]
LATE = timedelta(seconds=10)  # records arrive here in another order than Kafka took them, by no more than this


async def streams(console: Console, asked: Asked) -> JsonObject:
    """The newest records, filtered: ?topic= &type= &educator= (or any key) &text= &limit= &after=."""
    topic, type_, text = asked.text("topic"), asked.text("type"), asked.text("text")
    limit = asked.number("limit", 50, 500)
    fitting = partial(console.store.tail, topic=topic, type=type_, key=_key(console, asked))
    start = Page(limit, asked.text("after")).moment
    if text:
        found = await _search(console, asked, text, fitting, start, limit)
    else:
        records = await fitting(before=start, limit=limit)
        found = Found(records, page_cursor(records, limit))
    return {
        "items": [row(one, asked) for one in found.records],
        "next": found.next,
        "since": (found.records[0].at if found.records else system_now()).isoformat() if start is None else None,
        "topics": list(TOPICS),
        "types": TYPES,
        "filter": {"topic": topic, "type": type_, "educator": asked.text("educator"), "text": text},
        "searched": found.searched,
        "back_to": found.back_to,
        "kafka_away": found.away,
    }


@dataclass(slots=True)
class Found:
    """A page of records, and where the next begins. Of a search by text: how many were read, and back to when."""

    records: list[Kept]
    next: str | None = None
    searched: int | None = None
    back_to: datetime | None = None
    away: bool = False


async def _search(
    console: Console, asked: Asked, text: str, fitting: Tail, start: tuple[datetime, str] | None, limit: int
) -> Found:
    """Read on until the page is full, nothing is left or the time is up: `next` says where it stopped."""
    found, ends_at = Found([], searched=0), time.monotonic() + SEARCH_SECONDS
    while True:
        records = await fitting(before=start, limit=MOST_READ)
        with_text, found.away = await _with_text(console, asked, records, text)
        if found.away:
            return found
        found.records += with_text
        found.searched = (found.searched or 0) + len(records)
        if len(found.records) > limit:  # what did not fit is where the next page begins
            found.records = found.records[:limit]
            found.next, found.back_to = page_cursor(found.records, limit), found.records[-1].at
            return found
        if records:
            start, found.back_to = (records[-1].at, records[-1].place), records[-1].at
        found.next = page_cursor(records, MOST_READ)
        if found.next is None or len(found.records) == limit or time.monotonic() > ends_at:
            return found


async def fresh(console: Console, asked: Asked, since: datetime) -> list[JsonObject]:
    """What has come since then, by the same filters, the newest first; with a little of what was there before."""
    text = asked.text("text")
    records = await console.store.tail(
        topic=asked.text("topic"), type=asked.text("type"), key=_key(console, asked), after=since - LATE, limit=200
    )
    if text:
        records, _ = await _with_text(console, asked, records, text)
    return [row(one, asked) for one in records]


async def record(console: Console, asked: Asked) -> JsonObject:
    """One record whole: envelope, headers, body from Kafka, and the chain of what led to it and what it led to."""
    place = asked.parts["place"]
    one = await console.store.record(place)
    if one is None:
        raise ProblemError(404, "not_found", "No such record is kept: it is older than 90 days, or was never there.")
    content, gone, away = None, False, False
    try:
        found = (await console.cluster.records([place_of(one)])).get(place_of(one))
        content, gone = body(found, asked), found is None
    except TransientError:
        away = True
    chain = await chain_of(console, one)
    return {
        "record": row(one, asked),
        "content": content,
        "gone": gone,
        "kafka_away": away,
        "chain": [row(other, asked) for other in chain],
        "graph": layout(chain[:MOST_DRAWN], place),
        "not_drawn": max(0, len(chain) - MOST_DRAWN),
    }


async def chain_of(console: Console, one: Kept) -> list[Kept]:
    """What led to this record and what it led to, the oldest first."""
    found = {one.place: one}
    above = one
    for _ in range(MOST_UP):
        if not above.causation_id:
            break
        causes = [c for c in await console.store.by_event([above.causation_id]) if c.source == above.causation_source]
        if not causes or causes[0].place in found:
            break
        above = causes[0]
        found[above.place] = above
    level = [one]
    for _ in range(MOST_DOWN):
        effects = await console.store.effects((other.event_id, other.source) for other in level)
        level = [other for other in effects if other.place not in found]
        if not level:
            break
        found |= {other.place: other for other in level}
    return sorted(found.values(), key=lambda other: (other.at, other.place))


def row(one: Kept, asked: Asked) -> JsonObject:
    return shown(one) | {"key": shown_key(one.key, asked.who)}


def place_of(one: Kept) -> Place:
    return one.topic, one.partition, one.offset


def body(found: Record | Failure | None, asked: Asked) -> JsonObject | None:
    """Headers and value as this one may see them."""
    if found is None:
        return None
    headers = [{"header": name, "value": _text(value)} for name, value in found.headers]
    if isinstance(found, Failure):
        text = _text(found.value) if asked.may(May.SEE_PEOPLE) else HIDDEN
        return {"headers": headers, "value": text, "unreadable": found.reason.code}
    try:
        value: Any = orjson.loads(found.value) if found.value else None
    except orjson.JSONDecodeError:
        value = _text(found.value)
    return {"headers": headers, "value": visible(value, found.topic, asked.who), "unreadable": None}


async def _with_text(console: Console, asked: Asked, records: list[Kept], text: str) -> tuple[list[Kept], bool]:
    """Those whose event has the text in it, as far as this one may see it: nobody finds by guessing what is hidden."""
    try:
        found = await console.cluster.records(place_of(one) for one in records)
    except TransientError:
        return [], True
    wanted = text.casefold()

    def has(one: Kept) -> bool:
        content = body(found.get(place_of(one)), asked)
        return content is not None and wanted in orjson.dumps(content["value"], default=str).decode().casefold()

    return [one for one in records if has(one)], False


def _key(console: Console, asked: Asked) -> str | None:
    key = asked.text("educator") or asked.text("key")
    return key and kept_key(key, console.settings.secret.get_secret_value())


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
