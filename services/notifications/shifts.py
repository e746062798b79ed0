"""Who sends: each process shows that it lives, and whoever finds a dead one takes over what it left.

A sender's id stands on the messages that it holds, and its server session beside its id. A successor kills that session
first, so what a killed sender left open is free at once, and a frozen one can write nothing any more.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog

from eventing.clock import system_now
from eventing.leases import process_name
from eventing.mongo import Database, Owner, faults
from eventing.transient import TransientError

log = structlog.get_logger(__name__)

LIFE = timedelta(seconds=8)
BEAT_SECONDS = 1.0


class OverError(Exception):
    """Another process took over from us: nothing that we hold is ours any more."""


class Shift:
    """One sender from its start until it ends or is taken over."""

    def __init__(self, database: Database, owner: Owner, id: str, instance: str | None = None) -> None:
        self.database, self.owner, self.id, self.instance = database, owner, id, instance

    @classmethod
    async def begin(cls, database: Database, instance: str | None) -> "Shift":
        owner, now = await database.owner(), system_now()
        # A name of its own: a process that is started again must not be taken for the one that died.
        shift = cls(database, owner, f"{process_name(instance)}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}", instance)
        about = {"session": owner.id, "instance": instance, "until": now + LIFE}
        with faults():
            await database["senders"].insert_one({"_id": shift.id, **about})
        return shift

    async def keep(self) -> None:
        """Show that we live, until cancelled. Raises OverError once another has taken over."""
        while True:
            try:
                with faults():
                    until = {"$set": {"until": system_now() + LIFE}}
                    result = await self.database["senders"].update_one({"_id": self.id}, until)
                if result.matched_count == 0:
                    raise OverError
            except TransientError as error:
                log.warning("sender_not_shown_alive", error=str(error))
            await asyncio.sleep(BEAT_SECONDS)

    async def end(self) -> None:
        """Give back what is not being sent. What is stays ours until whoever looks finds us gone."""
        with faults():
            await self.database["messages"].update_many(
                {"owner": self.id, "status": "queued"}, {"$set": {"owner": None}}
            )
            await self.database["senders"].update_one({"_id": self.id}, {"$set": {"until": system_now()}})

    async def take_over(self, resolve: Callable[[list[dict[str, Any]]], Awaitable[None]]) -> int:
        """Find senders that are gone, fence them, and resolve what they were sending. Safe to run twice."""
        messages, senders = self.database["messages"], self.database["senders"]
        dead: list[dict[str, Any]] = [{"until": {"$lt": system_now()}}]
        if self.instance is not None:
            # A stable name has one process at a time: whoever had it before us is gone, without any waiting.
            dead.append({"instance": self.instance})
        with faults():
            gone = await senders.find({"$or": dead, "_id": {"$ne": self.id}}).to_list(None)
            await self.database.kill([sender["session"] for sender in gone])
            names = {sender["_id"] for sender in gone} | await self._unknown()
        for name in sorted(names):
            with faults():
                await messages.update_many({"owner": name, "status": "queued"}, {"$set": {"owner": None}})
                lost = await messages.find({"owner": name, "status": "sending"}).to_list(None)
            if lost:
                log.warning("sender_lost", sender=name, messages=len(lost))
                await resolve(lost)
            with faults():
                await senders.delete_one({"_id": name})
        return len(names)

    async def _unknown(self) -> set[str]:
        """Names on messages that no sender has. What a killed one had sent to MongoDB may be written after it was
        taken over, and then nobody would look for it."""
        names = set(await self.database["messages"].distinct("owner", {"owner": {"$gt": ""}}))
        known = self.database["senders"].find({"_id": {"$in": list(names)}}, {"_id": 1})
        return names - {sender["_id"] async for sender in known} - {self.id}
