"""What the clock calls: one function per due time, one transaction in each. Safe to repeat, and to run twice."""

from datetime import datetime, timedelta

from contracts.program import Programs
from eventing.batch import Batch, Cause
from eventing.mongo import Database, UpdateOne
from services.clockhours.policy import decide
from services.clockhours.store import Tx

SOURCE = "/clockhours/timers"
MOST_ROWS = 100
MOST_EDUCATORS = 200

# Raised when the rules themselves change: then all educators are judged anew, as by a changed programme.
RULES = 1


async def on_held_too_long(database: Database, programs: Programs, now: datetime) -> bool:
    """Tell staff of hours that are held for longer than the programme allows. Answers whether there may be more."""
    since = now - timedelta(days=programs.current(now).held_alert_days)
    async with Tx.begin(database, Batch.none(), now) as tx:
        rows = await tx.held_since(since, most=MOST_ROWS)
        await tx.load(row["educator_id"] for row in rows)
        for row in rows:
            decision = decide(tx.joined([row["educator_id"]]), None, programs, tx.now)
            tx.stage(decision, Cause(f"held_too_long/{row['_id']}/{now.isoformat()}", SOURCE))
            tx.bulk("held", UpdateOne({"_id": row["_id"]}, {"$set": {"alerted": True}}))
        await tx.write()
    return len(rows) == MOST_ROWS


async def on_programme_changed(database: Database, programs: Programs, now: datetime) -> bool:
    """Judge everybody anew when the programme files say something else than when this was last done.

    A micro-credential that was added to the catalogue is granted or held, and its exception resolves. A batch of
    educators at a time: where it stands is kept, so a restart goes on from there. Answers whether there is more.
    """
    # The current year is in it, for a held row whose first attempt is to come shows the current year's minutes.
    digest = f"{programs.digest}/{programs.current(now).id}/{RULES}"
    async with Tx.begin(database, Batch.none(), now) as tx:
        evaluation = await tx.evaluation(digest)
        if evaluation.done:
            return False
        ids = await tx.educators_after(evaluation.after, most=MOST_EDUCATORS)
        await tx.load(ids)
        for id in ids:
            decision = decide(tx.joined([id]), None, programs, tx.now)
            tx.stage(decision, Cause(f"programme/{digest}/{id}/{now.isoformat()}", SOURCE))
        more = len(ids) == MOST_EDUCATORS
        tx.evaluated(digest, after=ids[-1] if ids else evaluation.after, done=not more)
        await tx.write()
    return more
