"""Enrollment's documents, each beside the index that protects it, and the unit of work over them.

educators   one an account: its facts, and `told`, what was last published of it; `identities` and `attended`
            (sessions) for looking it up
learners    one a learner of NEA's: its facts, and the account it is bound to (null: unmatched)
sessions    one a session: its plan, and how far those who attended are judged by it; changed by whoever comes to attend
identities  {_id: pseudonym, rev}: changed by all who decide by an identity's not being there
intake, facts: claims.py
programme   which programme the told state was last judged by (timers.py)
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from contracts import topics
from contracts.events import EducatorProfile
from eventing.batch import Batch, Cause
from eventing.clock import system_now
from eventing.mongo import Database, Index, Session, UpdateMany, UpdateOne, faults
from eventing.unit import UnitOfWork
from services.enrollment import claims
from services.enrollment.documents import changes
from services.enrollment.gathering import Needs, Stored, gather
from services.enrollment.intake import OWNERS
from services.enrollment.policy import Decision
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.state import Educator, Learner, Outcome
from services.enrollment.state import Session as WeaSession
from services.enrollment.telling import Tombstone
from services.enrollment.world import World

SCHEMA = 1
EDUCATORS, LEARNERS, SESSIONS, IDENTITIES, PROGRAMME = "educators", "learners", "sessions", "identities", "programme"

INDEXES: Mapping[str, tuple[Index, ...]] = {
    EDUCATORS: (Index.on("alias_of"), Index.on("identities"), Index.on("attended", "_id")),
    LEARNERS: (Index.on("bound_to"), Index.on("identities")),
    SESSIONS: (Index.on("judged_to", partial={"judged_to": {"$gte": ""}}),),
    IDENTITIES: (),
    PROGRAMME: (),
    # Only rows that wait for the relay are in the index: claims stay for good.
    claims.COLLECTION: (Index.on("lane", "order", partial={"lane": {"$exists": True}}),),
    OWNERS: (),
    claims.FACTS: (Index.on("learner_id", partial={"learner_id": {"$exists": True}}),),
}

Document = Educator | Learner | WeaSession


class Tx(UnitOfWork):
    """One transaction of enrollment. `world` is what was gathered for it, as changed by its decisions so far."""

    def __init__(self, database: Database, session: Session, batch: Batch, now: datetime) -> None:
        super().__init__(database, session, batch, now)
        self.world = World()
        self._stored: Mapping[tuple[type, str], Stored] = {}

    async def gather(self, needs: Needs) -> None:
        """Read all that deciding will ask for, in a few queries for the whole batch."""
        gathered = await gather(self, needs)
        self.world, self._stored = gathered.world, gathered.stored

    async def claimed(self, ids: Collection[str]) -> dict[str, str]:
        """The digests of those (source, id) that are claimed."""
        if not ids:
            return {}
        found = self.db[claims.COLLECTION].find({"_id": {"$in": list(ids)}}, {"digest": 1}, session=self.session)
        return {document["_id"]: document["digest"] async for document in found}

    async def accounted(self, ids: Iterable[str]) -> set[str]:
        """Which of these events had their effect already."""
        found = self.db[claims.FACTS].find({"_id": {"$in": list(ids)}}, {"_id": 1}, session=self.session)
        return {document["_id"] async for document in found}

    def announce(self, decision: Decision, cause: Cause) -> None:
        """Stage what a decision publishes."""
        for said in decision.announcements:
            if isinstance(said, Tombstone):
                self.publish(topics.EDUCATORS, EducatorProfile.TYPE, said.educator_id, None, cause)
            else:
                self.publish(said.TOPIC, said.TYPE, said.key, said, cause)

    def take_over(self, decision: Decision) -> None:
        """Let the next decision start where this one ended; bindings change what became of NEA's events."""
        for learner_id, learner in decision.changes.learners.items():
            if learner.bound_to != self.world.learner(learner_id).bound_to:
                self._rebound(learner)
        self.world.absorb(decision.changes)

    def account(self, claim: claims.Claim, outcome: Outcome, about: Iterable[str], learner_id: str | None) -> None:
        """Stage what became of an accepted event: ids and codes only."""
        fact: dict[str, Any] = {"outcome": outcome.value, "type": claim.type, "about": sorted(about), "at": self.now}
        if learner_id is not None:
            fact["learner_id"] = learner_id
        self.bulk(claims.FACTS, UpdateOne({"_id": claim.id}, {"$setOnInsert": fact}, upsert=True))

    def save(self, pseudonyms: Pseudonyms) -> None:
        """Stage every document that changed, and those that must, for others to conflict with us."""
        for educator_id in self.world.touched - self.world.educators.keys():
            self.world.put(self.world.educator(educator_id))
        for session_id in self.world.joined - self.world.sessions.keys():
            self.world.put(self.world.session(session_id))
        for collection, held in (
            (EDUCATORS, self.world.educators),
            (LEARNERS, self.world.learners),
            (SESSIONS, self.world.sessions),
        ):
            for document in held.values():
                self._save(collection, document)
        for identity in self.world.locked:
            lock = {"$inc": {"rev": 1}, "$set": {"at": system_now()}}
            self.bulk(IDENTITIES, UpdateOne({"_id": pseudonyms.of(identity)}, lock, upsert=True))

    def _save(self, collection: str, document: Document) -> None:
        form = type(document)
        stored = self._stored.get((form, document.id)) or Stored(form(document.id), {})
        must = self.world.joined if isinstance(document, WeaSession) else self.world.touched
        if document is stored.document and document.id not in must:
            return
        changed = changes(stored.document, document, stored.packed)
        if isinstance(document, Educator) and "attendances" in changed:
            changed["attended"] = sorted(document.attendances)
        if not isinstance(document, WeaSession) and changed.keys() & {"profile", "member_id", "emails"}:
            changed["identities"] = sorted(document.identities)
        update = {"$set": {**changed, "schema": SCHEMA}, "$inc": {"rev": 1}}
        self.bulk(collection, UpdateOne({"_id": document.id}, update, upsert=True))

    def _rebound(self, learner: Learner) -> None:
        bound = learner.bound_to is not None
        former, outcome = (Outcome.UNMATCHED, Outcome.APPLIED) if bound else (Outcome.APPLIED, Outcome.UNMATCHED)
        of_learner = {"learner_id": learner.id, "outcome": former.value}
        self.bulk(claims.FACTS, UpdateMany(of_learner, {"$set": {"outcome": outcome.value}}))


async def find_attended(database: Database) -> None:
    """Give educators of a state from before there was `attended` theirs, once: a plan finds its people by it."""
    with faults():
        if await database[PROGRAMME].find_one({"_id": "attended"}) is None:
            ids = {"$map": {"input": "$attendances", "in": {"$first": "$$this"}}}
            without = {"attendances.0": {"$exists": True}, "attended": {"$exists": False}}
            await database[EDUCATORS].update_many(without, [{"$set": {"attended": ids}}])
            await database[PROGRAMME].insert_one({"_id": "attended", "schema": SCHEMA})
