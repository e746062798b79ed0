"""Servers to send webhooks to, each in a process of its own: enrollment's intake, and what it is measured against."""

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
import uvloop

from eventing.mongo import connect
from eventing.patience import PatientProtocol
from eventing.service import EVENTING_INDEXES

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@asynccontextmanager
async def enrollment(mongo: str, database: str) -> AsyncIterator[Any]:
    """POST /webhooks/nea as the service has it, every check and the group commit; relay and consumer rest."""
    from services.enrollment.app import Front
    from services.enrollment.intake import Committer, Intake
    from services.enrollment.nea import Signatures
    from services.enrollment.pseudonyms import Pseudonyms
    from services.enrollment.rates import Rates
    from services.enrollment.receiving import Door
    from services.enrollment.store import INDEXES
    from services.enrollment.webhooks import Webhooks

    with connect(mongo, database) as base:
        await base.ensure({**EVENTING_INDEXES, **INDEXES})
        intake = Intake()
        loops = [asyncio.create_task(Committer(intake, base, f"bench/{n}").run()) for n in (1, 2)]
        webhooks = Webhooks(Signatures([SECRET]), Rates(1e9, time.monotonic), Pseudonyms("bench"), intake)
        yield Front({"/webhooks/nea": Door("nea", webhooks.accept)}, fastapi())
        for loop in loops:
            loop.cancel()


def fastapi() -> Any:
    """FastAPI as its tutorial has it, answering 202 and nothing else."""
    from fastapi import FastAPI, Response

    api = FastAPI()

    @api.post("/webhooks/nea", status_code=202)
    async def accept() -> Response:
        return Response(status_code=202)

    return api


@asynccontextmanager
async def fastapi_empty(mongo: str, database: str) -> AsyncIterator[Any]:
    yield fastapi()


@asynccontextmanager
async def fastapi_insert(mongo: str, database: str) -> AsyncIterator[Any]:
    """FastAPI that inserts each body, majority-durable, before it answers; no signature, no check."""
    from fastapi import FastAPI, Request, Response

    api = FastAPI()
    with connect(mongo, database) as base:
        await base.ensure({"intake": ()})

        @api.post("/webhooks/nea", status_code=202)
        async def accept(request: Request) -> Response:
            await base["intake"].insert_one({"_id": request.headers["webhook-id"], "body": await request.body()})
            return Response(status_code=202)

        yield api


@asynccontextmanager
async def by_hand(mongo: str, database: str) -> AsyncIterator[Any]:
    """The limit: what has come is inserted together, majority-durable, and then answered; no check, no framework."""
    waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
    came = asyncio.Event()

    async def commit(intake: Any) -> None:
        while True:
            await came.wait()
            came.clear()
            group = waiting.copy()
            waiting.clear()
            await intake.insert_many([document for document, _ in group], ordered=False)
            for _, answer in group:
                answer.set_result(None)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (part := await receive()).get("more_body"):
            body += part["body"]
        document = {"_id": dict(scope["headers"])[b"webhook-id"].decode(), "body": body + part["body"]}
        answer = asyncio.get_running_loop().create_future()
        waiting.append((document, answer))
        came.set()
        await answer
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    with connect(mongo, database) as base:
        await base.ensure({"intake": ()})
        committing = asyncio.create_task(commit(base["intake"]))
        yield application
        committing.cancel()


@asynccontextmanager
async def asgi_empty(mongo: str, database: str) -> AsyncIterator[Any]:
    """The least that answers 202."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    yield application


DOORS = {
    "enrollment": enrollment,
    "fastapi_empty": fastapi_empty,
    "fastapi_insert": fastapi_insert,
    "by_hand": by_hand,
    "asgi_empty": asgi_empty,
}


async def serve(name: str, port: int, mongo: str, database: str) -> None:
    async with DOORS[name](mongo, database) as application:
        protocol: Any = PatientProtocol if name == "enrollment" else "httptools"
        config = uvicorn.Config(
            application, host="127.0.0.1", port=port, loop="none", http=protocol, access_log=False, log_level="error",
            lifespan="off", server_header=False, backlog=4096,
        )  # fmt: skip
        gc.freeze()  # as a service does when it is ready (eventing/service.py); for every door alike
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(serve(*json.loads(sys.argv[1])))
