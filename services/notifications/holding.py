"""The queue as a sender sees it: hold some of what is due, read what they speak of, give back what was not sent."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from eventing.clock import system_now
from eventing.mongo import Database, faults
from eventing.transient import RefusedError, TransientError, repeat
from services.notifications.decisions import Known
from services.notifications.links import Linker
from services.notifications.shifts import Shift
from services.notifications.state import Status
from services.notifications.store import read_educators, read_sessions, sessions_of

MOST_HELD = 64


async def stopped(database: Database) -> bool:
    """Is all mail stopped?"""
    with faults():
        switch = await database["switch"].find_one({"_id": "mail"})
    return bool(switch and switch.get("stopped"))


async def hold(shift: Shift, now: datetime) -> list[dict[str, Any]]:
    """Put our name on some that are due, unless all mail is stopped.

    Two senders may want the same: each gets what it was first to name.
    `now` is programme time.
    """
    messages = shift.database["messages"]
    free = {"status": Status.QUEUED.value, "owner": None}
    due = {**free, "due_at": {"$lte": now}, "try_at": {"$lte": system_now()}}
    with faults():
        found = await messages.find(due, {"_id": 1}).sort("due_at", 1).limit(MOST_HELD).to_list(None)
    if not found or await stopped(shift.database):
        return []
    ids = [document["_id"] for document in found]
    async with or_given_back(shift, ids):
        await messages.update_many({"_id": {"$in": ids}, **free}, {"$set": {"owner": shift.id}})
        mine = {"_id": {"$in": ids}, "owner": shift.id, "status": Status.QUEUED.value}
        held: list[dict[str, Any]] = await messages.find(mine).sort("due_at", 1).to_list(None)
    return held


async def read(shift: Shift, held: Sequence[Mapping[str, Any]], linker: Linker) -> tuple[Known, frozenset[str]]:
    """What is known of those whom the messages are for, and which of their addresses refuse mail."""
    database = shift.database
    async with or_given_back(shift, [document["_id"] for document in held]):
        educators = await read_educators(database, {d["educator_id"] for d in held if d["educator_id"]})
        sessions = await read_sessions(database, sessions_of(educators.values()))
        addresses = [linker.digest(e.profile.email) for e in educators.values() if e.profile]
        refused = database["suppressed"].find({"_id": {"$in": addresses}}, {"_id": 1})
        return Known.of(educators, sessions), frozenset([document["_id"] async for document in refused])


@asynccontextmanager
async def or_given_back(shift: Shift, ids: Sequence[str]) -> AsyncIterator[None]:
    """Where MongoDB fails us inside, these are free again: else nobody would look at them until the shift ends."""
    try:
        with faults():
            yield
    except (TransientError, RefusedError):
        await give_back(shift, ids)
        raise


async def give_back(shift: Shift, ids: Sequence[str]) -> None:
    """Queue these again, though they may stand there as being sent: the mail server has not heard of them.

    However long it takes: what nobody gave back has our name on it as long as we live, and so nobody would send it.
    """
    ours = {"_id": {"$in": list(ids)}, "owner": shift.id}
    waiting = {"status": {"$in": [Status.QUEUED.value, Status.SENDING.value]}}

    async def unit() -> None:
        with faults():
            free = {"$set": {"status": Status.QUEUED.value, "owner": None}}
            await shift.database["messages"].update_many({**ours, **waiting}, free)

    await repeat(unit, tries=None)
