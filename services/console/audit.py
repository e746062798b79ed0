"""Who did what, when and why: the console's own trail, by people's names, and what the services noted by key."""

import asyncio
from typing import Any

from eventing.audit import record_action
from eventing.http import Caller, cursor
from eventing.mongo import Database, faults
from services.console.asked import Asked, Console, told
from services.console.policy import May
from services.console.state import JsonObject


async def noted_act(database: Database, asked: Asked, path: str) -> None:
    """Write down an act before it is done: its path without the parts is the action, the parts are its target."""
    action = path.strip("/").replace("{", "").replace("}", "").replace(":path", "")
    target = " ".join(str(part) for part in asked.parts.values()) or asked.text("educator_id") or ""
    caller = Caller("person" if asked.who.csrf else "key", asked.who.name)
    about = {name: value for name, value in asked.query.items() if name in NOTED and isinstance(value, str)}
    await record_action(database, caller, action, target, asked.required("reason"), **about)


async def noted_download(database: Database, asked: Asked, name: str) -> None:
    """A file with personal data was given out. Nobody is asked for a reason."""
    caller = Caller("person" if asked.who.csrf else "key", asked.who.name)
    await record_action(database, caller, name, " ".join(asked.parts.values()), "downloaded")


NOTED = frozenset(
    {"educator_id", "session_id", "micro_credential_id", "kept_educator_id", "merged_educator_id", "minutes"}
)


async def audit(console: Console, asked: Asked) -> JsonObject:
    """What was done through the console, and what the services noted: of each the newest, and what is older."""
    limit, before = asked.number("limit", 100, 1000), asked.text("before")
    wanted: dict[str, Any] = {"_id": {"$lt": before}} if before else {}
    with faults():
        ours = await console.store.db["audit"].find(wanted).sort("_id", -1).limit(limit).to_list(None)
    noted, more, away = await _noted(console, limit, before_them := asked.text("services_before"))
    return {
        "items": [_entry(one) for one in ours],
        "next": ours[-1]["_id"] if len(ours) == limit else None,
        "services": noted,
        "services_next": noted[-1]["id"] if more else None,
        "before": before,
        "services_before": before_them,
        "away": away,
        "sees_reasons": asked.may(May.READ_AUDIT),
    }


async def _noted(console: Console, limit: int, before: str | None) -> tuple[list[JsonObject], bool, list[str]]:
    """What the services noted last, whether there is more of it, and who does not answer. Ids are in order of time."""
    names = [name for name in console.neighbours if name != "console"]
    at = {"limit": limit, "after": cursor(before) if before else None}
    answers = await asyncio.gather(
        *(told(console.neighbours[name].get("/admin/audit", "operator", **at), name) for name in names)
    )
    listed = zip(names, answers, strict=True)
    noted = [{"service": name, **_entry(one)} for name, answer in listed for one in answer.items()]
    noted.sort(key=lambda one: str(one["id"]), reverse=True)
    more = len(noted) > limit or any(answer.next for answer in answers)
    return noted[:limit], more, [answer.away for answer in answers if answer.away]


def _entry(one: JsonObject) -> JsonObject:
    known = {"_id", "at", "who", "action", "target", "reason"}
    return {
        "id": one.get("_id"), "at": one.get("at"), "who": one.get("who"), "action": one.get("action"),
        "target": one.get("target"), "reason": one.get("reason"),
        "about": {key: value for key, value in one.items() if key not in known},
    }  # fmt: skip
