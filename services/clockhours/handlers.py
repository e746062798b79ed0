"""What Kafka calls: one function per topic, one transaction in each."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from contracts import events
from contracts.event import EventData
from contracts.program import Programs
from eventing.batch import Batch, Record
from eventing.mongo import Database, DeleteOne, UpdateOne
from services.clockhours.documents import SCHEMA
from services.clockhours.learning import about
from services.clockhours.policy import decide
from services.clockhours.store import Tx


class Facts:
    """What the records of a batch say, read once. What cannot be read is raised when it is that record's turn."""

    def __init__(self, records: list[Record]) -> None:
        self._read: Mapping[str, EventData | Exception | None] = {record.place: _read(record) for record in records}

    def of(self, record: Record) -> EventData | None:
        """The record's data; None for a tombstone. Raises what reading it raised: the record parks."""
        fact = self._read[record.place]
        if isinstance(fact, Exception):
            raise fact
        return fact

    def educators(self) -> Iterator[str]:
        """All ids that any of them is about."""
        for fact in self._read.values():
            if isinstance(fact, EventData):
                yield from about(fact)


def _read(record: Record) -> EventData | Exception | None:
    if record.event.data is None:
        return None
    try:
        return events.read(record.event.type, record.event.data)
    except Exception as unreadable:  # noqa: BLE001 - kept until its turn: `parking` takes it from there
        return unreadable


async def on_enrollment(batch: Batch, database: Database, programs: Programs, now: datetime) -> None:
    """Bring the ledger up to date with what enrollment reports.

    Raises what MongoDB raises; the consumer then repeats it all.
    """
    async with Tx.begin(database, batch, now) as tx:
        facts = Facts(tx.upcoming)
        await tx.load(facts.educators())
        for record in tx.records():
            with tx.parking(record):
                fact = facts.of(record)
                if fact is not None:
                    decision = decide(tx.joined(about(fact)), fact, programs, tx.now)
                    tx.stage(decision, record.cause)
                if isinstance(fact, events.EducatorErased):
                    tx.forget(fact.educator_id)
            await tx.ahead()
        await tx.write()


async def on_sessions(batch: Batch, database: Database, programs: Programs, now: datetime) -> None:
    """Keep the titles of sessions, for transcripts and exports. What a session grants is enrollment's to say."""
    async with Tx.begin(database, batch, now) as tx:
        facts = Facts(tx.upcoming)
        for record in tx.records():
            with tx.parking(record):
                fact = facts.of(record)
                if isinstance(fact, events.SessionScheduled):
                    title = {"schema": SCHEMA, "title": fact.title, "kind": fact.kind.value}
                    tx.bulk("sessions", UpdateOne({"_id": fact.session_id}, {"$set": title}, upsert=True))
        await tx.write()


async def on_educators(batch: Batch, database: Database, programs: Programs, now: datetime) -> None:
    """Keep names and certificate numbers, for transcripts and exports, until the person is erased."""
    async with Tx.begin(database, batch, now) as tx:
        facts = Facts(tx.upcoming)
        for record in tx.records():
            with tx.parking(record):
                fact = facts.of(record)
                if fact is None:
                    tx.bulk("names", DeleteOne({"_id": record.key}))
                elif isinstance(fact, events.EducatorProfile):
                    name = {"schema": SCHEMA, "name": fact.name, "certificate_number": fact.certificate_number}
                    tx.bulk("names", UpdateOne({"_id": fact.educator_id}, {"$set": name}, upsert=True))
        await tx.write()
