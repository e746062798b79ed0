"""What the console does with a record: it notes that it was there."""

from collections import Counter
from datetime import datetime, timedelta

from eventing.batch import Batch, Record
from eventing.clock import system_now
from eventing.mongo import Database
from eventing.tracing import trace_id
from services.console.policy import kept_key
from services.console.settings import Settings
from services.console.state import Kept
from services.console.store import Tx

LONGEST_TEXT = 1000
RATES_KEPT = timedelta(hours=2)


async def on_record(batch: Batch, database: Database, settings: Settings, now: datetime) -> None:
    """Note every record, known to us or not: the console judges nothing, so nothing parks for its type."""
    seen, today = Counter[tuple[str, int, datetime]](), system_now()
    secret = settings.secret.get_secret_value()
    oldest = today - settings.keep
    async with Tx.begin(database, batch, now) as tx:
        for record in tx.every():
            with tx.parking(record):
                if record.timestamp > oldest:
                    tx.keep(noted(record, secret))
                if record.timestamp > today - RATES_KEPT:
                    seen[record.topic, record.partition, record.timestamp.replace(second=0, microsecond=0)] += 1
        tx.count(seen)
        await tx.write()


def noted(record: Record, secret: str) -> Kept:
    event = record.event
    return Kept(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=kept_key(record.key, secret),
        event_id=event.id[:LONGEST_TEXT],
        source=event.source[:LONGEST_TEXT],
        type=event.type[:LONGEST_TEXT],
        time=event.time,
        at=record.timestamp,
        sequence=event.sequence,
        causation_id=event.causationid and event.causationid[:LONGEST_TEXT],
        causation_source=event.causationsource and event.causationsource[:LONGEST_TEXT],
        trace=trace_id(event.traceparent),
        empty=event.data is None,
        size=len(record.value or b""),
    )
