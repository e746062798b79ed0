"""HTTP in, beside the intakes: the educator's record, the catalogue, and what staff do with unmatched learners."""

import re
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request

from contracts.program_year import Programs
from eventing.admin import build_api
from eventing.audit import staged
from eventing.batch import Batch, Cause
from eventing.clock import system_now
from eventing.http import Caller, Keys, Page, ProblemError, Reasoned, Requires, cursor, listing, page
from eventing.mongo import Database, faults
from eventing.parking import REPEATED_WITHIN
from eventing.service import Service
from eventing.transient import repeat
from services.enrollment import books, views
from services.enrollment.claims import COLLECTION, FACTS, claim_id
from services.enrollment.documents import unpack
from services.enrollment.gathering import Needs
from services.enrollment.policy import Decision, link, unlink
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.state import Educator, Learner, identities, normal_email
from services.enrollment.store import EDUCATORS, LEARNERS, Tx
from services.enrollment.world import World

SOURCE = "/enrollment/staff"
UNLINKED = "learner.unlink"
MOST_CANDIDATES = 20  # shown of each identity


class Link(Reasoned):
    """Who a learner is."""

    educator_id: str


def build(service: Service, keys: Keys, programs: Programs, pseudonyms: Pseudonyms) -> FastAPI:
    """The application with all routes but the intakes."""
    api = build_api(service, keys, title="WEA enrollment")
    _educators(api, service, keys, programs)
    _programme(api, service, programs)
    _learners(api, service, keys, programs, pseudonyms)
    _books(api, service.database, keys)
    return api


def _educators(api: FastAPI, service: Service, keys: Keys, programs: Programs) -> None:
    database = service.database
    Reader = Annotated[Caller, Depends(Requires(keys, "portal", "staff"))]  # noqa: N806
    Staff = Annotated[Caller, Depends(Requires(keys, "staff"))]  # noqa: N806

    @api.get("/educators", tags=["educators"])
    async def search(
        _: Staff,
        at: Annotated[Page, Depends(page)],
        email: str | None = None,
        name: Annotated[str | None, Query(max_length=300)] = None,  # no name is longer
        nea_member_id: str | None = None,
    ) -> dict[str, Any]:
        """Accounts by e-mail address, NEA member id (held or claimed) or a part of the name."""
        wanted: dict[str, Any] = {"_id": {"$gt": at.id}} if at.after else {}
        if email or nea_member_id:
            wanted["identities"] = {"$all": sorted(identities(nea_member_id, (normal_email(email or ""),)))}
        if name:  # no name holds NUL, and a regular expression may not
            wanted["profile.value.name"] = {"$regex": re.escape(name.replace("\0", "")), "$options": "i"}
        with faults():
            found = await database[EDUCATORS].find(wanted).sort("_id", 1).limit(at.to_read).to_list(None)
        rows, last = at.cut(found)
        items = [views.found_educator(unpack(Educator, {**row, "id": row["_id"]})) for row in rows]
        return listing(items, last and last["_id"])

    @api.get("/educators/{educator_id:path}", tags=["educators"])
    async def educator(educator_id: str, _: Reader) -> dict[str, Any]:
        """What an educator has done. A merged id answers with the kept record."""
        world = await _joined(service, educator_id)
        if educator_id not in world.educators:
            raise ProblemError(404, "unknown_educator", "No event has named this educator.")
        return views.educator_record(world.group(educator_id), programs)


def _programme(api: FastAPI, service: Service, programs: Programs) -> None:
    @api.get("/catalog", tags=["programme"])
    async def catalog(
        at: Annotated[Page, Depends(page)], stack: str | None = None, designation: str | None = None
    ) -> dict[str, Any]:
        """The current year's micro-credentials, in the order of its file."""
        begins = at.number
        items = views.catalogue(programs.current(service.clock()), stack, designation)[begins:]
        return listing(items[: at.limit], begins + at.limit if len(items) > at.limit else None)

    @api.get("/program", tags=["programme"])
    async def program() -> dict[str, Any]:
        """The current programme year: days, deadlines, minutes, contacts, designations, stacks."""
        return views.program_year(programs.current(service.clock()), programs)


