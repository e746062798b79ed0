"""Mending parked records: retry, skip, edit. All of it runs the very handlers that the consumer runs.

A lane is worked off from its head, one transaction a record. What fails again stays where it is, with its new reason,
and all behind it waits on. A preview does the same and takes everything back.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import orjson
import structlog

from eventing import quarantine
from eventing.batch import Batch, Record
from eventing.clock import system_now
from eventing.envelope import STRUCTURED_HEADERS, decode, encode
from eventing.lanes import COLLECTION, PARKED, slug
from eventing.mongo import Binary, Database, Session, faults
from eventing.reader import Reader
from eventing.reasons import GAP, Reason, why
from eventing.transient import RefusedError, TransientError, repeat

log = structlog.get_logger(__name__)

REPEATED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Handlers:
    """Which handler reads which topic, what it is called with, and for whom."""

    by_topic: Mapping[str, Callable[..., Awaitable[None]]]
    context: tuple[Any, ...]
    clock: Callable[[], datetime]
    reader: Reader = field(default_factory=Reader)

    async def __call__(self, batch: Batch) -> None:
        first = batch.records[0]
        await self.by_topic[first.topic](batch, *self.context, self.clock())


@dataclass(slots=True)
class Outcome:
    """What came of working off a lane: how many applied, how many are left, why the head stays, what was skipped."""

    key: str
    applied: int = 0
    left: int = 0
    reason: dict[str, str] | None = None
    dry_run: bool = False
    events: list[str] = field(default_factory=list)
    skipped: dict[str, str] | None = None


class NotParkedError(LookupError):
    """Nothing is parked under this key."""


class OtherKeyError(ValueError):
    """A parked record stays under its key: the new data is about another."""


async def retry(database: Database, key: str, handlers: Handlers) -> Outcome:
    """Try the lane from its head until it is empty or a record stays. Safe to repeat; an empty lane is no error."""
    outcome = Outcome(key)
    while (head := await _head(database, key)) is not None:
        if failed := await _failure(handlers, _replay(handlers.reader, head)):
            outcome.reason = failed
            break
        after = await _head(database, key)
        if after is not None and after["n"] == head["n"]:
            outcome.reason = after["reason"]
            break
        outcome.applied += 1
    outcome.left = await _count(database, key)
    return outcome


async def closed_gaps(database: Database) -> set[str]:
    """Keys whose missing record has come, though what waited for it was not tried: that process was killed first."""
    with faults():
        lanes = await database[COLLECTION].find({"parked": {"$gt": 0}, "gap": None}, {"_id": 1}).to_list(None)
    heads = [await _head(database, lane["_id"]) for lane in lanes]
    return {head["key"] for head in heads if head is not None and head["reason"]["code"] == GAP}


async def preview(
    database: Database, key: str, handlers: Handlers, *, data: dict[str, Any] | None = None, event_id: str | None = None
) -> Outcome:
    """What retrying the head, as it is or with other data, would do: done, reported and taken back.

    `event_id` is of the head that the data is for. Raises NotParkedError and OtherKeyError. All of it as in `edit`.
    """
    head = await _required(database, key)
    if data is not None and event_id in (None, head["event_id"]):
        record = _record(handlers.reader, head)
        _check_key(key, record, data)
        head = {**head, **_edited(record, data)}
    rehearsal: list[Any] = []
    outcome = Outcome(key, dry_run=True, left=await _count(database, key))
    outcome.reason = await _failure(handlers, replace(_replay(handlers.reader, head), rehearsal=rehearsal))
    for unit in rehearsal:
        outcome.events += [event.type for event in unit.published]
        outcome.reason = next(({"code": r.code, "detail": r.detail} for _, r in unit.parked), outcome.reason)
    outcome.applied = 0 if outcome.reason else 1
    return outcome


async def preview_skip(database: Database, key: str, *, event_id: str | None = None) -> Outcome:
    """What skipping would take out, and how much would then be tried. Raises NotParkedError."""
    head = await _required(database, key)
    left = await _count(database, key)
    if event_id is not None and head["event_id"] != event_id:
        return Outcome(key, dry_run=True, left=left)
    return Outcome(key, dry_run=True, left=left - (head["reason"]["code"] != GAP), skipped=_skips(head))


async def skip(
    database: Database, key: str, handlers: Handlers, *, reason: str, event_id: str | None = None
) -> Outcome:
    """Take the head out of the lane into quarantine, where it is kept whole, and work off what stood behind it.

    A lane that waits for a missing record skips what is missing; its head is then tried. `event_id` is of the head that
    is meant: where another is there by now, nothing is taken out. Where none is named, the same words for the same key
    within a minute are a repeat, which takes out nothing more. Raises NotParkedError.
    """
    skipped = await repeat(partial(_skip, database, handlers.reader, key, reason, event_id))
    outcome = await retry(database, key, handlers)
    outcome.skipped = skipped
    return outcome


async def edit(
    database: Database, key: str, handlers: Handlers, *, data: dict[str, Any], event_id: str | None = None
) -> Outcome:
    """Give the head other data, keeping its id, type, time and key, and try.

    `event_id` is of the head that is meant: where another is there by now, nothing is edited. Where none is named, the
    same data for the same key within a minute are a repeat, which is not for the next record that has become the head.
    Raises NotParkedError, and OtherKeyError for data that names another educator than the record's key.
    """
    await repeat(partial(_edit, database, handlers.reader, key, data, event_id))
    return await retry(database, key, handlers)


async def _edit(database: Database, reader: Reader, key: str, data: dict[str, Any], event_id: str | None) -> None:
    async with database.transaction() as session:
        head = await _required(database, key, session)
        # Only a digest of the data is kept on the lane, which stays: the data may be about a person.
        said, now = sha256(orjson.dumps(data)).hexdigest(), system_now()
        if event_id is None:
            last = await _just_done(database, key, "edited", now, session)
            if last.get("said") == said and last["head"] != head["_id"]:
                return
        elif head["event_id"] != event_id:
            return
        record = _record(reader, head)
        _check_key(key, record, data)
        changed = {**_edited(record, data), "original": head.get("original", head["value"])}
        await database[PARKED].update_one({"_id": head["_id"]}, {"$set": changed}, session=session)
        edited = {"edited": {"head": head["_id"], "said": said, "at": now}}
        await database[COLLECTION].update_one({"_id": key}, {"$set": edited}, session=session)


def _skips(head: dict[str, Any]) -> dict[str, str]:
    """What skipping this head takes out of the lane, or passes over before it."""
    if head["reason"]["code"] == GAP:
        return {"missing": head["reason"]["detail"], "before": head["event_id"]}
    return {name: head[name] for name in ("event_id", "type", "topic")}


async def _skip(
    database: Database, reader: Reader, key: str, reason: str, event_id: str | None
) -> dict[str, str] | None:
    async with database.transaction() as session:
        head, now = await _required(database, key, session), system_now()
        if event_id is None:
            last = await _just_done(database, key, "skipped", now, session)
            if last.get("reason") == reason:
                return None
        elif head["event_id"] != event_id:
            return None
        record = _record(reader, head)
        skipped = {"skipped": {"reason": reason, "at": now}}
        sequence, seen = record.event.sequence, f"seen.{slug(record.topic)}"
        if head["reason"]["code"] == GAP and sequence is not None:
            changes: dict[str, Any] = {"$set": {seen: sequence - 1, "gap": None, **skipped}}
        else:
            changes = {"$inc": {"parked": -1}, "$set": skipped}
            if sequence is not None:
                changes["$max"] = {seen: sequence}
            await database[PARKED].delete_one({"_id": head["_id"]}, session=session)
            about = {name: head[name] for name in ("event_id", "type", "headers")} | {"key": key.encode()}
            kept = quarantine.keep(record.place, record.topic, Reason("skipped", reason), head["value"], **about)
            await database[quarantine.COLLECTION].bulk_write([kept], session=session)
        await database[COLLECTION].update_one({"_id": key}, changes, session=session)
    return _skips(head)


async def _just_done(database: Database, key: str, what: str, now: datetime, session: Session) -> dict[str, Any]:
    """What was last done to the lane in this way, where a repeat of it may still come; else empty."""
    lane = await database[COLLECTION].find_one({"_id": key}, {what: 1}, session=session) or {}
    last: dict[str, Any] = lane.get(what) or {}
    return last if last and now - last["at"] < REPEATED_WITHIN else {}


def _check_key(key: str, record: Record, data: dict[str, Any]) -> None:
    """What names the record's key must go on to: elsewhere it would be done out of that other key's order."""
    for name, value in (record.event.data or {}).items():
        if value == key and data.get(name) != key:
            raise OtherKeyError(name)


async def _failure(handlers: Handlers, batch: Batch) -> dict[str, str] | None:
    """Apply a parked record. Returns why it stays as it was; None where it is applied, or parked itself again.

    Raises TransientError.
    """
    try:
        await repeat(partial(handlers, batch))
    except TransientError:
        raise
    except RefusedError as error:
        reason = why(error)
    except Exception as error:
        log.exception("retry_failed", error=type(error).__name__)
        reason = why(error)
    else:
        return None
    return {"code": reason.code, "detail": reason.detail}


async def _head(database: Database, key: str, session: Session = None) -> dict[str, Any] | None:
    with faults():
        head: dict[str, Any] | None = await database[PARKED].find_one({"key": key}, sort=[("n", 1)], session=session)
    return head


async def _required(database: Database, key: str, session: Session = None) -> dict[str, Any]:
    head = await _head(database, key, session)
    if head is None:
        raise NotParkedError(key)
    return head


async def _count(database: Database, key: str) -> int:
    with faults():
        count: int = await database[PARKED].count_documents({"key": key})
    return count


def _replay(reader: Reader, head: dict[str, Any]) -> Batch:
    return Batch((_record(reader, head),), replay=True, reader=reader)


def _record(reader: Reader, head: dict[str, Any]) -> Record:
    headers = tuple((name, bytes(content)) for name, content in head["headers"])
    value = None if head["value"] is None else bytes(head["value"])
    event = decode(value, headers, head["key"], counted=head["topic"] not in reader.uncounted)
    return Record(
        head["topic"],
        head["partition"],
        head["offset"],
        head["key"],
        event,
        head["timestamp"],
        value,
        headers,
        head["n"],
    )


def _edited(record: Record, data: dict[str, Any]) -> dict[str, Any]:
    """The record's value with other data, and the headers that say how to read it, whatever mode it came in."""
    headers = [[name, Binary(content)] for name, content in STRUCTURED_HEADERS]
    return {"value": Binary(encode(record.event, orjson.dumps(data))), "headers": headers}
