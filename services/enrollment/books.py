"""The books: each accepted event is exactly one of applied, duplicate, superseded, unmatched, quarantined, parked."""

from collections.abc import AsyncIterator
from typing import Any

from contracts import topics
from eventing.missing import missing, missing_though_published
from eventing.mongo import Database, faults
from services.enrollment.claims import COLLECTION, FACTS
from services.enrollment.state import Outcome
from services.enrollment.store import EDUCATORS, LEARNERS, SESSIONS

KNOWN = [outcome.value for outcome in Outcome]


async def books(database: Database, limit: int) -> dict[str, Any]:
    """Counts by outcome, and the accepted events that have none (yet): none when all is quiet.

    An event without an outcome is parked, or was skipped into quarantine, or is still under way.
    """
    with faults():
        accepted = await database[COLLECTION].count_documents({})
        rows = await database[FACTS].aggregate([{"$group": {"_id": "$outcome", "n": {"$sum": 1}}}]).to_list(None)
        open_ = await _without_outcome(database)
        parked = await _held("parked", open_, database)
        quarantined = await _held("quarantine", open_, database)
        has_orphans = sum(row["n"] for row in rows if row["_id"] in KNOWN) > accepted - len(open_)
        lost = [line async for line in _lost(database, has_orphans, limit)]
        planned = await database["sessions"].find({"judged_to": {"$gte": ""}}, {"_id": 1}).limit(limit).to_list(None)
        unaccounted = [row for row in open_ if row["event_id"] not in parked | quarantined]
        counts = {outcome.value: 0 for outcome in Outcome} | {row["_id"]: row["n"] for row in rows}
        counts[Outcome.PARKED] += sum(row["event_id"] in parked for row in open_)
        counts[Outcome.QUARANTINED] += sum(row["event_id"] in quarantined - parked for row in open_)
        return {
            "accepted": accepted,
            "outcomes": counts,
            "accounted": accepted - len(unaccounted),
            "problems": [
                f"{row['source']} {row['event_id']} ({row['type']}): no outcome" for row in unaccounted[:limit]
            ]
            + lost
            + [f"session {row['_id']}: those who attended are being judged by its new plan" for row in planned],
            "unaccounted_count": len(unaccounted),
            "unaccounted": [_shown(row) for row in unaccounted[:limit]],
            "inbox_outbox": await database[COLLECTION].count_documents({"lane": {"$exists": True}}),
            "outbox": await database["outbox"].count_documents({}),
            "parked": await database["parked"].count_documents({}),
            "quarantine": await database["quarantine"].count_documents({}),
        }


async def _without_outcome(database: Database) -> list[dict[str, Any]]:
    fact = {"from": FACTS, "localField": "_id", "foreignField": "_id", "as": "fact"}
    none = {"fact.outcome": {"$nin": KNOWN}}
    shown = {"source": 1, "event_id": 1, "type": 1, "at": 1}
    pipeline = [{"$lookup": fact}, {"$match": none}, {"$project": shown}, {"$sort": {"at": 1}}]
    rows: list[dict[str, Any]] = await database[COLLECTION].aggregate(pipeline, allowDiskUse=True).to_list(None)
    return rows


async def _lost(database: Database, has_orphans: bool, limit: int) -> AsyncIterator[str]:
    """What must once have been there, since something else tells of it: no event ever takes it away."""
    if has_orphans:
        async for row in missing(database, COLLECTION, FACTS, limit):
            whom = ", ".join(row["about"]) or "nobody"
            yield f"{row['type']} of {whom}: {row['outcome']}, and not among what was accepted ({row['_id']})"
    for topic, collection, what in ((topics.ENROLLMENT, EDUCATORS, "educator"), (topics.SESSIONS, SESSIONS, "session")):
        async for row in missing_though_published(database, collection, topic.name, limit):
            yield f"{what} {row['_id']}: told of, and no longer known"
    learners = {"$match": {"learner_id": {"$exists": True}}}, {"$group": {"_id": "$learner_id"}}
    async for row in missing(database, LEARNERS, FACTS, limit, *learners):
        yield f"learner {row['_id']}: has events, and is no longer known"


async def _held(collection: str, rows: list[dict[str, Any]], database: Database) -> set[str]:
    if not rows:
        return set()
    wanted = {"event_id": {"$in": [row["event_id"] for row in rows]}}
    return {row["event_id"] async for row in database[collection].find(wanted, {"event_id": 1})}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {"source": row["source"], "id": row["event_id"], "type": row["type"], "at": row["at"]}
