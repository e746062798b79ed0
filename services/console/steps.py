"""An educator's way as a picture, and what a merge would do: read off what the services say. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.console.state import JsonObject

DONE, MISSING, OPEN = "done", "missing", "open"


def tracks(record: Mapping[str, Any], hours: Mapping[str, Any]) -> list[JsonObject]:
    """One track a micro-credential: its steps in order, each done, missing (hours wait for it) or open.

    What hours wait for is clockhours' word (`held`); the dates beside it are enrollment's.
    """
    held = {row["micro_credential_id"]: row for row in hours.get("held", [])}
    granted = {
        e["micro_credential_id"]: e for e in standing(hours.get("entries", [])) if e["kind"] == "micro_credential"
    }
    known = {one["id"]: one for one in record.get("micro_credentials", [])}
    return [
        {
            "micro_credential_id": id,
            "title": known.get(id, {}).get("title"),
            "minutes": (granted.get(id) or held.get(id) or {}).get("minutes"),
            "missing": list(held[id]["missing"]) if id in held else [],
            "state": "granted" if id in granted else "held" if id in held else "none",
            "steps": _steps(id, known.get(id, {}), record, hours, held.get(id), granted.get(id)),
        }
        for id in sorted({*held, *granted, *known} - {None})
    ]


def _steps(
    id: str,
    credential: Mapping[str, Any],
    record: Mapping[str, Any],
    hours: Mapping[str, Any],
    held: Mapping[str, Any] | None,
    granted: Mapping[str, Any] | None,
) -> list[JsonObject]:
    missing = set(held["missing"]) if held else set()
    workshop = next((w for w in record.get("workshops", []) if w["micro_credential_id"] == id and w["minutes"]), None)
    submitted = [a for s in credential.get("submissions", []) for a in s["attempts"] if a["submitted_at"]]
    first = submitted[0]["submitted_at"] if submitted else None
    orientation = hours.get("orientation_completed_at") or record.get("orientation_completed_at")

    def step(name: str, at: Any, code: str | None = None, detail: str = "") -> JsonObject:
        state = MISSING if code in missing else DONE if at or granted else OPEN
        return {"step": name, "state": state, "at": at, "detail": detail}

    registered = step("Registered with NEA", credential.get("registered_at"))
    if credential.get("submissions") and not registered["at"]:  # NEA takes none from whoever has not registered
        registered |= {"state": DONE, "detail": "as the submission implies"}
    return [
        step("Orientation", orientation, "orientation"),
        registered,
        step("Registered for clock hours", credential.get("clock_hours_registered_at"), "clock_hours_registration"),
        step("Workshop", workshop and workshop["ended_at"], "workshop"),
        step("Submitted on time", first, "on_time_submission", _lateness(submitted)),
        step("Awarded", credential.get("awarded_at"), "award", _last_word(credential)),
        {
            "step": "Clock hours", "state": DONE if granted else MISSING if held else OPEN,
            "at": granted and granted["granted_at"], "detail": "",
        },
    ]  # fmt: skip


def _lateness(attempts: Iterable[Mapping[str, Any]]) -> str:
    judged = [a["on_time"] for a in attempts]
    return "late" if False in judged and True not in judged else ""


def _last_word(credential: Mapping[str, Any]) -> str:
    decided = [a for s in credential.get("submissions", []) for a in s["attempts"] if a["decided_at"]]
    last = max(decided, key=lambda a: (a["attempt"], a["decided_at"]), default=None)
    awarded, revoked = credential.get("awarded_at"), credential.get("revoked_at")
    if revoked and (not awarded or str(revoked) >= str(awarded)):
        return "revoked"
    return str(last["decision"]).replace("_", " ") if last and last["decision"] != "awarded" else ""


def standing(entries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The entries that nothing has reversed."""
    listed = list(entries)
    reversed_ids = {e["reverses"] for e in listed if e.get("reverses")}
    return [e for e in listed if not e.get("reverses") and e["entry_id"] not in reversed_ids]


def merge_outcome(kept: Iterable[Mapping[str, Any]], merged: Iterable[Mapping[str, Any]]) -> list[JsonObject]:
    """Of doubles (orientation, session, micro-credential) the one completed earliest stays, the other is reversed."""

    def subject(entry: Mapping[str, Any]) -> tuple[str, Any]:
        if entry["kind"] == "orientation":
            return "orientation", None
        return entry["kind"], entry.get("session_id") if entry["kind"] == "workshop" else entry.get(
            "micro_credential_id"
        )

    ours = {subject(e): e for e in standing(kept)}
    doubles = []
    for entry in standing(merged):
        other = ours.get(subject(entry))
        if other is not None:
            stays, goes = sorted((other, entry), key=lambda e: (str(e["completed_at"]), e["entry_id"]))
            doubles.append({"kind": entry["kind"], "of": subject(entry)[1], "stays": stays, "reversed": goes})
    return doubles
