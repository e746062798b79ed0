"""What the clock calls: reminders, the staff's digest and alerts. One transaction in each turn; safe to repeat."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import structlog

from contracts.kinds import ExceptionKind
from contracts.program import Program, Programs
from eventing import metrics
from eventing.batch import Batch
from eventing.mongo import Database, UpdateOne, faults
from eventing.transient import TransientError
from services.notifications import decisions, links, rendering, staff
from services.notifications.announcing import subjects_of
from services.notifications.documents import SCHEMA
from services.notifications.neighbours import Lanes, Neighbours, Parked
from services.notifications.staff import Day, Open
from services.notifications.state import Kind, Message, Status
from services.notifications.store import Tx

log = structlog.get_logger(__name__)

MOST_EDUCATORS = 200
DIGEST_AT = time(7)
DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)
COMMITTED = timedelta(minutes=5)  # a unit's time is read when it begins: so long after it, what it wrote is there
MOST_ALERTS = 100  # of our own lanes, in one turn
OURS = "notifications\n"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def on_reminders(database: Database, programs: Programs, portal_url: str, now: datetime) -> bool:
    """Make the reminders that are due, and say when to look again. Answers whether there may be more.

    However far programme time has jumped, each educator is looked at once, as things stand now. One who shows a bug of
    ours is found by halving, and looked at an hour later: she must not keep everybody else from being reminded.
    """
    most = MOST_EDUCATORS
    while True:
        try:
            return await _remind(database, programs, portal_url, now, most)
        except TransientError:
            raise
        except Exception:
            if most == 1:
                metrics.TIMER_FAILURES.labels("reminders").inc()
                log.exception("reminder_failed", educator_ids=await _put_off(database, now))
                return True
        most //= 2


async def _remind(database: Database, programs: Programs, portal_url: str, now: datetime, most: int) -> bool:
    async with Tx.begin(database, Batch.none(), now) as tx:
        ids = await tx.due_reminders(most)
        await tx.load(ids)
        known = tx.known
        for id_ in ids:
            known = decisions.remind(known.having(known.educators[id_]), id_, programs, now)
        subjects = subjects_of(known, (), programs, portal_url, now)
        tx.save(known, programs, subjects)
        await tx.write()
    return len(ids) == most


async def _put_off(database: Database, now: datetime) -> list[str]:
    """Look at the first of those who are due an hour later. Returns who it is."""
    async with Tx.begin(database, Batch.none(), now) as tx:
        ids = await tx.due_reminders(1)
        for id_ in ids:
            tx.bulk("educators", UpdateOne({"_id": id_}, {"$set": {"remind_at": now + AN_HOUR}}))
        await tx.write()
    return ids


async def on_planned(database: Database, programs: Programs, portal_url: str, now: datetime) -> bool:
    """Tell the next of those who hold a seat in a session with a new plan, where they are too many for its own unit.

    Answers whether there may be more.
    """
    with faults():
        waiting = await database["sessions"].find_one({"told_to": {"$gte": ""}}, {"_id": 1})
    if waiting is None:
        return False
    async with Tx.begin(database, Batch.none(), now) as tx:
        untold = await tx.untold(waiting["_id"], MOST_EDUCATORS)
        if untold is not None:
            ids, cause = untold
            await tx.load(ids)
            known = decisions.tell(tx.known, ids, programs, now)
            subjects = subjects_of(known, (), programs, portal_url, now)
            tx.led(subjects, cause)
            tx.save(known, programs, subjects)
            tx.told_to(waiting["_id"], ids[-1] if len(ids) == MOST_EDUCATORS else None)
            await tx.write()
    return True


async def on_programme_changed(database: Database, programs: Programs) -> None:
    """Look at everybody's reminders anew when the programme files say something else than when this was last done."""
    with faults():
        planned = await database["switch"].find_one({"_id": "programme"})
        if planned is not None and planned["digest"] == programs.digest:
            return
        everyone = {"erased": False, "alias_of": None}
        await database["educators"].update_many(everyone, {"$set": {"remind_at": LONG_AGO}})
        done = {"$set": {"digest": programs.digest, "schema": SCHEMA}}
        await database["switch"].update_one({"_id": "programme"}, done, upsert=True)


async def on_digest(database: Database, programs: Programs, neighbours: Neighbours, now: datetime) -> bool:
    """Once a local day, from 07:00 on: what needs staff. A day with nothing to say is passed over."""
    program = programs.current(now)
    local = now.astimezone(program.zone)
    today = local.date().isoformat()
    if local.time() < DIGEST_AT:
        return False
    with faults():
        last = await database["switch"].find_one({"_id": "digest"})
    if last is not None and last["day"] == today:
        return False
    since = last["at"] if last is not None and last["at"] <= now else now - DAY
    until = now - COMMITTED
    day = await _day(database, max(since, now - 7 * DAY), until, neighbours)
    async with Tx.begin(database, Batch.none(), now) as tx:
        marked = {"$set": {"day": today, "at": until, "schema": SCHEMA}}
        tx.bulk("switch", UpdateOne({"_id": "digest"}, marked, upsert=True))
        if not day.is_empty:
            letter = staff.digest(day, program, now)
            message = Message(Kind.STAFF_DIGEST, "", "digest", today, now)
            tx.queue_for_staff(message, _address(program), rendering.subject(letter), dict(letter.about))
        await tx.write()
    await links.forget_old(database, now)
    return False


