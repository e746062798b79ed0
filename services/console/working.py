"""What staff do for educators: each act is an event or a call to the service that owns it, which audits it too."""

import secrets
from hashlib import sha256
from typing import Any

import orjson

from eventing.http import ProblemError
from services.console.asked import Asked, Console, Done
from services.console.educators import refusal
from services.console.neighbours import RefusedByServiceError, path
from services.console.state import JsonObject

CLOUDEVENT = "application/cloudevents+json"
MOST_MINUTES = 1440


async def correct(console: Console, asked: Asked) -> Done:
    """Correct an attendance: its minutes, or the micro-credential that its workshop opens ("none" clears it)."""
    id, session = asked.parts["id"], asked.required("session_id")
    data: JsonObject = {"educator_id": id, "session_id": session, "minutes": await _minutes(console, asked, session)}
    named = asked.text("micro_credential_id")
    if named is not None:
        data["micro_credential_id"] = None if named == "none" else named
    what = f"session {session}: {data['minutes']} minutes"
    what += f", for {data['micro_credential_id']}" if data.get("micro_credential_id") else ""
    if asked.dry_run:
        return Done(f"Would correct {what}.", dry_run=True)
    if not await _tell_enrollment(console, asked, "attendance.corrected", data | {"reason": _reason(asked)}):
        return _sent_before(id)
    return Done(
        f"Corrected {what}. The hours follow within a second or so.",
        link=_educator(id),
        undo="correct it again: every correction stays on record, the newest counts.",
    )


async def merge(console: Console, asked: Asked) -> Done:
    """Read two accounts as one person, under the kept id."""
    kept, merged = asked.parts["id"], asked.required("merged_educator_id")
    ours = await _record_of(console, kept)
    refused = refusal(kept, merged, ours, await _record_of(console, merged))
    if refused:
        return Done(refused, ok=False)
    if asked.dry_run:
        return Done(f"Would read {merged} as {kept}.", dry_run=True)
    data = {"kept_educator_id": kept, "merged_educator_id": merged, "reason": _reason(asked)}
    if not await _tell_enrollment(console, asked, "educator.merged", data):
        return _sent_before(kept)
    return Done(
        f"{merged} is read as {kept} from now on.", link=_educator(kept), undo="unmerge, on this educator's page."
    )


async def unmerge(console: Console, asked: Asked) -> Done:
    """Take a merge back: both accounts are judged again, each by what came under its own id."""
    kept, merged = asked.parts["id"], asked.required("merged_educator_id")
    into = (await _record_of(console, kept)).get("merged_into", {}).get(merged)
    if into is None:
        return Done(f"{merged} is not merged into {kept}.", ok=False, dry_run=asked.dry_run)
    if asked.dry_run:
        return Done(f"Would read {merged} and {kept} as two people again.", dry_run=True)
    # Of a chain the page names the last account; what is taken back is the merge that was told.
    data = {"kept_educator_id": into, "merged_educator_id": merged, "reason": _reason(asked)}
    if not await _tell_enrollment(console, asked, "educator.unmerged", data):
        return _sent_before(kept)
    return Done(f"{merged} and {kept} are two people again.", link=_educator(kept), undo="merge them again.")


async def link(console: Console, asked: Asked) -> Done:
    """Say which educator a learner of NEA's is; covers all that NEA says of this learner, earlier and later."""
    learner, educator = asked.parts["id"], asked.required("educator_id")
    if asked.dry_run:
        known = await _record_of(console, educator)
        if not known:
            return Done(f"No event has named {educator}.", ok=False, dry_run=True)
        return Done(f"Would link this learner to {known['educator_id']}.", dry_run=True)
    body = {"educator_id": educator, "reason": _reason(asked)}
    await console.neighbours["enrollment"].post(path("unmatched", learner, "link"), "staff", body)
    return Done(f"Linked to {educator}.", link=_educator(educator), undo="unlink, on the educator's page.")


async def unlink(console: Console, asked: Asked) -> Done:
    """Take a link or a match back, with all its effects."""
    if asked.dry_run:
        return Done("Would take this link and all its effects back.", dry_run=True)
    await console.neighbours["enrollment"].post(
        path("links", asked.parts["id"], "unlink"), "staff", {"reason": _reason(asked)}
    )
    return Done("Unlinked. The learner waits among the unmatched.", link="/unmatched", undo="link it again.")


