"""Leases: how replicas share relay lanes and timers without a coordinator.

    {_id: WORK/member/PROCESS, work, life, until}   a process that lives
    {_id: WORK/PART, part_of, part, owner}          a part that the life `owner` holds

Each process shows once a second that it lives; each holds its even share of the numbered parts, taking what is free and
giving back what is over. Whoever was silent for too long is dead for good: others take its row away, and then its
parts; should it come back, it begins another life, with nothing. System time only. Who could not renew in time, being
frozen or cut off, finds that it holds nothing before another may hold it. What was begun by then is done twice: what a
lease guards is safe to repeat, or is fenced by killing the former owner's session.
"""

import asyncio
import os
import socket
from datetime import datetime, timedelta
from secrets import token_hex

import structlog

from eventing.clock import system_now
from eventing.mongo import Database, DeleteMany, UpdateOne, faults
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
        self._database, self._leases = database, database[COLLECTION]
        self._name, self._parts = name, parts
        self._me = process_name(instance)
        self._member = f"{name}/member/{self._me}"
        self.life = self._another_life()
        self._mine = frozenset[int]()
        self._until = system_now()  # so long we hold them, whatever happens to us
        self._over: list[int] = []  # not ours any more, and not given back yet
        self._changing = asyncio.Lock()
        self.alone = False  # nobody else does this work now

    @property
    def mine(self) -> frozenset[int]:
        """The parts that are ours this moment. Ask before each step: they may go from one to the next.

        A part that was another's meanwhile is ours in another `life`: what was read of it before is no longer so.
        """
        return self._mine if system_now() < self._until else frozenset()

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
        with faults():
            await self._live(now)
            living, owners = await self._look()
            held = {part for part, owner in owners.items() if owner == self.life}
            self.alone = living <= {self.life}
            share = -(-self._parts // max(1, len(living)))
            if len(held) < share:
                held |= await self._take(share - len(held), held, set(owners.values()) - living)
        self._mine = frozenset(sorted(held)[:share])
        self._over = sorted(held)[share:]
        self._until = now + LIFE
        return self._mine

    async def _live(self, now: datetime) -> None:
        """Show that we do, and end the lives of those who did not. Where ours was ended, begin another."""
        until = {"until": now + LIFE}
        ours = UpdateOne({"_id": self._member, "life": self.life}, {"$set": until})
        silent = DeleteMany({"work": self._name, "until": {"$lte": now}})
        kept = await self._leases.bulk_write([ours, silent])
        if not kept.matched_count:
            self.life, self._mine = self._another_life(), frozenset()
            begun = {"$set": {"work": self._name, "life": self.life, **until}}
            await self._leases.update_one({"_id": self._member}, begun, upsert=True)

    async def _look(self) -> tuple[set[str], dict[int, str]]:
        """Which lives go on, and whose each part is, as of one moment: who holds a part and is not there, is dead."""
        async with self._database.snapshot() as session:
            found = self._leases.find({"$or": [{"work": self._name}, {"part_of": self._name}]}, session=session)
            rows = await found.to_list(None)
        # A process of the release before has no life but its name.
        living = {row.get("life") or row["_id"].removeprefix(f"{self._name}/member/") for row in rows if "work" in row}
        return living, {row["part"]: row["owner"] for row in rows if "part" in row}

    async def give_back(self) -> None:
        """Let others have what is over. To be called while nothing is under way under any part."""
        if self._over:
            async with self._changing:
                ids = [f"{self._name}/{part}" for part in self._over]
                with faults():
                    await self._leases.delete_many({"_id": {"$in": ids}, "owner": self.life})
                self._over = []

    async def release(self) -> None:
        """Give everything back, so that the others need not wait for the lease to end."""
        self._mine = frozenset()
        try:
            with faults():
                await self._leases.delete_many({"part_of": self._name, "owner": self.life})
                await self._leases.delete_one({"_id": self._member, "life": self.life})
        except (TransientError, RefusedError):
            log.info("leases_left_to_end", work=self._name)

    async def _take(self, wanted: int, held: set[int], dead: set[str]) -> set[int]:
        """Take up to `wanted` parts that nobody holds, or whose owner is dead."""
        await self._leases.delete_many({"part_of": self._name, "owner": {"$in": list(dead)}})
        taken: set[int] = set()
        for part in range(self._parts):
            if len(taken) == wanted:
                break
            if part in held:
                continue
            lease = {"part_of": self._name, "part": part, "owner": self.life}
            fresh = await self._leases.update_one({"_id": f"{self._name}/{part}"}, {"$setOnInsert": lease}, upsert=True)
            if fresh.upserted_id is not None:
                taken.add(part)
        return taken

    def _another_life(self) -> str:
        return f"{self._me}/{token_hex(4)}"