async def _day(database: Database, since: datetime, until: datetime, neighbours: Neighbours) -> Day:
    """Gather what happened in between. A service that does not answer is left out: the rest is worth sending."""
    span = {"$gte": since, "$lt": until}
    with faults():
        cases = [case async for case in database["educators"].aggregate(_cases(span))]
        mail = [row async for row in database["messages"].aggregate(_mail(span))]
        tasks = await database["tasks"].find({"status": "open"}).to_list(100)
        own = await database["lanes"].count_documents({"parked": {"$gt": 0}})
    found = [_open(case) for case in cases]
    parked = {service: len(those.lanes) for service, those in (await neighbours.parked()).items()}
    return Day(
        tuple(case for case in found if case.kind is not ExceptionKind.HELD_TOO_LONG),
        tuple(case for case in found if case.kind is ExceptionKind.HELD_TOO_LONG),
        {row["_id"]: row["count"] for row in mail},
        tuple(f"educator {task['educator_id'] or 'unknown'}: the mail server said {task['code']}" for task in tasks),
        await neighbours.unmatched(),
        {service: lanes for service, lanes in (parked | {"notifications": own}).items() if lanes},
    )


def _cases(span: Mapping[str, datetime]) -> list[dict[str, Any]]:
    # Chosen by when we learned of it: what was read late, or parked, may have been opened before the last digest. What
    # an earlier build stored does not say when it learned: the time of the event that it heard stands for it.
    learned, heard = {"cases.learned_at": span}, {"cases.heard_at": span}
    maybe, new = {"$or": [learned, heard]}, {"$or": [learned, {"cases.learned_at": None, **heard}]}
    in_order = {"$sort": {"cases.learned_at": 1, "cases.heard_at": 1}}
    return [{"$match": maybe}, {"$unwind": "$cases"}, {"$match": new}, in_order, {"$limit": 500}]


def _mail(span: Mapping[str, datetime]) -> list[dict[str, Any]]:
    # Chosen by when it failed: mail that was put off may have been made two days before.
    bad = {"status": {"$in": [Status.FAILED.value, Status.UNKNOWN.value]}, "failed_at": span}
    return [{"$match": bad}, {"$group": {"_id": "$kind", "count": {"$sum": 1}}}]


def _open(row: Mapping[str, Any]) -> Open:
    case = row["cases"]
    return Open(ExceptionKind(case["kind"]), row["_id"], case["micro_credential_id"], case["opened_at"])


async def on_parked(database: Database, programs: Programs, neighbours: Neighbours, now: datetime) -> bool:
    """Tell staff at once of a lane that is newly parked, here or in another service; once until it is free again."""
    found = await neighbours.parked()
    with faults():
        told = {row["_id"] async for row in database["alerts"].find({}, {"_id": 1})}
    found["notifications"] = await _ours(database, [key for id_ in told if (key := id_.removeprefix(OURS)) != id_])
    lanes = {f"{service}\n{lane.key}": (service, lane) for service, those in found.items() for lane in those.lanes}
    # A service that did not answer, or not with all, says nothing about other lanes: what was told of them stays told.
    whole = {service for service, those in found.items() if those.whole}
    free = [id_ for id_ in told if id_ not in lanes and id_.partition("\n")[0] in whole]
    new = {id_: lane for id_, lane in lanes.items() if id_ not in told}
    if new or free:
        await _alert(database, programs, new, free, now)
    return False


async def _ours(database: Database, told: list[str]) -> Lanes:
    """Our own parked lanes: those that staff were told of, and the next of the others."""
    parked = {"parked": {"$gt": 0}}
    with faults():
        still = await database["lanes"].find({"_id": {"$in": told}, **parked}, {"_id": 1}).to_list(None)
        others = database["lanes"].find({"_id": {"$nin": told}, **parked}, {"_id": 1}).limit(MOST_ALERTS)
        heads = {
            row["_id"]: await database["parked"].find_one({"key": row["_id"]}, sort=[("n", 1)])
            for row in await others.to_list(None)
        }
    new = (Parked(key, str((head or {}).get("reason", {}).get("code", ""))) for key, head in heads.items())
    return Lanes((*(Parked(row["_id"], "") for row in still), *new), whole=True)


async def _alert(
    database: Database, programs: Programs, new: Mapping[str, tuple[str, Parked]], free: list[str], now: datetime
) -> None:
    program = programs.current(now)
    async with Tx.begin(database, Batch.none(), now) as tx:
        for id_, (service, lane) in new.items():
            tx.bulk("alerts", UpdateOne({"_id": id_}, {"$set": {"at": now, "schema": SCHEMA}}, upsert=True))
            facts = {"alert": "parked_lane", "service": service, "lane": lane.key, "code": lane.code}
            message = Message(Kind.STAFF_ALERT, "", id_, now.isoformat(), now, facts=facts)
            letter = staff.parked_lane(service, lane.key, lane.code, program)
            tx.queue_for_staff(message, _address(program), rendering.subject(letter))
        tx.forget_alerts(free)
        await tx.write()


def _address(program: Program) -> str | None:
    return program.contacts.program.email
