"""What Kafka calls: one function for what is about educators, one for sessions, one transaction in each."""

from datetime import datetime

from contracts.program import Programs
from eventing.batch import Batch
from eventing.mongo import Database
from services.notifications import decisions
from services.notifications.announcing import Subjects, subjects_of
from services.notifications.store import Tx


async def on_educators(batch: Batch, database: Database, programs: Programs, portal_url: str, now: datetime) -> None:
    """Learn what enrollment and clockhours report of educators, and make the messages that are due because of it.

    Raises what MongoDB raises; the caller then repeats it all. So no mail from here.
    """
    async with Tx.begin(database, batch, now) as tx:
        await tx.load(
            {id_ for record in tx.upcoming for id_ in decisions.ids_in(record.event)},
            {id_ for record in tx.upcoming if (id_ := decisions.session_in(record.event))},
        )
        tx.meet({id_ for record in tx.upcoming if (id_ := decisions.seat_in(record.event))})
        known = tx.known
        subjects: Subjects = {}
        for record in tx.records():
            with tx.parking(record):
                after = decisions.decide(known, record.event, programs, now)
                new = subjects_of(after, known.messages, programs, portal_url, now)
                subjects |= new
                tx.led(new, record.cause)
                known = after
        tx.save(known, programs, subjects)
        await tx.write()


async def on_sessions(batch: Batch, database: Database, programs: Programs, portal_url: str, now: datetime) -> None:
    """Learn what sessions are planned, and tell those who hold a seat in them of what changed.

    Where they are too many for one transaction, `timers.on_planned` tells them in steps.
    """
    async with Tx.begin(database, batch, now) as tx:
        session_ids = {record.key for record in tx.upcoming}
        holders = await tx.holders(session_ids)
        await tx.load({id_ for ids in holders.values() for id_ in ids}, session_ids)
        known = tx.known
        subjects: Subjects = {}
        for record in tx.records():
            with tx.parking(record):
                after = decisions.decide_session(known, record.event, holders[record.key], programs, now)
                tx.planned(record.key, record.cause)
                new = subjects_of(after, known.messages, programs, portal_url, now)
                subjects |= new
                tx.led(new, record.cause)
                known = after
        tx.save(known, programs, subjects)
        await tx.write()
