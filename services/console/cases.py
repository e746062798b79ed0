"""What waits for staff: exceptions, NEA's unmatched learners, e-mails and the mail's tasks."""

import asyncio
from typing import Any

from contracts.kinds import ExceptionKind, ExceptionStatus
from services.console.asked import Asked, Console, told
from services.console.neighbours import path
from services.console.policy import HIDDEN, May
from services.console.state import JsonObject

MESSAGE_STATUSES = ("queued", "sending", "sent", "failed", "unknown", "dropped")


async def exceptions(console: Console, asked: Asked) -> JsonObject:
    """Cases, the oldest first: ?status= &kind= &educator_id=."""
    wanted = {name: asked.text(name) for name in ("status", "kind", "educator_id", "after")}
    content = await _listed(console, "clockhours", "/exceptions", asked, **wanted)
    return content | {
        "filter": wanted,
        "kinds": [kind.value for kind in ExceptionKind],
        "statuses": [status.value for status in ExceptionStatus],
    }


async def unmatched(console: Console, asked: Asked) -> JsonObject:
    """NEA's learners that are no educator yet, with those whom they might be."""
    return await _listed(console, "enrollment", "/unmatched", asked, after=asked.text("after"))


async def messages(console: Console, asked: Asked) -> JsonObject:
    """E-mails, the newest first: ?educator_id= &kind= &status=; is all mail stopped; what the mail asks of staff."""
    wanted = {name: asked.text(name) for name in ("educator_id", "kind", "status", "after")}
    notifications = console.neighbours["notifications"]
    listed, switch, tasks = await asyncio.gather(
        _listed(console, "notifications", "/messages", asked, **wanted),
        told(notifications.get("/mail", "operator"), "notifications"),
        told(notifications.get("/tasks", "staff", status="open", limit=200), "notifications"),
    )
    return listed | {
        "filter": wanted,
        "statuses": MESSAGE_STATUSES,
        "switch": switch.content,
        "tasks": tasks.items(),
    }


async def message(console: Console, asked: Asked) -> JsonObject:
    """One e-mail as it was sent."""
    found: JsonObject = await console.neighbours["notifications"].get(path("messages", asked.parts["id"]), "staff")
    if not asked.may(May.SEE_PEOPLE):
        found = found | {name: HIDDEN for name in ("text", "html", "calendar") if found.get(name)}
    return {"message": found}


async def _listed(console: Console, service: str, at: str, asked: Asked, **params: Any) -> JsonObject:
    answer = await told(
        console.neighbours[service].get(at, "staff", limit=asked.number("limit", 100, 1000), **params), service
    )
    return {"items": answer.items(), "next": answer.next, "away": answer.away, "refused": answer.refused}
