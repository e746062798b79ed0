"""What every service shows over HTTP: health, metrics, and for operators what is parked, quarantined and waiting."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Query, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field, field_validator

from eventing import gauges, parking, waiting
from eventing.audit import record_action
from eventing.bodies import Bounded
from eventing.clock import system_now
from eventing.describing import completed
from eventing.http import (
    Caller,
    KeyFirst,
    Keys,
    Page,
    ProblemError,
    Reasoned,
    Requires,
    install_problems,
    listing,
    page,
)
from eventing.mongo import faults
from eventing.parking import NotParkedError, OtherKeyError, Outcome
from eventing.service import Service


class Mend(Reasoned):
    """What to do with a parked record, and why.

    `data` only for edit: the record's new data. `event_id`, for edit and skip: the head that is meant.
    """

    dry_run: bool = False
    event_id: str | None = None
    data: dict[str, Any] | None = Field(default=None)

    @field_validator("data")
    @classmethod
    def _can_be_said(cls, data: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            orjson.dumps(data)
        except TypeError:  # what Python reads and no event can hold
            raise ValueError("Data should have no integer beyond 64 bits, no lone surrogate, no deep nesting") from None
        return data


def build_api(service: Service, keys: Keys, *, title: str) -> FastAPI:
    """The application with everything that is the same in each service; the caller adds its own routes.

    Its lifespan starts and stops the service.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    api = FastAPI(
        title=title, version=version("wea-clock-hours"), lifespan=lifespan, redoc_url=None,
        swagger_ui_parameters={"tryItOutEnabled": False},
    )  # fmt: skip
    install_problems(api)
    api.router.route_class = KeyFirst
    api.add_middleware(Bounded)
    routes = api.openapi
    api.openapi = lambda: completed(routes())  # type: ignore[method-assign]
    _health(api, service)
    _parked(api, service, keys)
    _waiting(api, service, keys)
    return api


