"""Why does Rosa have no hours? Search, and one educator on one screen; merging with a look at what it would do."""

import asyncio
from typing import Any

from eventing.http import Page, ProblemError
from services.console.asked import Asked, Console, Told, page_cursor, told
from services.console.neighbours import path
from services.console.policy import May, kept_key
from services.console.state import JsonObject
from services.console.steps import merge_outcome, standing, tracks
from services.console.streams import row

SHOWN_AT_FIRST = 50
# What a page shows of a service that does not answer, or has never heard of somebody.
NO_RECORD: JsonObject = {"profile": None, "erased": False, "aliases": []}
NO_HOURS: JsonObject = {"total_minutes": None, "by_designation": {}, "renewal": [], "entries": [], "held": []}


async def search(console: Console, asked: Asked) -> JsonObject:
    """Educators by id, e-mail address, NEA member id or a part of the name: ?q=. Who may not see people: by id."""
    wanted, years = asked.text("q"), [year.id for year in console.programs]
    if wanted is None:
        nobody: JsonObject = {"q": None, "items": [], "next": None, "more": False, "away": ""}
        return nobody | {"by_id_only": not asked.may(May.SEE_PEOPLE), "years": years}
    enrollment = console.neighbours["enrollment"]
    asks = [told(enrollment.get(path("educators", wanted), "staff"), "enrollment")]
    if asked.may(May.SEE_PEOPLE):
        fields = ("email",) if "@" in wanted else ("name", "nea_member_id")
        asks += [
            told(enrollment.get("/educators", "staff", limit=50, **{field: wanted}), "enrollment") for field in fields
        ]
    by_id, *others = await asyncio.gather(*asks)
    found = {one["educator_id"]: one for other in others for one in other.items()}
    if isinstance(by_id.content, dict) and "educator_id" in by_id.content:
        profile = by_id.content.get("profile") or {}
        one = {field: profile.get(field) for field in ("name", "email", "nea_member_id", "certificate_number")}
        found[by_id.content["educator_id"]] = {"educator_id": by_id.content["educator_id"], **one, "alias_of": None}
    return {
        "q": wanted,
        "items": list(found.values()),
        "next": None,
        "more": any(other.next is not None for other in others),
        "by_id_only": not asked.may(May.SEE_PEOPLE),
        "years": years,
        "away": by_id.away,
    }


async def educator(console: Console, asked: Asked) -> JsonObject:
    """One educator: the steps, the ledger, what is held and why, e-mails, exceptions, links, and the timeline."""
    id = asked.parts["id"]
    enrollment, clockhours, notifications = (
        console.neighbours[n] for n in ("enrollment", "clockhours", "notifications")
    )
    record, hours, exceptions, messages, links = await asyncio.gather(
        told(enrollment.get(path("educators", id), "staff"), "enrollment"),
        told(clockhours.get(path("educators", id) + "/clock-hours", "staff"), "clockhours"),
        told(clockhours.get("/exceptions", "staff", educator_id=id, limit=200), "clockhours"),
        told(notifications.get("/messages", "staff", educator_id=id, limit=100), "notifications"),
        told(enrollment.get("/links", "staff", educator_id=id, limit=100), "enrollment"),
    )
    known: JsonObject = record.content or {}
    ledger: JsonObject = NO_HOURS | (hours.content or {})
    kept_id = known.get("educator_id", id)
    under, history = await console.store.timeline(_keys(console, kept_id, known, links), limit=SHOWN_AT_FIRST)
    if not known and not history and not ledger.get("entries") and not record.away:
        raise ProblemError(404, "unknown_educator", f"No event has named {id}.")
    entries = ledger.get("entries", [])
    return {
        "educator_id": kept_id,
        "asked_id": id,
        "record": NO_RECORD | known,
        "hours": ledger,
        "tracks": tracks(known, ledger),
        "without_workshop": [row["micro_credential_id"] for row in ledger["held"] if "workshop" in row["missing"]],
        "standing": [entry["entry_id"] for entry in standing(entries)],
        "attendances": sorted(
            (*known.get("orientations", []), *known.get("workshops", [])), key=lambda one: str(one["ended_at"])
        ),
        "exceptions": exceptions.items(),
        "messages": messages.items(),
        "links": links.items(),
        "timeline": [row(one, asked) for one in history],
        "timeline_next": page_cursor(under, SHOWN_AT_FIRST),
        "catalogue": sorted({entry.id for year in console.programs for entry in year.micro_credentials}),
        "away": _away(record, hours, messages),
    }


