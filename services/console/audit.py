"""Who did what, when and why: the console's own trail, by people's names, and what the services noted by key."""

import asyncio
from datetime import timedelta
from typing import Any

from eventing.audit import record_action
from eventing.clock import system_now
from eventing.http import Caller, cursor
from eventing.mongo import Database, faults
from services.console.asked import Asked, Console
from services.console.policy import May
from services.console.state import JsonObject
from services.console.stuck import all_of

DAYS_SHOWN = 7


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
    """What was done through the console, the newest first, and what each service noted of late."""
    limit = asked.number("limit", 100, 1000)
    wanted: dict[str, Any] = {"_id": {"$lt": before}} if (before := asked.text("before")) else {}
    with faults():
        ours = await console.store.db["audit"].find(wanted).sort("_id", -1).limit(limit).to_list(None)
    since = cursor(f"{system_now() - timedelta(days=DAYS_SHOWN):%Y%m%d}")
    names = [name for name in console.neighbours if name != "console"]
    answers = await asyncio.gather(*(all_of(console, name, "/admin/audit", since) for name in names))
    theirs = [{"service": name, **_entry(one)} for name, (rows, _) in zip(names, answers, strict=True) for one in rows]
    return {
        "items": [_entry(one) for one in ours],
        "next": ours[-1]["_id"] if len(ours) == limit else None,
        "services": sorted(theirs, key=lambda one: str(one["at"]), reverse=True)[:500],
        "days": DAYS_SHOWN,
        "away": [answer.away for _, answer in answers if answer.away],
        "sees_reasons": asked.may(May.READ_AUDIT),
    }


def _entry(one: JsonObject) -> JsonObject:
    known = {"_id", "at", "who", "action", "target", "reason"}
    return {
        "id": one.get("_id"), "at": one.get("at"), "who": one.get("who"), "action": one.get("action"),
        "target": one.get("target"), "reason": one.get("reason"),
        "about": {key: value for key, value in one.items() if key not in known},
    }  # fmt: skip
