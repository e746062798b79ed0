"""Leases: how replicas share relay lanes and timers without a coordinator.

Each process shows that it lives; each holds its even share of the numbered parts, taking what is free or expired and
giving back what is over. System time only. A part held twice for a moment (a frozen owner) repeats work, never loses
any: what a lease guards is safe to repeat, or is fenced by killing the former owner's session.
"""

import asyncio
import os
import socket
from datetime import timedelta

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
    """This process's share of `count` parts of the work called `name`."""

    def __init__(self, database: Database, name: str, count: int, instance: str | None = None) -> None:
        self._leases = database[COLLECTION]
        self._name, self._count = name, count
        self._me = process_name(instance)
        self.mine: frozenset[int] = frozenset()
        self.alone = False  # nobody else does this work now

    async def keep(self) -> None:
        """Hold the share until cancelled."""
        while True:
            try:
                await self.renew()
            except (TransientError, RefusedError) as error:
                log.warning("lease_not_renewed", work=self._name, error=str(error))
            await asyncio.sleep(RENEW_SECONDS)

    async def renew(self) -> frozenset[int]:
        """Show that we live, count who else does, and hold our even share."""
        now = system_now()
        until = {"$set": {"until": now + LIFE}}
        ours = {"part_of": self._name, "owner": self._me}
        member = {"_id": f"{self._name}/member/{self._me}"}
        here = UpdateOne(member, {"$set": {"work": self._name, "until": now + LIFE}}, upsert=True)
        with faults():
            await self._leases.bulk_write([here, UpdateMany(ours, until)], ordered=False)
            found = self._leases.find({"$or": [ours, {"work": self._name, "until": {"$gt": now}}]})
            leases = await found.to_list(None)
            held = {lease["part"] for lease in leases if "part" in lease}
            members = len(leases) - len(held)
            self.alone = members <= 1
            share = -(-self._count // max(1, members))
            for part in sorted(held)[share:]:
                await self._give_back(part)
            if len(held) < share:
                held |= await self._take(share - len(held), held)
        self.mine = frozenset(sorted(held)[:share])
        return self.mine

    async def release(self) -> None:
        """Give everything back, so that the others need not wait for the leases to end."""
        self.mine = frozenset()
        try:
            with faults():
                await self._leases.delete_many({"part_of": self._name, "owner": self._me})
                await self._leases.delete_one({"_id": f"{self._name}/member/{self._me}"})
        except (TransientError, RefusedError):
            log.info("leases_left_to_end", work=self._name)

    async def _give_back(self, part: int) -> None:
        await self._leases.delete_one({"_id": f"{self._name}/{part}", "owner": self._me})

    async def _take(self, wanted: int, held: set[int]) -> set[int]:
        """Take up to `wanted` parts that nobody holds, or whose lease has ended."""
        now = system_now()
        await self._leases.delete_many({"part_of": self._name, "until": {"$lte": now}})
        taken: set[int] = set()
        for part in range(self._count):
            if len(taken) == wanted:
                break
            if part in held:
                continue
            lease = {"part_of": self._name, "part": part, "owner": self._me, "until": now + LIFE}
            fresh = await self._leases.update_one({"_id": f"{self._name}/{part}"}, {"$setOnInsert": lease}, upsert=True)
            if fresh.upserted_id is not None:
                taken.add(part)
        return taken