def _learners(api: FastAPI, service: Service, keys: Keys, programs: Programs, pseudonyms: Pseudonyms) -> None:
    Staff = Annotated[Caller, Depends(Requires(keys, "staff"))]  # noqa: N806
    database = service.database

    @api.get("/unmatched", tags=["learners"])
    async def unmatched(_: Staff, at: Annotated[Page, Depends(page)]) -> dict[str, Any]:
        """NEA's learners that are no educator yet. `candidates` share an address or member id with them."""
        rows, last = await _page(database, {"bound_to": None, "forgotten": {"$ne": True}}, at)
        candidates = await _candidates(database, rows)
        items = [views.learner_row(one, candidates.get(one.id, ())) for one in rows]
        return listing(items, last and last.id)

    @api.get("/links", tags=["learners"])
    async def links(_: Staff, at: Annotated[Page, Depends(page)], educator_id: str | None = None) -> dict[str, Any]:
        """Learners that are bound to an educator, all accounts together, by a match or by staff."""
        wanted: dict[str, Any] = {"bound_to": {"$ne": None}}
        if educator_id:
            world = await _joined(service, educator_id)
            known = educator_id in world.educators
            wanted = {"bound_to": {"$in": sorted(world.group(educator_id).ids) if known else [educator_id]}}
        rows, last = await _page(database, wanted, at)
        return listing([views.learner_row(one) for one in rows], last and last.id)

    @api.post("/unmatched/{learner_id}/link", tags=["learners"])
    async def link_learner(learner_id: str, body: Link, caller: Staff) -> dict[str, Any]:
        """Say who a learner is: covers all their events, earlier and later. Repeating it changes nothing."""

        async def unit() -> dict[str, Any]:
            async with Tx.begin(database, Batch.none(), service.clock()) as tx:
                await tx.gather(Needs(learners={learner_id}, educators={body.educator_id}))
                learner = _known(tx, learner_id)
                if body.educator_id not in tx.world.educators:
                    fault = {"field": "educator_id", "reason": "No event has named this educator"}
                    raise ProblemError(422, "unknown_educator", "No event has named this educator.", errors=[fault])
                if learner.bound_to not in (None, body.educator_id):
                    raise ProblemError(409, "linked_already", f"Linked to {learner.bound_to}: unlink first.")
                if learner.bound_to is None:
                    tx.bulk("audit", staged(caller, "learner.link", learner_id, body.reason, to=body.educator_id))
                    decision = link(tx.world, learner_id, body.educator_id, programs)
                    await _finish(tx, decision, learner_id, pseudonyms)
                return views.learner_row(tx.world.learner(learner_id))

        return await repeat(unit)

    @api.post("/links/{learner_id}/unlink", tags=["learners"])
    async def unlink_learner(learner_id: str, body: Reasoned, caller: Staff) -> dict[str, Any]:
        """Take a match or a link back, and all its effects. The learner is not matched with that educator again.

        Somebody else may be at once; the same words within a minute are a repeat, which leaves that match alone.
        """

        async def unit() -> dict[str, Any]:
            async with Tx.begin(database, Batch.none(), service.clock()) as tx:
                await tx.gather(Needs(unlinked={learner_id}))
                learner = _known(tx, learner_id)
                if learner.bound_to is not None and not await _repeats(tx, caller, learner, body.reason):
                    decision = unlink(tx.world, learner_id, programs)
                    about = {"of": learner.bound_to, "left": decision.changes.learner(learner_id).bindings}
                    tx.bulk("audit", staged(caller, UNLINKED, learner_id, body.reason, **about))
                    await _finish(tx, decision, learner_id, pseudonyms)
                return views.learner_row(tx.world.learner(learner_id))

        return await repeat(unit)


def _books(api: FastAPI, database: Database, keys: Keys) -> None:
    Operator = Annotated[Caller, Depends(Requires(keys, "operator"))]  # noqa: N806

    @api.get("/admin/books", tags=["operators"])
    async def check(_: Operator, at: Annotated[Page, Depends(page)], request: Request) -> dict[str, Any]:
        """What became of the accepted events: of all of them, or with `limit` of a page of them."""
        most = at.limit if "limit" in request.query_params else None
        found, more = await books.check(database, after=at.id or "", most=most)
        return found | {"next": None if more is None else cursor(more)}

    @api.get("/admin/claims", tags=["operators"])
    async def claim(_: Operator, source: str, id: str) -> dict[str, Any]:
        """Was an event with this source and id accepted, and what became of it?"""
        with faults():
            claimed = await database[COLLECTION].find_one({"_id": claim_id(source, id)})
            fact = await database[FACTS].find_one({"_id": claim_id(source, id)})
        return {"claimed": claimed is not None, "outcome": fact["outcome"] if fact else None}


async def _finish(tx: Tx, decision: Decision, learner_id: str, pseudonyms: Pseudonyms) -> None:
    """Each binding has a number, so that linking, unlinking and linking again publish events of their own ids."""
    number = decision.changes.learner(learner_id).bindings
    tx.announce(decision, Cause(f"binding:{learner_id}:{number}", SOURCE))
    tx.take_over(decision)
    tx.save(pseudonyms)
    await tx.write()


async def _joined(service: Service, educator_id: str) -> World:
    """An account, all that merges join to it, and what is known of them, as of one moment."""
    async with Tx.reading(service.database, service.clock()) as tx:
        await tx.gather(Needs(educators={educator_id}))
        return tx.world


def _known(tx: Tx, learner_id: str) -> Learner:
    if learner_id not in tx.world.learners:
        raise ProblemError(404, "unknown_learner", "No learner has this id.")
    return tx.world.learner(learner_id)


async def _repeats(tx: Tx, caller: Caller, learner: Learner, reason: str) -> bool:
    """Whether this caller has just unlinked the learner with these words, and the learner is as that has left it."""
    done: dict[str, Any] = {"at": {"$gt": system_now() - REPEATED_WITHIN}, "action": UNLINKED, "target": learner.id}
    done |= {"who": caller.name, "reason": reason, "left": learner.bindings}
    return await tx.db["audit"].find_one(done, session=tx.session) is not None


async def _page(database: Database, wanted: dict[str, Any], at: Page) -> tuple[list[Learner], Learner | None]:
    if at.after:
        wanted = {**wanted, "_id": {"$gt": at.id}}
    with faults():
        rows = await database[LEARNERS].find(wanted).sort("_id", 1).limit(at.to_read).to_list(None)
    return at.cut([unpack(Learner, {**row, "id": row["_id"]}) for row in rows])


async def _candidates(database: Database, learners: list[Learner]) -> dict[str, list[str]]:
    """Who shares an identity with each learner; of an address that thousands have, the first few."""
    names = {"identities": {"$in": sorted({name for learner in learners for name in learner.identities})}}
    few = {"$minN": {"input": "$_id", "n": MOST_CANDIDATES}}
    each = [{"$match": names}, {"$project": {"identities": 1}}, {"$unwind": "$identities"}, {"$match": names}]
    with faults():
        found = database[EDUCATORS].aggregate([*each, {"$group": {"_id": "$identities", "few": few}}])
        having = {row["_id"]: row["few"] async for row in found}
    return {one.id: sorted({id for name in one.identities for id in having.get(name, ())}) for one in learners}
