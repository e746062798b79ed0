"""What the clock calls: judging again all whom a changed programme or a changed plan concerns, in steps."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from contracts.program_year import Programs
from eventing.batch import Batch, Cause
from eventing.mongo import Database, UpdateOne, faults
from eventing.transient import repeat
from services.enrollment.gathering import Needs
from services.enrollment.policy import review
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.store import EDUCATORS, PROGRAMME, SESSIONS, Tx

AT_ONCE = 100
SOURCE = "/enrollment/timers"
JUDGED = "judged"


@dataclass(frozen=True, slots=True)
class Judging:
    """What judging anew needs."""

    database: Database
    programs: Programs
    pseudonyms: Pseudonyms
    clock: Callable[[], datetime]


class Review(Judging):
    """Goes through all educators when the loaded programme is not the one they were last judged by.

    A year that was not loaded before resolves `no_program_year`; one that is loaded no more opens it. The minutes that
    were told stay: entries keep the values that they were granted with. One
    transaction for each hundred, which also moves on where to continue.
    """

    async def run(self) -> bool:
        """One step; True while there is more to do."""
        with faults():
            judged: dict[str, Any] = await self.database[PROGRAMME].find_one({"_id": JUDGED}) or {}
        if judged.get("digest") != self.programs.digest:
            judged = {"digest": self.programs.digest, "after": "", "done": False}
        if judged["done"]:
            return False
        return await repeat(lambda: self._step(judged))

    async def _step(self, judged: dict[str, Any]) -> bool:
        async with Tx.begin(self.database, Batch.none(), self.clock()) as tx:
            roots = {"_id": {"$gt": judged["after"]}, "alias_of": None}
            found = tx.db[EDUCATORS].find(roots, {"_id": 1}, session=tx.session).sort("_id", 1).limit(AT_ONCE)
            ids = [row["_id"] async for row in found]
            await tx.gather(Needs(educators=set(ids)))
            for educator_id in ids:
                decision = review(tx.world, educator_id, self.programs)
                if decision.announcements:
                    tx.announce(decision, Cause(f"programme:{self.programs.digest}:{educator_id}", SOURCE))
                    tx.take_over(decision)
            now = {"digest": self.programs.digest, "after": ids[-1] if ids else "", "done": len(ids) < AT_ONCE}
            tx.bulk(PROGRAMME, UpdateOne({"_id": JUDGED}, {"$set": now}, upsert=True))
            tx.save(self.pseudonyms)
            await tx.write()
        return not now["done"]


class Attendees(Judging):
    """Judges those who attended a session that was planned anew, where they are too many for one unit of work.

    One transaction for each hundred. Whoever has a fact of their own meanwhile is judged by the new plan there already.
    """

    async def run(self) -> bool:
        """One step; True while there is more to do."""
        with faults():
            waiting = await self.database[SESSIONS].find_one({"judged_to": {"$gte": ""}}, {"_id": 1})
        if waiting is None:
            return False
        await repeat(partial(self._step, waiting["_id"]))
        return True

    async def _step(self, session_id: str) -> None:
        async with Tx.begin(self.database, Batch.none(), self.clock()) as tx:
            await tx.gather(Needs(sessions={session_id}))
            session = tx.world.session(session_id)
            if session.plan is None or session.judged_to is None:
                return
            next_ones = {"attended": session_id, "_id": {"$gt": session.judged_to}}
            found = tx.db[EDUCATORS].find(next_ones, {"_id": 1}, session=tx.session).sort("_id", 1).limit(AT_ONCE)
            ids = [row["_id"] async for row in found]
            await tx.gather(Needs(educators=set(ids), sessions={session_id}))
            led_by = session.plan.id, session.plan.source
            for educator_id in ids:
                decision = review(tx.world, educator_id, self.programs)
                tx.announce(decision, Cause(f"{session.plan.id}\n{educator_id}", session.plan.source, led_by=led_by))
                tx.take_over(decision)  # changed or not: a unit that still sees the former plan must conflict with us
            tx.world.put(replace(session, judged_to=ids[-1] if len(ids) == AT_ONCE else None))
            tx.save(self.pseudonyms)
            await tx.write()
