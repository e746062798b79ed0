"""The audit trail: who did what, when, to what, and why. Written before the act: no act is without its entry."""

from typing import Any
from uuid import uuid4  # noqa: TID251 - no cause makes a person's act repeatable

from eventing.clock import system_now
from eventing.http import Caller
from eventing.mongo import Database, InsertOne, faults

COLLECTION = "audit"


def entry(caller: Caller, action: str, target: str, reason: str, **about: Any) -> dict[str, Any]:
    """An entry as a document. Ids and codes; `reason` is the words of whoever acted."""
    now = system_now()
    id = f"{now:%Y%m%dT%H%M%S.%f}-{uuid4().hex[:8]}"
    return {"_id": id, "at": now, "who": caller.name, "action": action, "target": target, "reason": reason, **about}


def staged(caller: Caller, action: str, target: str, reason: str, **about: Any) -> InsertOne[dict[str, Any]]:
    """The entry as a write of the unit of work that acts."""
    return InsertOne(entry(caller, action, target, reason, **about))


async def record_action(
    database: Database, caller: Caller, action: str, target: str, reason: str, **about: Any
) -> None:
    """Write the entry by itself, before an act of several transactions."""
    with faults():
        await database[COLLECTION].insert_one(entry(caller, action, target, reason, **about))
