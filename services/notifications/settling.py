"""What became of messages, written down: the state of each, what is published of it, what staff must see to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from eventing.batch import Batch
from eventing.clock import system_now
from eventing.mongo import Database, UpdateOne
from eventing.transient import repeat
from services.notifications import metrics, reminders
from services.notifications.decisions import Known
from services.notifications.documents import SCHEMA, message_of
from services.notifications.reasons import Drop, Failure, Task
from services.notifications.shifts import Shift
from services.notifications.smtp import Answer, Fate
from services.notifications.state import Kind, Status
from services.notifications.store import Tx

PATIENCE = timedelta(hours=48)
LONGEST_WAIT = timedelta(hours=1)
AGAIN_AFTER = timedelta(seconds=5)  # a message whose outcome is unknown, where it is repeated


@dataclass(frozen=True, slots=True)
class Settled:
    """One message and where it stands now. `try_at` is system time, `due_at` programme time."""

    document: Mapping[str, Any]
    status: Status
    reason: Drop | Failure | None = None
    try_at: datetime | None = None
    due_at: datetime | None = None
    code: int = 0
    lost: bool = False  # the outcome of this try is unknown
    put_off: bool = False  # the mail server wants this message later
    suppress: str | None = None  # the address's name, where it refuses mail


def after(document: Mapping[str, Any], answer: Answer, retry_seconds: float, now: datetime, address_id: str) -> Settled:
    """What one answer of the mail server means for a message. Pure; `now` is system time."""
    put_off = document.get("put_off", 0)
    match answer.fate:
        case Fate.TAKEN:
            return Settled(document, Status.SENT, code=answer.code)
        case Fate.PUT_OFF if not answer.about_message:
            # The server is away, or will not have us: that is no word on this message, however long it lasts.
            return Settled(document, Status.QUEUED, try_at=now + timedelta(seconds=min(retry_seconds, 5.0)))
        case Fate.PUT_OFF:
            if now - document.get("first_put_off_at", now) >= PATIENCE:
                return Settled(document, Status.FAILED, Failure.NOT_TAKEN_IN_TIME, code=answer.code)
            wait = min(LONGEST_WAIT, timedelta(seconds=retry_seconds * 2 ** min(put_off, 12)))
            return Settled(document, Status.QUEUED, try_at=now + wait, code=answer.code, put_off=True)
        case Fate.REFUSED_ADDRESS:
            return Settled(document, Status.FAILED, Failure.ADDRESS_REFUSED, code=answer.code, suppress=address_id)
        case Fate.REFUSED_CONTENT:
            return Settled(document, Status.FAILED, Failure.CONTENT_REFUSED, code=answer.code)
        case Fate.UNUSABLE_ADDRESS:
            return Settled(document, Status.FAILED, Failure.ADDRESS_UNUSABLE, code=answer.code)
        case Fate.UNKNOWN:
            return _after_unknown_outcome(document, now)


def _after_unknown_outcome(document: Mapping[str, Any], now: datetime) -> Settled:
    """An award or a deadline is repeated once, for the educator had better hear it twice; a reminder is not."""
    if Kind(document["kind"]).is_repeated_when_unknown and document["lost"] == 0:
        return Settled(document, Status.QUEUED, try_at=now + AGAIN_AFTER, lost=True)
    return Settled(document, Status.UNKNOWN, Failure.OUTCOME_UNKNOWN, lost=True)


async def resolve_lost(database: Database, lost: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Decide about what a dead sender was sending. Its session is killed already."""
    owner = lost[0]["owner"]
    await _write(database, owner, [_after_unknown_outcome(document, system_now()) for document in lost], now, None)


async def settle(shift: Shift, settled: Sequence[Settled], now: datetime) -> None:
    """Write it all down in one transaction, and publish what became of each. `now` is programme time."""
    await _write(shift.database, shift.id, settled, now, shift)


async def _write(
    database: Database, owner: str, settled: Sequence[Settled], now: datetime, shift: Shift | None
) -> None:
    async def unit() -> list[Settled]:
        async with Tx.begin(database, Batch.none(), now, shift.owner if shift else None) as tx:
            ours = await _still_held(tx, owner, settled)
            for one in ours:
                _stage(tx, one)
            await _reopen_unsaid(tx, [s for s in ours if s.status is Status.DROPPED])
            await tx.write()
        return ours

    for one in await repeat(unit):
        metrics.MESSAGES.labels(one.document["kind"], one.status.value).inc()


async def _still_held(tx: Tx, owner: str, settled: Sequence[Settled]) -> list[Settled]:
    """Those that nobody took from us: a successor that believed us dead, or an erasure."""
    ids = [one.document["_id"] for one in settled]
    query = {"_id": {"$in": ids}, "owner": owner}
    held = {d["_id"] async for d in tx.db["messages"].find(query, {"_id": 1}, session=tx.session)}
    return [one for one in settled if one.document["_id"] in held]


def _stage(tx: Tx, one: Settled) -> None:
    document = one.document
    changes: dict[str, Any] = {"status": one.status.value, "owner": None, "code": one.code}
    changes["reason"] = one.reason.value if one.reason else None
    if one.try_at is not None:
        changes["try_at"] = one.try_at
        if one.code and "first_put_off_at" not in document:
            changes["first_put_off_at"] = system_now()
    if one.due_at is not None:
        changes["due_at"] = one.due_at
    if one.status is Status.SENT:
        changes |= {"sent_at": tx.now, "forced": False}
    if one.status in (Status.FAILED, Status.UNKNOWN):
        changes["failed_at"] = tx.now
    counted = {"lost": int(one.lost), "put_off": int(one.put_off)}
    tx.bulk("messages", UpdateOne({"_id": document["_id"]}, {"$set": changes, "$inc": counted}))
    if one.status in (Status.SENT, Status.FAILED, Status.UNKNOWN):
        tx.report(document, one.status, tx.now)
    if one.suppress is not None:
        _suppress(tx, one.suppress, document, one.code)


def _suppress(tx: Tx, address_id: str, document: Mapping[str, Any], code: int) -> None:
    """Nothing more to this address, and a task for staff."""
    about = {"educator_id": document["educator_id"], "code": code}
    since = {"$setOnInsert": {"since": tx.now, "schema": SCHEMA, **about}}
    tx.bulk("suppressed", UpdateOne({"_id": address_id}, since, upsert=True))
    opened = {"kind": Task.ADDRESS_REFUSED.value, "status": "open", "opened_at": tx.now, "schema": SCHEMA, **about}
    before = dict.fromkeys(("by", "reason", "resolved_at"), "")  # what was said then is about another time
    tx.bulk("tasks", UpdateOne({"_id": address_id}, {"$set": opened, "$unset": before}, upsert=True))


async def _reopen_unsaid(tx: Tx, dropped: Sequence[Settled]) -> None:
    """A reminder that never went out said nothing: what else it carried is open again."""
    messages = [(message_of(one.document), one.reason) for one in dropped]
    unsaid = [(message, reason) for message, reason in messages if message.kind.is_reminder]
    if not unsaid:
        return
    await tx.load({message.educator_id for message, _ in unsaid})
    known: Known = tx.known
    for message, reason in unsaid:
        own = None if reason is Drop.DAY_PASSED else message.key
        members = known.group(message.educator_id).members
        known = known.having(*reminders.after_dropping(members, message, own=own))
    tx.save_reopened(known)
