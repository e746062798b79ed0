"""The books: each accepted event is exactly one of applied, duplicate, superseded, unmatched, quarantined, parked.

Claims and facts have the same ids: the books go through both side by side, a stretch at a time, each as of one moment.
"""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from contracts import topics
from eventing.missing import missing, missing_though_published
from eventing.mongo import Database, Session, faults
from services.enrollment.claims import COLLECTION, FACTS
from services.enrollment.state import Outcome
from services.enrollment.store import EDUCATORS, LEARNERS, SESSIONS

KNOWN = frozenset(outcome.value for outcome in Outcome)
AT_ONCE = 1000
MOST_NAMED = 100
ABOUT = {"source": 1, "event_id": 1, "type": 1, "at": 1}

Row = Mapping[str, Any]


@dataclass(slots=True)
class Counted:
    """What was found so far. An event that is accepted and has no outcome is lost, or still under way."""

    accepted: int = 0
    outcomes: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(Outcome, 0)))
    unaccounted: int = 0
    problems: list[str] = field(default_factory=list)

    def found(self, problem: str) -> None:
        if len(self.problems) < MOST_NAMED:
            self.problems.append(problem)


async def check(database: Database, *, after: str = "", most: int | None = None) -> tuple[dict[str, Any], str | None]:
    """Add up all events, or so many by id. Answers what was found, and where to go on.

    What waits, is parked or quarantined, or has gone from other collections, is told with the first of them only.
    """
    with faults():
        counted = Counted()
        beside = {} if after else await _beside(database, counted)
        while True:
            end = await _stretch(database, counted, after, most or AT_ONCE)
            if end is None or most is not None:
                return _shown(counted) | beside, end
            after = end


def _shown(counted: Counted) -> dict[str, Any]:
    return {
        "accepted": counted.accepted,
        "outcomes": counted.outcomes,
        "accounted": counted.accepted - counted.unaccounted,
        "unaccounted": counted.unaccounted,
        "problems": counted.problems,
    }


async def _stretch(database: Database, counted: Counted, after: str, most: int) -> str | None:
    """Count the next claims and facts, at most so many of each. Answers where they end, None when nothing is left."""
    async with database.snapshot() as session:
        claims = await _next(database[COLLECTION], after, most, session)
        facts = await _next(database[FACTS], after, most, session, "outcome")
        end = min((rows[-1]["_id"] for rows in (claims, facts) if len(rows) == most), default=None)
        accepted = {row["_id"] for row in claims if end is None or row["_id"] <= end}
        told = {row["_id"]: row["outcome"] for row in facts if end is None or row["_id"] <= end}
        known = {id: outcome for id, outcome in told.items() if id in accepted and outcome in KNOWN}
        counted.accepted += len(accepted)
        counted.outcomes.update(known.values())
        await _without_outcome(database, counted, accepted - known.keys(), session)
        await _not_accepted(database, counted, told.keys() - accepted, session)
        return end


async def _next(collection: Any, after: str, most: int, session: Session, *fields: str) -> list[Row]:
    found = collection.find({"_id": {"$gt": after}}, dict.fromkeys(("_id", *fields), 1), session=session)
    rows: list[Row] = await found.sort("_id").limit(most).to_list(None)
    return rows


async def _without_outcome(database: Database, counted: Counted, ids: Set[str], session: Session) -> None:
    """Such an event is parked, or was skipped into quarantine, or is still under way."""
    if not ids:
        return
    rows = await database[COLLECTION].find(_among(ids), ABOUT, session=session).sort("at").to_list(None)
    event_ids = [row["event_id"] for row in rows]
    parked = await _held(database["parked"], event_ids, session)
    quarantined = await _held(database["quarantine"], event_ids, session)
    for row in rows:
        if row["event_id"] in parked:
            counted.outcomes[Outcome.PARKED] += 1
        elif row["event_id"] in quarantined:
            counted.outcomes[Outcome.QUARANTINED] += 1
        else:
            counted.unaccounted += 1
            counted.found(f"{row['source']} {row['event_id']} ({row['type']}): no outcome")


async def _not_accepted(database: Database, counted: Counted, ids: Set[str], session: Session) -> None:
    """What had an effect was accepted once, and no event ever takes that away."""
    if ids:
        async for row in database[FACTS].find(_among(ids), session=session).limit(MOST_NAMED):
            whom = ", ".join(row["about"]) or "nobody"
            counted.found(f"{row['type']} of {whom}: {row['outcome']}, and not among what was accepted ({row['_id']})")


def _among(ids: Set[str]) -> dict[str, Any]:
    return {"_id": {"$in": list(ids)}}


async def _held(collection: Any, event_ids: list[str], session: Session) -> set[str]:
    found = collection.find({"event_id": {"$in": event_ids}}, {"event_id": 1}, session=session)
    return {row["event_id"] async for row in found}


async def _beside(database: Database, counted: Counted) -> dict[str, int]:
    """What else must be there, since something tells of it, or must be gone when all is at rest."""
    for topic, collection, what in ((topics.ENROLLMENT, EDUCATORS, "educator"), (topics.SESSIONS, SESSIONS, "session")):
        async for row in missing_though_published(database, collection, topic.name, MOST_NAMED):
            counted.found(f"{what} {row['_id']}: told of, and no longer known")
    learners = {"$match": {"learner_id": {"$exists": True}}}, {"$group": {"_id": "$learner_id"}}
    async for row in missing(database, LEARNERS, FACTS, MOST_NAMED, *learners):
        counted.found(f"learner {row['_id']}: has events, and is no longer known")
    async for row in database[SESSIONS].find({"judged_to": {"$gte": ""}}, {"_id": 1}).limit(MOST_NAMED):
        counted.found(f"session {row['_id']}: those who attended are being judged by its new plan")
    return {
        "inbox_outbox": await database[COLLECTION].count_documents({"lane": {"$exists": True}}),
        "outbox": await database["outbox"].count_documents({}),
        "parked": await database["parked"].count_documents({}),
        "quarantine": await database["quarantine"].count_documents({}),
    }
