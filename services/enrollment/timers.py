"""What the clock calls: judging everyone again once the programme has changed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from contracts.program_year import Programs
from eventing.batch import Batch, Cause
from eventing.mongo import Database, UpdateOne, faults
from eventing.transient import repeat
from services.enrollment.gathering import Needs
from services.enrollment.policy import review
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.store import EDUCATORS, PROGRAMME, Tx

AT_ONCE = 100
SOURCE = "/enrollment/timers"
JUDGED = "judged"


class Review:
    """Goes through all educators when the loaded programme is not the one they were last judged by.

    A year that was not loaded before resolves `no_program_year`; other minutes correct what was told. One
    transaction for each hundred, which also moves on where to continue.
    """

    def __init__(
        self, database: Database, programs: Programs, pseudonyms: Pseudonyms, clock: Callable[[], datetime]
    ) -> None:
        self._database, self._programs = database, programs
        self._pseudonyms, self._clock = pseudonyms, clock

    async def run(self) -> bool:
        """One step; True while there is more to do."""
        with faults():
            judged: dict[str, Any] = await self._database[PROGRAMME].find_one({"_id": JUDGED}) or {}
        if judged.get("digest") != self._programs.digest:
            judged = {"digest": self._programs.digest, "after": "", "done": False}
        if judged["done"]:
            return False
        return await repeat(lambda: self._step(judged))

    async def _step(self, judged: dict[str, Any]) -> bool:
        async with Tx.begin(self._database, Batch.none(), self._clock()) as tx:
            roots = {"_id": {"$gt": judged["after"]}, "alias_of": None}
            found = tx.db[EDUCATORS].find(roots, {"_id": 1}, session=tx.session).sort("_id", 1).limit(AT_ONCE)
            ids = [row["_id"] async for row in found]
            await tx.gather(Needs(educators=set(ids)))
            for educator_id in ids:
                decision = review(tx.world, educator_id, self._programs)
                if decision.announcements:
                    tx.announce(decision, Cause(f"programme:{self._programs.digest}:{educator_id}", SOURCE))
                    tx.take_over(decision)
            now = {"digest": self._programs.digest, "after": ids[-1] if ids else "", "done": len(ids) < AT_ONCE}
            tx.bulk(PROGRAMME, UpdateOne({"_id": JUDGED}, {"$set": now}, upsert=True))
            tx.save(self._pseudonyms)
            await tx.write()
        return not now["done"]
