"""Every metric of this service: name, unit, meaning. Those of the machinery are in eventing/metrics.py."""

from prometheus_client import Gauge

from eventing.mongo import Database, faults

# entries: lines of the ledger, reversals included.
ENTRIES = Gauge("wea_clockhours_entries", "Entries in the ledger, reversals included")
# held rows: micro-credentials whose hours wait for something.
HELD = Gauge("wea_clockhours_held_rows", "Micro-credentials whose clock hours are held")
# exceptions that wait for staff, by kind.
OPEN_EXCEPTIONS = Gauge("wea_clockhours_open_exceptions", "Exceptions that wait for staff", ["kind"])
# transcripts issued.
TRANSCRIPTS = Gauge("wea_clockhours_transcripts", "Transcripts issued")


async def refresh(database: Database) -> None:
    """Read the gauges off the database. Counted by the server, none of it on a decision's way."""
    with faults():
        ENTRIES.set(await database["entries"].estimated_document_count())
        HELD.set(await database["held"].estimated_document_count())
        TRANSCRIPTS.set(await database["transcripts"].estimated_document_count())
        by_kind = [{"$match": {"status": "open"}}, {"$group": {"_id": "$kind", "count": {"$sum": 1}}}]
        OPEN_EXCEPTIONS.clear()
        async for row in database["exceptions"].aggregate(by_kind):
            OPEN_EXCEPTIONS.labels(row["_id"]).set(row["count"])
