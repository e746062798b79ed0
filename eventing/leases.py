"""Leases: how replicas share relay lanes and timers without a coordinator.

Each process shows that it lives; each holds its even share of the numbered parts, taking what is free or expired and
giving back what is over. System time only. Who could not renew in time, being frozen or cut off, finds that it holds
nothing before another may hold it. What was begun by then is done twice: what a lease guards is safe to repeat, or is
fenced by killing the former owner's session.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count

import structlog

from eventing.clock import system_now
from eventing.mongo import Database, UpdateMany, UpdateOne, faults
from eventing.transient import RefusedError, TransientError

log = structlog.get_logger(__name__)

COLLECTION = "leases"
LIFE = timedelta(seconds=4)
RENEW_SECONDS = 1.0


def process_name(instance: str | None) -> str:
    """Who we are among the replicas: a stable name where one is given, so that a restart has its parts back at once."""
    return instance or f"{socket.gethostname()}-{os.getpid()}"


class Shares:
    """This process's share of so many `parts` of the work called `name`."""

    def __init__(self, database: Database, name: str, parts: int, instance: str | None = None) -> None:
        self._leases = database[COLLECTION]
        self._name, self._parts = name, parts
        self._me = process_name(instance)
        self._terms: Mapping[int, int] = {}  # the parts that we hold, each by the number of our term with it
        self._numbers = count(1)
        self._until = system_now()  # so long we hold them, whatever happens to us
        self._over: list[int] = []  # not ours any more, and not given back yet
        self._changing = asyncio.Lock()
        self.alone = False  # nobody else does this work now

    @property
    def mine(self) -> frozenset[int]:
        """The parts that are ours this moment. Ask before each step: they may go from one to the next."""
        return frozenset(self.terms)

    @property
    def terms(self) -> Mapping[int, int]:
        """The parts that are ours this moment, each by which of our terms with it this is.

        A part that was another's meanwhile is ours in another term: what was read of it before is no longer so.
        """
        return self._terms if system_now() < self._until else {}

    async def keep(self) -> None:
        """Hold the share until cancelled."""
        while True:
            try:
                await self.renew()
            except (TransientError, RefusedError) as error:
                log.warning("lease_not_renewed", work=self._name, error=str(error))
            await asyncio.sleep(RENEW_SECONDS)

    async def renew(self) -> frozenset[int]:
        """Show that we live, count who else does, and hold our even share. What is over waits for `give_back`."""
        async with self._changing:
            return await self._renew(system_now())

    async def _renew(self, now: datetime) -> frozenset[int]:
        until = {"$set": {"until": now + LIFE}}
        ours = {"part_of": self._name, "owner": self._me}
        member = {"_id": f"{self._name}/member/{self._me}"}
        here = UpdateOne(member, {"$set": {"work": self._name, "until": now + LIFE}}, upsert=True)
        with faults():
            await self._leases.bulk_write([here, UpdateMany(ours, until)], ordered=False)
            found = self._leases.find({"$or": [ours, {"work": self._name, "until": {"$gt": now}}]})
            leases = await found.to_list(None)
            held = {lease["part"] for lease in leases if "part" in lease}
            # At once, for to take one again may fail after it is ours.
            self._terms = {part: term for part, term in self._terms.items() if part in held}
            members = len(leases) - len(held)
            self.alone = members <= 1
            share = -(-self._parts // max(1, members))
            if len(held) < share:
                held |= await self._take(share - len(held), held)
        self._terms = {part: self._terms.get(part) or next(self._numbers) for part in sorted(held)[:share]}
        self._over = sorted(held)[share:]
        self._until = now + LIFE
        return frozenset(self._terms)

    async def give_back(self) -> None:
        """Let others have what is over. To be called while nothing is under way under any part."""
        if self._over:
            async with self._changing:
                ids = [f"{self._name}/{part}" for part in self._over]
                with faults():
                    await self._leases.delete_many({"_id": {"$in": ids}, "owner": self._me})
                self._over = []

    async def release(self) -> None:
        """Give everything back, so that the others need not wait for the leases to end."""
        self._terms = {}
        try:
            with faults():
                await self._leases.delete_many({"part_of": self._name, "owner": self._me})
                await self._leases.delete_one({"_id": f"{self._name}/member/{self._me}"})
        except (TransientError, RefusedError):
            log.info("leases_left_to_end", work=self._name)

    async def _take(self, wanted: int, held: set[int]) -> set[int]:
        """Take up to `wanted` parts that nobody holds, or whose lease has ended."""
        now = system_now()
        await self._leases.delete_many({"part_of": self._name, "until": {"$lte": now}})
        taken: set[int] = set()
        for part in range(self._parts):
            if len(taken) == wanted:
                break
            if part in held:
                continue
            lease = {"part_of": self._name, "part": part, "owner": self._me, "until": now + LIFE}
            fresh = await self._leases.update_one({"_id": f"{self._name}/{part}"}, {"$setOnInsert": lease}, upsert=True)
            if fresh.upserted_id is not None:
                taken.add(part)
        return taken
