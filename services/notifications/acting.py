"""What staff, operators and educators do over HTTP: one transaction each, safe to repeat."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.program import Programs
from eventing.audit import staged
from eventing.batch import Batch
from eventing.http import Caller, ProblemError
from eventing.mongo import Database, DeleteOne, UpdateOne
from eventing.transient import repeat
from services.notifications.documents import SCHEMA, queued_anew
from services.notifications.state import Status
from services.notifications.store import Tx

# What is queued or on its way goes out without anybody's help.
UNDER_WAY = frozenset({Status.QUEUED, Status.SENDING})


async def resend(database: Database, message_id: str, caller: Caller, reason: str, now: datetime) -> dict[str, Any]:
    """Send a message again, as things stand now. The same call with the same reason again changes nothing."""

    async def unit() -> dict[str, Any]:
        async with Tx.begin(database, Batch.none(), now) as tx:
            document: dict[str, Any] | None = await tx.db["messages"].find_one({"_id": message_id}, session=tx.session)
            if document is None:
                raise ProblemError(404, "not_found", "No message has this id.")
            asked = [caller.name, reason]
            if Status(document["status"]) in UNDER_WAY or document.get("asked") == asked:
                return document
            if document.get("reason") == "erased":
                raise ProblemError(409, "erased", "The educator was erased: there is nobody to write to.")
            again = queued_anew(forced=True, asked=asked, due_at=now, resent=document.get("resent", 0) + 1)
            tx.bulk("messages", UpdateOne({"_id": message_id}, again))
            tx.bulk("audit", staged(caller, "message.resend", message_id, reason))
            await tx.write()
            return {**document, **again["$set"]}

    return await repeat(unit)


async def turn(database: Database, caller: Caller, reason: str, now: datetime, *, stopped: bool) -> None:
    """Stop or start all mail. Messages go on being made; they wait."""

    async def unit() -> None:
        async with Tx.begin(database, Batch.none(), now) as tx:
            found = await tx.db["switch"].find_one({"_id": "mail"}, session=tx.session) or {}
            if bool(found.get("stopped")) is stopped:
                return
            changes = {"stopped": stopped, "since": now, "by": caller.name, "reason": reason, "schema": SCHEMA}
            tx.bulk("switch", UpdateOne({"_id": "mail"}, {"$set": changes}, upsert=True))
            tx.bulk("audit", staged(caller, "mail.stop" if stopped else "mail.start", "mail", reason))
            await tx.write()

    await repeat(unit)


async def resolve(
    database: Database, task_id: str, caller: Caller, by: str, reason: str, now: datetime
) -> dict[str, Any]:
    """Close a task; a suppressed address gets mail again, and what it refused of late."""

    async def unit() -> dict[str, Any]:
        async with Tx.begin(database, Batch.none(), now) as tx:
            document: dict[str, Any] | None = await tx.db["tasks"].find_one({"_id": task_id}, session=tx.session)
            if document is None:
                raise ProblemError(404, "not_found", "No task has this id.")
            if document["status"] == "resolved":
                return document
            changes = {"status": "resolved", "by": by, "reason": reason, "resolved_at": now}
            tx.bulk("tasks", UpdateOne({"_id": task_id}, {"$set": changes}))
            tx.bulk("suppressed", DeleteOne({"_id": task_id}))
            if document["educator_id"]:
                tx.take_up_refused(document["educator_id"])
            tx.bulk("audit", staged(caller, "task.resolve", task_id, reason, by=by))
            await tx.write()
            return {**document, **changes}

    return await repeat(unit)


async def want_reminders(
    database: Database, educator_id: str, programs: Programs, now: datetime, *, wanted: bool
) -> bool:
    """Stop or take up the reminders of one person, all accounts together. False: nobody has this id any more."""

    async def unit() -> bool:
        async with Tx.begin(database, Batch.none(), now) as tx:
            await tx.load([educator_id])
            group = tx.known.group(educator_id)
            if group.erased or group.profile is None:
                return False
            since = None if wanted else now
            known = tx.known.having(*(replace(member, unsubscribed_at=since) for member in group.members))
            tx.save(known, programs, {})
            await tx.write()
        return True

    return await repeat(unit)