def _health(api: FastAPI, service: Service) -> None:
    @api.get("/health/live", tags=["health"])
    async def live() -> dict[str, Any]:
        """The process answers."""
        return {"status": "live", "service": service.name, "version": version("wea-clock-hours")}

    def state(response: Response, well: str, reasons: list[str]) -> dict[str, Any]:
        response.status_code = 503 if reasons else 200
        return {
            "status": f"not_{well}" if reasons else well,
            "reasons": reasons,
            "service": service.name,
            "version": version("wea-clock-hours"),
            "program_digest": service.digest,
            "now": service.clock(),
        }

    @api.get("/health/ready", tags=["health"], responses={503: {"description": "Not ready, and why"}})
    async def ready(response: Response) -> dict[str, Any]:
        """It can do its work: indexes built, topics read, no parking storm. 503 with the reasons otherwise."""
        return state(response, "ready", service.unready())

    @api.get("/health/serving", tags=["health"], responses={503: {"description": "Not serving, and why"}})
    async def serving(response: Response) -> dict[str, Any]:
        """It can answer requests, intakes included, though topics may not be read: what a balancer should ask."""
        return state(response, "serving", service.unable_to_serve())

    @api.get("/metrics", tags=["health"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Prometheus metrics."""
        await gauges.refresh(service)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _parked(api: FastAPI, service: Service, keys: Keys) -> None:
    Operator = Annotated[Caller, Depends(Requires(keys, "operator"))]  # noqa: N806
    database = service.database

    @api.get("/admin/parked", tags=["operators"])
    async def parked(_: Operator, at: Annotated[Page, Depends(page)]) -> dict[str, Any]:
        """The parked lanes, each with its head and how many records stand behind it."""
        wanted = {"parked": {"$gt": 0}} | ({"_id": {"$gt": at.id}} if at.after else {})
        with faults():
            found = await database["lanes"].find(wanted).sort("_id", 1).limit(at.to_read).to_list(None)
            lanes, last = at.cut(found)
            heads = [await database["parked"].find_one({"key": lane["_id"]}, sort=[("n", 1)]) for lane in lanes]
        items = [_lane(lane, head) for lane, head in zip(lanes, heads, strict=True) if head is not None]
        return listing(items, last and last["_id"])

    @api.post("/admin/parked/{key:path}/retry", tags=["operators"])
    async def retry(
        key: str, body: Mend, caller: Operator, dry_run: Annotated[bool, Query()] = False
    ) -> dict[str, Any]:
        """Try the lane from its head; what stood behind it follows in order."""
        if dry_run or body.dry_run:
            return _outcome(await _mend(parking.preview(database, key, _handlers(service))))
        await record_action(database, caller, "parked.retry", key, body.reason)
        return _outcome(await parking.retry(database, key, _handlers(service)))

    @api.post("/admin/parked/{key:path}/skip", tags=["operators"])
    async def skip(key: str, body: Mend, caller: Operator, dry_run: Annotated[bool, Query()] = False) -> dict[str, Any]:
        """Move the head to quarantine, where it is kept whole, and go on with what stood behind it.

        Safe to repeat: `event_id` says which head is meant; without it the same reason within a minute is a repeat.
        """
        if dry_run or body.dry_run:
            return _outcome(await _mend(parking.preview_skip(database, key, event_id=body.event_id)))
        await record_action(database, caller, "parked.skip", key, body.reason)
        work = parking.skip(database, key, _handlers(service), reason=body.reason, event_id=body.event_id)
        return _outcome(await _repeatable(key, work))

    @api.post("/admin/parked/{key:path}/edit", tags=["operators"])
    async def edit(key: str, body: Mend, caller: Operator, dry_run: Annotated[bool, Query()] = False) -> dict[str, Any]:
        """Give the head other data (its id, type, time and key stay) and try it.

        Safe to repeat: `event_id` says which head is meant; without it the same data within a minute are a repeat.
        """
        if body.data is None:
            raise ProblemError(422, "invalid", "Edit needs data.", errors=[{"field": "data", "reason": "required"}])
        if dry_run or body.dry_run:
            work = parking.preview(database, key, _handlers(service), data=body.data, event_id=body.event_id)
            return _outcome(await _mend(work))
        await record_action(database, caller, "parked.edit", key, body.reason)
        work = parking.edit(database, key, _handlers(service), data=body.data, event_id=body.event_id)
        return _outcome(await _mend(_repeatable(key, work)))

    @api.get("/admin/parked/{key:path}", tags=["operators"])
    async def lane(key: str, _: Operator, at: Annotated[Page, Depends(page)]) -> dict[str, Any]:
        """One lane: each of its records, whole, from the head."""
        wanted = {"key": key} | ({"n": {"$gt": at.number}} if at.after else {})
        with faults():
            found = await database["parked"].find(wanted).sort("n", 1).limit(at.to_read).to_list(None)
        if not found and not at.after:
            raise ProblemError(404, "nothing_parked", "Nothing is parked under this key.")
        records, last = at.cut(found)
        return listing([_record(record) for record in records], last and last["n"])


def _waiting(api: FastAPI, service: Service, keys: Keys) -> None:
    Operator = Annotated[Caller, Depends(Requires(keys, "operator"))]  # noqa: N806
    database = service.database

    @api.get("/admin/quarantine", tags=["operators"])
    async def quarantine(_: Operator, at: Annotated[Page, Depends(page)]) -> dict[str, Any]:
        """What could not be used, whole, oldest first by id."""
        return await _rows(database["quarantine"], at, _quarantined)

    @api.get("/admin/outbox", tags=["operators"])
    async def outbox(_: Operator, at: Annotated[Page, Depends(page)]) -> dict[str, Any]:
        """Events that wait for a relay: of each outbox, in the order in which they are published."""
        return await waiting.rows(database, service.outboxes, at)

    @api.get("/admin/lanes", tags=["operators"])
    async def lanes(_: Operator, at: Annotated[Page, Depends(page)]) -> dict[str, Any]:
        """For each key, the last sequence seen and sent on each topic, and the last tombstone's: for `wea check`."""
        return await _rows(database["lanes"], at, _sequences)

    @api.get("/admin/audit", tags=["operators"])
    async def audit(_: Operator, at: Annotated[Page, Depends(page)]) -> dict[str, Any]:
        """Who did what, when and why: the newest first."""
        return await _rows(database["audit"], at, lambda row: row, way=-1)


async def _rows(collection: Any, at: Page, shown: Any, way: int = 1) -> dict[str, Any]:
    wanted = {"_id": {"$gt" if way > 0 else "$lt": at.id}} if at.after else {}
    with faults():
        found = await collection.find(wanted).sort("_id", way).limit(at.to_read).to_list(None)
    rows, last = at.cut(found)
    return listing([shown(row) for row in rows], last and last["_id"])


async def _mend(work: Any) -> Outcome:
    try:
        outcome: Outcome = await work
    except NotParkedError:
        raise ProblemError(404, "nothing_parked", "Nothing is parked under this key.") from None
    except OtherKeyError as error:
        wrong = [{"field": f"data.{error}", "reason": "A parked record stays with its key"}]
        raise ProblemError(422, "invalid", "The data is about another key.", errors=wrong) from None
    return outcome


async def _repeatable(key: str, work: Any) -> Outcome:
    """Nothing parked any more is what a repeat finds, as after an answer that was lost."""
    try:
        outcome: Outcome = await work
    except NotParkedError:
        return Outcome(key)
    return outcome


def _handlers(service: Service) -> parking.Handlers:
    if service.consumer is None:
        raise ProblemError(404, "nothing_parked", "This service reads no topics.")
    return service.consumer.handlers


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "key": outcome.key, "applied": outcome.applied, "left": outcome.left, "reason": outcome.reason,
        "dry_run": outcome.dry_run, "events": outcome.events, "skipped": outcome.skipped,
    }  # fmt: skip


def _lane(lane: dict[str, Any], head: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": lane["_id"],
        "records": lane["parked"],
        "behind": lane["parked"] - 1,
        "topic": head["topic"],
        "event_id": head["event_id"],
        "type": head["type"],
        "reason": head["reason"],
        "tries": head["tries"],
        "parked_at": head["parked_at"],
    }


def _record(record: dict[str, Any]) -> dict[str, Any]:
    kept = ("n", "topic", "partition", "offset", "event_id", "type", "reason", "tries", "parked_at", "timestamp")
    return {name: record[name] for name in kept} | {"value": _text(record["value"])}


def _quarantined(row: dict[str, Any]) -> dict[str, Any]:
    shown = {"id": row["_id"], "topic": row["topic"], "reason": row["reason"], "detail": row.get("detail", "")}
    shown |= {"at": row["at"], "age_seconds": int((system_now() - row["at"]).total_seconds())}
    shown |= {"key": _text(row.get("key")), "value": _text(row["value"])}
    return shown | {name: row[name] for name in ("event_id", "type") if name in row}


def _sequences(row: dict[str, Any]) -> dict[str, Any]:
    by_topic = {name: row.get(name, {}) for name in ("seen", "sent", "emptied")}
    return {"key": row["_id"], **by_topic, "parked": row.get("parked", 0)}


def _text(value: Any) -> str | None:
    """Bytes as text where they are text, else base64 marked as such."""
    if value is None or isinstance(value, str):
        return value
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(bytes(value)).decode()