async def timeline(console: Console, asked: Asked) -> JsonObject:
    """Everything in and out about one educator (or under any key), across services, the newest first."""
    id, limit = asked.parts["id"], asked.number("limit", 100, 500)
    page = Page(limit, asked.text("after"))
    enrollment = console.neighbours["enrollment"]
    record, links = await asyncio.gather(
        told(enrollment.get(path("educators", id), "staff"), "enrollment"),
        told(enrollment.get("/links", "staff", educator_id=id, limit=100), "enrollment"),
    )
    known: JsonObject = record.content or {}
    keys = _keys(console, known.get("educator_id", id), known, links)
    under, history = await console.store.timeline(keys, before=page.moment, limit=limit)
    return {
        "educator_id": known.get("educator_id", id),
        "keys": len(keys),
        "items": [row(one, asked) for one in history],
        "next": page_cursor(under, limit),
        "away": record.away,
    }


async def merge(console: Console, asked: Asked) -> JsonObject:
    """What merging ?merged_educator_id= into this educator would do to the ledger: nothing is done yet."""
    id, other = asked.parts["id"], asked.text("merged_educator_id")
    if other is None:
        nothing: JsonObject = {"other_id": None, "kept": None, "merged": None, "doubles": [], "refused": "", "away": []}
        return {"educator_id": id, **nothing}
    kept, merged, kept_hours, merged_hours = await asyncio.gather(
        *(
            told(console.neighbours["enrollment"].get(path("educators", one), "staff"), "enrollment")
            for one in (id, other)
        ),
        *(
            told(console.neighbours["clockhours"].get(path("educators", one) + "/clock-hours", "staff"), "clockhours")
            for one in (id, other)
        ),
    )
    ours, theirs = kept_hours.content or {}, merged_hours.content or {}
    return {
        "educator_id": id,
        "other_id": other,
        "kept": _side(id, kept, ours),
        "merged": _side(other, merged, theirs),
        "doubles": merge_outcome(ours.get("entries", []), theirs.get("entries", [])),
        "refused": "" if _away(kept, merged) else refusal(id, other, kept.content or {}, merged.content or {}),
        "away": _away(kept, merged, kept_hours, merged_hours),
    }


def refusal(id: str, other: str, kept: JsonObject, merged: JsonObject) -> str:
    """Why this merge is none, or enrollment would refuse it, as far as one can see from here; empty where it is one.

    Enrollment would merge an id that no event has named, too. Typed by a person, it is a typing error: whoever comes
    to have that id would be read as this educator.
    """
    if id == other:
        return "An account cannot be merged with itself."
    for one, record in ((id, kept), (other, merged)):
        if not record:
            return f"No event has named {one}."
    if merged.get("educator_id", other) != other:
        return f"{other} is merged into {merged['educator_id']} already."
    if other in kept.get("aliases", []) or kept.get("educator_id", id) == other:
        return f"{id} is merged into {other} already."
    return ""


def _side(id: str, record: Told, hours: JsonObject) -> JsonObject:
    known: JsonObject = record.content or {}
    return {
        "educator_id": id,
        "known": bool(known or record.away),
        "profile": known.get("profile"),
        "aliases": known.get("aliases", []),
        "total_minutes": hours.get("total_minutes"),
        "entries": [dict(entry) for entry in standing(hours.get("entries", []))],
        "held": hours.get("held", []),
    }


def _keys(console: Console, id: str, known: JsonObject, links: Told) -> list[str]:
    """The keys that this educator's records stand under, in the form in which they are kept.

    Those of their learners too: what NEA said before the profile came has led to nothing under the educator's own key.
    """
    secret = console.settings.secret.get_secret_value()
    aliases: list[Any] = known.get("aliases", [])
    learners = [link["intake_key"] for link in links.items() if "intake_key" in link]
    return [kept_key(str(key), secret) for key in (id, *aliases, *learners)]


def _away(*answers: Told) -> list[str]:
    return sorted({answer.away for answer in answers if answer.away})
