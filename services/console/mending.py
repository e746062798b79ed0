"""Mending what is stuck: one lane, or a group by a repair that runs in the background. Always first as a preview."""

from dataclasses import replace
from typing import Any

import orjson

from contracts import strict_json
from eventing.clock import system_now
from eventing.http import ProblemError
from services.console import repairs
from services.console.asked import Asked, Console, Done, service_of
from services.console.neighbours import path
from services.console.policy import restored, shown_key
from services.console.state import JsonObject
from services.console.stuck import key_of, lanes_of, read_value

PREVIEWED_OF_A_GROUP = 5


async def retry(console: Console, asked: Asked) -> Done:
    """Try a parked lane from its head; what stands behind it follows in order."""
    return await _mend(console, asked, "retry", {})


async def skip(console: Console, asked: Asked) -> Done:
    """Take the head of a lane out, into quarantine where it is kept whole, and go on with what stood behind it."""
    outcome, key = await _mended(console, asked, "skip", {"event_id": asked.query.get("event_id")})
    taken = outcome.get("skipped")
    if asked.dry_run:
        back = " There is no way back into the lane." if taken else ""
        sentence = f"Would {_skipping(taken)[0]}{back}"
        return Done(sentence, dry_run=True, facts={"skipped": taken, "left": outcome["left"]})
    then = said(outcome, service_of(console, asked), key)
    return replace(
        then, sentence=f"{_skipping(taken)[1]} {then.sentence}", ok=True, facts=then.facts | {"skipped": taken}
    )


async def edit(console: Console, asked: Asked) -> Done:
    """Give the head of a lane other data (its id, type, time and key stay) and try it."""
    key = await key_of(console, asked)
    listed = await console.neighbours[service_of(console, asked)].get(path("admin", "parked", key), "operator")
    head, meant = listed["items"][0], asked.query.get("event_id")
    if meant and head["event_id"] != meant:  # else the data of one record would be written over another
        raise ProblemError(409, "another_head", "Another record stands here by now: load the page again.")
    original = read_value(head["value"])
    data = restored(_data(asked), original.get("data") if isinstance(original, dict) else None)
    # Hidden values are put back from this very record, so the edit is for no other that may be the head by now.
    return await _mend(console, asked, "edit", {"data": data, "event_id": head["event_id"]})


async def retry_group(console: Console, asked: Asked) -> Done:
    """Try every lane that is parked for one reason. A preview tries the first few; the real one runs as a repair."""
    service, wanted = service_of(console, asked), asked.parts["fingerprint"]
    lanes, away = await lanes_of(console, [service])
    keys = [str(one["key"]) for one in lanes if one["fingerprint"] == wanted]
    if away or not keys:
        sentence = f"{service} does not answer now." if away else "Nothing is parked for this reason any more."
        return Done(sentence, ok=not away, link="/parked")
    if asked.dry_run:
        return await _preview_group(console, asked, keys)
    id = await repairs.begin(console.store.db, service, wanted, keys, _reason(asked), asked.who.name, system_now())
    return Done(f"Retrying {len(keys)} keys.", link=f"/repairs/{id}", facts={"repair": id})


async def cancel_repair(console: Console, asked: Asked) -> Done:
    """Stop a repair after the key in hand. What was retried stays retried, the rest stays parked."""
    if asked.dry_run:
        return Done("Would stop after the key in hand.", dry_run=True)
    await repairs.cancel(console.store.db, asked.parts["id"])
    return Done("It stops after the key in hand.", link=f"/repairs/{asked.parts['id']}")


async def seen(console: Console, asked: Asked) -> Done:
    """Say that what stands in a service's quarantine was looked at: only newer records ask for a person again."""
    service = service_of(console, asked)
    count = asked.whole("count")
    if asked.dry_run:
        return Done(f"Would mark {count} records of {service} as looked at.", dry_run=True)
    await console.store.looked(service, count, asked.who.name, system_now())
    return Done(f"{count} records of {service} are marked as looked at.", link="/quarantine")


async def stop_mail(console: Console, asked: Asked) -> Done:
    """Stop all mail. It waits in the queue until it is started again."""
    return await _switch(console, asked, "stop", "All mail is stopped and waits.", "start the mail.")


