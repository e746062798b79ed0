"""What staff do from the command line: portal events, and the services' own actions, as over HTTP."""

import getpass
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from eventing.clock import system_now
from wea.api import System, path
from wea.errors import UserError

SOURCE = "/wea/staff"
NOT_KNOWN = dict.fromkeys(("name", "email", "nea_member_id", "certificate_number", "alias_of"))


def tell(system: System, type: str, data: Mapping[str, Any]) -> str:
    """Send a portal event as staff. Returns its id, made of what it says, by whom, and when."""
    data = {**data, "by": user()}
    stamp = f"{system_now().isoformat()} {type} {orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()}"
    id = str(uuid5(NAMESPACE_URL, stamp))
    now = system.status["now"]
    event = {"specversion": "1.0", "id": id, "source": SOURCE, "type": type, "time": now, "data": data}
    system.portal(event, role="staff")
    return id


def user() -> str:
    """Who sits at this machine, for the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def find(system: System, wanted: str) -> list[dict[str, Any]]:
    """Educators by id, e-mail address, NEA member id or a part of the name, each once."""
    fields = ("email",) if "@" in wanted else ("name", "nea_member_id")
    rows = [row for field in fields for row in system.items("enrollment", "/educators", **{field: wanted})]
    known = system.find("enrollment", path("educators", wanted))
    if known is not None:
        rows.insert(0, {**NOT_KNOWN, **(known["profile"] or {}), "educator_id": known["educator_id"]})
    return list({row["educator_id"]: row for row in reversed(rows)}.values())[::-1]


def educator(system: System, id: str) -> dict[str, Any]:
    """All that the services say of an educator: the record, the clock hours, the messages."""
    return {
        "record": record(system, id),
        "clock_hours": system.get("clockhours", path("educators", id, "clock-hours")),
        "messages": list(system.items("notifications", "/messages", educator_id=id)),
    }


def record(system: System, id: str) -> dict[str, Any]:
    """Enrollment's record. Raises UserError for an id that no event has named: it is a typing error."""
    found = system.find("enrollment", path("educators", id))
    if found is None:
        raise UserError(f"no event has named the educator {id}.")
    known: dict[str, Any] = found
    return known


def merge(system: System, kept: str, merged: str, reason: str) -> str:
    """Raises UserError where enrollment would refuse it and open a case."""
    root = record(system, merged)["educator_id"]
    if kept == merged:
        raise UserError("an account cannot be merged with itself.")
    if root != merged:
        raise UserError(f"{merged} is merged into {root} already.")
    if record(system, kept)["educator_id"] == merged:
        raise UserError(f"{kept} is merged into {merged} already.")
    return tell(system, "educator.merged", {**_pair(kept, merged), "reason": reason})


def unmerge(system: System, kept: str, merged: str, reason: str) -> str:
    """Raises UserError where there is no such merge. Of a chain, `kept` may be the account that all is read under."""
    found = record(system, merged)
    into = found["merged_into"].get(merged)
    if into is None or kept not in (into, found["educator_id"]):
        raise UserError(f"{merged} is not merged into {kept}.")
    return tell(system, "educator.unmerged", {**_pair(into, merged), "reason": reason})


def _pair(kept: str, merged: str) -> dict[str, str]:
    return {"kept_educator_id": kept, "merged_educator_id": merged}


def erase(system: System, id: str, reason: str) -> str:
    record(system, id)
    return tell(system, "educator.erased", {"educator_id": id, "reason": reason})


def link(system: System, learner: str, educator_id: str, reason: str) -> Any:
    """Say who an unmatched learner is."""
    return system.post("enrollment", path("unmatched", learner, "link"), {"educator_id": educator_id, "reason": reason})


def unlink(system: System, learner: str, reason: str) -> Any:
    return system.post("enrollment", path("links", learner, "unlink"), {"reason": reason})


def verdict(system: System, exception_id: str, what: str, by: str, reason: str) -> Any:
    """Accept or dismiss an exception."""
    return system.post("clockhours", path("exceptions", exception_id, what), {"by": by or user(), "reason": reason})


def correct(
    system: System, educator_id: str, session_id: str, minutes: int, reason: str, allocation: Mapping[str, str | None]
) -> str:
    """Correct an attendance. `allocation` is empty, or names the micro-credential (None clears it)."""
    known = record(system, educator_id)
    attended = [row["session_id"] for row in (*known["orientations"], *known["workshops"])]
    if session_id not in attended:
        sessions = ", ".join(attended) or "none"
        raise UserError(f"{educator_id} has no attendance of {session_id} (attended: {sessions}).")
    data = {"educator_id": educator_id, "session_id": session_id, "minutes": minutes, "reason": reason, **allocation}
    return tell(system, "attendance.corrected", data)