async def accept(console: Console, asked: Asked) -> Done:
    """Count a late attempt as on time."""
    return await _settle_case(console, asked, "accept", "Accepted: the attempt counts as on time.")


async def dismiss(console: Console, asked: Asked) -> Done:
    """Leave a case as it is: somebody has looked."""
    return await _settle_case(console, asked, "dismiss", "Dismissed.")


async def resend(console: Console, asked: Asked) -> Done:
    """Send an e-mail again, as things stand now."""
    if asked.dry_run:
        return Done("Would send this e-mail again, as things stand now.", dry_run=True)
    body = {"reason": _reason(asked)}
    notifications = console.neighbours["notifications"]
    answer = await notifications.post(path("messages", asked.parts["id"], "resend"), "staff", body)
    underway = answer["status"] in {"queued", "sending"}
    said = "It will be sent again." if underway else "Nothing changed: the same was asked with this reason before."
    return Done(said, link="/messages")


async def resolve_task(console: Console, asked: Asked) -> Done:
    """A task of the mail's is seen to."""
    if asked.dry_run:
        return Done("Would close this task.", dry_run=True)
    body = {"by": asked.who.name, "reason": asked.required("reason")}
    await console.neighbours["notifications"].post(path("tasks", asked.parts["id"], "resolve"), "staff", body)
    return Done("Closed.", link="/messages")


async def _settle_case(console: Console, asked: Asked, verdict: str, sentence: str) -> Done:
    if asked.dry_run:
        return Done(
            f"Would {verdict} this case. There is no way back: the opposite verdict is refused afterwards.",
            dry_run=True,
        )
    body = {"by": asked.who.name, "reason": asked.required("reason")}
    await console.neighbours["clockhours"].post(path("exceptions", asked.parts["id"], verdict), "staff", body)
    return Done(sentence, link="/exceptions?status=open")


async def _minutes(console: Console, asked: Asked, session: str) -> int:
    """The minutes given, else those that the attendance has now."""
    text = asked.text("minutes") or str(asked.query.get("minutes", ""))
    if text:
        if not (text.isascii() and text.isdecimal() and int(text[:9]) <= MOST_MINUTES):
            fault = {"field": "minutes", "reason": f"0 to {MOST_MINUTES}"}
            raise ProblemError(422, "invalid", f"Minutes are 0 to {MOST_MINUTES}.", errors=[fault])
        return int(text)
    known = await _record_of(console, asked.parts["id"])
    for attended in (*known.get("workshops", []), *known.get("orientations", [])):
        if attended["session_id"] == session:
            return int(attended["attended_minutes"])
    raise ProblemError(422, "unknown_session", f"No attendance of {session} is on record: give the minutes.")


async def _record_of(console: Console, id: str) -> JsonObject:
    """The educator's record; empty for an id never seen."""
    try:
        found: JsonObject = await console.neighbours["enrollment"].get(path("educators", id), "staff")
    except RefusedByServiceError as refused:
        if refused.status == 404:
            return {}
        raise
    return found


async def _tell_enrollment(console: Console, asked: Asked, type: str, data: JsonObject) -> bool:
    """Tell enrollment, as the portal would; False where this very form was taken before.

    The form's token and what it says make the id: a second click is the same event, and another correction from the
    page that stayed open is another.
    """
    token = asked.text("act") or secrets.token_urlsafe(12)
    says = sha256(orjson.dumps([type, data], option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    event: dict[str, Any] = {
        "specversion": "1.0", "id": f"console-{token}-{says}", "source": "/console", "type": type,
        "time": console.clock().isoformat(), "datacontenttype": "application/json", "data": data,
    }  # fmt: skip
    try:
        await console.neighbours["enrollment"].post("/portal/events", "staff", event, content_type=CLOUDEVENT)
    except RefusedByServiceError as refused:
        if refused.status != 409:  # 409: of this id with another time, so it was taken when it was sent first
            raise
        return False
    return True


def _sent_before(id: str) -> Done:
    return Done(
        "This was sent before and taken then; nothing more was done. To do it once more, load the page again.",
        link=_educator(id),
    )


def _reason(asked: Asked) -> str:
    """The reason with the person's name: the service knows only the console's key."""
    return f"{asked.required('reason')[:900]} ({asked.who.name})"


def _educator(id: str) -> str:
    return path("educators", id)