async def start_mail(console: Console, asked: Asked) -> Done:
    """Let mail go out again."""
    return await _switch(console, asked, "start", "Mail goes out again.", "stop the mail.")


async def _switch(console: Console, asked: Asked, how: str, sentence: str, undo: str) -> Done:
    if asked.dry_run:
        return Done(f"Would {how} all mail.", dry_run=True)
    await console.neighbours["notifications"].post(path("mail", how), "operator", {"reason": _reason(asked)})
    return Done(sentence, link="/messages", undo=undo)


async def _mend(console: Console, asked: Asked, how: str, more: JsonObject) -> Done:
    outcome, key = await _mended(console, asked, how, more)
    return said(outcome, service_of(console, asked), key)


async def _mended(console: Console, asked: Asked, how: str, more: JsonObject) -> tuple[JsonObject, str]:
    """What the service says came of it, and the lane's key as it may be shown; afterwards no lane is found by it."""
    service, key = service_of(console, asked), await key_of(console, asked)
    body = {"reason": _reason(asked), "dry_run": asked.dry_run, **more}
    outcome: JsonObject = await console.neighbours[service].post(path("admin", "parked", key, how), "operator", body)
    return outcome, shown_key(key, asked.who)


def _skipping(taken: JsonObject | None) -> tuple[str, str]:
    """What is taken out of a lane: what a preview says of it, and what is said once it is done."""
    if taken is None:
        return (
            "take nothing out: another record is first by now.",
            "Nothing was taken out: that was done before, or another record is first by now.",
        )
    if "missing" in taken:
        waits = f"{taken['missing']} is missing: {taken['before']} is tried without it."
        return f"go on, though {waits}", f"Gone on, though {waits}"
    what = f"{taken['type'].removeprefix('org.washingtonea.').removesuffix('.v1')} {taken['event_id']}"
    return f"take {what} out, into quarantine.", f"{what} was taken out, into quarantine."


def said(outcome: JsonObject, service: str, key: str) -> Done:
    """A service's outcome in words."""
    reason, applied, left = outcome.get("reason"), outcome["applied"], outcome["left"]
    facts: JsonObject = {"events": outcome.get("events", []), "reason": why(reason), "applied": applied, "left": left}
    if outcome["dry_run"]:
        if reason:
            return Done(f"It would stay parked: {why(reason)}.", ok=False, dry_run=True, facts=facts)
        told = f" and publish {len(facts['events'])} events" if facts["events"] else ", with nothing new to publish"
        return Done(f"The first record would be applied{told}.", dry_run=True, facts=facts)
    if left:
        return Done(f"{applied} applied, {left} still parked: {why(reason)}.", ok=False, link="/parked", facts=facts)
    return Done(f"{applied} applied; nothing is parked under {key} in {service} any more.", link="/parked", facts=facts)


def why(reason: Any) -> str:
    if not isinstance(reason, dict):
        return ""
    return f"{reason.get('code', '')} {reason.get('detail', '')}".strip()


async def _preview_group(console: Console, asked: Asked, keys: list[str]) -> Done:
    service = service_of(console, asked)
    would, body = 0, {"reason": _reason(asked), "dry_run": True}
    for key in keys[:PREVIEWED_OF_A_GROUP]:
        outcome = await console.neighbours[service].post(path("admin", "parked", key, "retry"), "operator", body)
        would += not outcome.get("reason")
    tried = min(len(keys), PREVIEWED_OF_A_GROUP)
    stay = tried - would
    sentence = f"Of {len(keys)} keys the first {tried} were tried: {would} would be applied, {stay} would stay parked."
    return Done(sentence, ok=would > 0, dry_run=True, facts={"keys": len(keys), "tried": tried, "would_apply": would})


def _data(asked: Asked) -> Any:
    given = asked.query.get("data")
    if isinstance(given, str):
        try:
            orjson.loads(given)  # which says where a fault is
            given = strict_json.loads(given.encode())
        except ValueError as error:
            raise ProblemError(422, "invalid", f"The data is not JSON: {error}.") from None
    if not isinstance(given, dict):
        raise ProblemError(422, "invalid", "The data is a JSON object.", errors=[{"field": "data", "reason": "object"}])
    return given


def _reason(asked: Asked) -> str:
    return f"{asked.required('reason')[:900]} ({asked.who.name})"
