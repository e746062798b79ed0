"""Long retries: one key after another, in the background, by one replica at a time, until done or cancelled.

    repairs  {_id, service, fingerprint, keys: [left], total, applied, records, failed, last_reason?, state, by, reason,
              at, ended_at?}

Stopping anywhere is safe: each key is retried by its service in transactions of its own, and a key that was tried twice
is applied once. After a restart, or by another replica, a repair goes on where it stood.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from eventing.clock import system_now
from eventing.http import ProblemError
from eventing.mongo import Database, faults
from services.console.asked import Asked, Console
from services.console.neighbours import AwayError, Neighbours, RefusedByServiceError, path
from services.console.state import JsonObject

COLLECTION = "repairs"
RUNNING, CANCELLED, DONE = "running", "cancelled", "done"
BUSY = frozenset({429, 503})  # its database is away, say: no word about the key


async def begin(
    database: Database, service: str, fingerprint: str, keys: Sequence[str], reason: str, by: str, now: datetime
) -> str:
    """Write a repair down; the timer takes it up. One that runs for the same reason is not begun twice."""
    with faults():
        same = {"service": service, "fingerprint": fingerprint, "state": RUNNING}
        running = await database[COLLECTION].find_one(same)
        if running is not None:
            return str(running["_id"])
        id = secrets.token_urlsafe(9)
        repair = {
            "_id": id, **same, "keys": list(keys), "total": len(keys), "applied": 0, "records": 0, "failed": 0,
            "by": by, "reason": reason, "at": now,
        }  # fmt: skip
        await database[COLLECTION].insert_one(repair)
    return id


async def cancel(database: Database, id: str) -> None:
    """Raises ProblemError 404 for one that does not run."""
    with faults():
        changes = {"$set": {"state": CANCELLED, "ended_at": system_now()}, "$unset": {"keys": ""}}
        found = await database[COLLECTION].update_one({"_id": id, "state": RUNNING}, changes)
    if not found.matched_count:
        raise ProblemError(404, "not_running", "This repair does not run any more.")


async def repair(console: Console, asked: Asked) -> JsonObject:
    """How far a repair is."""
    with faults():
        found = await console.store.db[COLLECTION].find_one({"_id": asked.parts["id"]})
    if found is None:
        raise ProblemError(404, "not_found", "There is no such repair.")
    return shown(found)


async def repairs(console: Console, asked: Asked) -> JsonObject:
    """Repairs, the newest first."""
    with faults():
        found = (
            await console.store.db[COLLECTION]
            .find({})
            .sort("at", -1)
            .limit(asked.number("limit", 50, 200))
            .to_list(None)
        )
    return {"items": [shown(one) for one in found], "next": None}


def shown(one: dict[str, Any]) -> JsonObject:
    done = one["applied"] + one["failed"]
    names = ("service", "fingerprint", "total", "applied", "records", "failed", "state", "by", "reason", "at")
    return {name: one[name] for name in names} | {
        "id": one["_id"], "done": done, "last_reason": one.get("last_reason"), "ended_at": one.get("ended_at"),
    }  # fmt: skip


class Repairing:
    """The timer's work: the next key of each running repair."""

    def __init__(self, database: Database, neighbours: Neighbours) -> None:
        self._repairs, self._neighbours = database[COLLECTION], neighbours

    async def step(self) -> bool:
        """Retry one key of each. Answers whether there is more to do at once; a service that is away is waited for."""
        with faults():
            running = await self._repairs.find({"state": RUNNING}).sort("at", 1).to_list(None)
        return any([await self._next(one) for one in running])

    async def _next(self, one: dict[str, Any]) -> bool:
        if not one["keys"]:
            with faults():
                ended = {"$set": {"state": DONE, "ended_at": system_now()}, "$unset": {"keys": ""}}
                await self._repairs.update_one({"_id": one["_id"], "state": RUNNING}, ended)
            return True
        key = one["keys"][0]
        try:
            body = {"reason": one["reason"]}
            outcome = await self._neighbours[one["service"]].post(
                path("admin", "parked", key, "retry"), "operator", body
            )
        except AwayError:
            return False
        except RefusedByServiceError as refused:
            if refused.status in BUSY:
                return False
            outcome = {"applied": 0, "left": 1, "reason": {"code": refused.code, "detail": ""}}
        stayed = outcome["left"] > 0
        changes: dict[str, Any] = {
            "$pull": {"keys": key},
            "$inc": {"failed" if stayed else "applied": 1, "records": outcome["applied"]},
        }
        if stayed:
            changes["$set"] = {"last_reason": outcome.get("reason")}
        with faults():
            await self._repairs.update_one({"_id": one["_id"], "state": RUNNING, "keys": key}, changes)
        return True
