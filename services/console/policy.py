"""Who may do what, who sees what of a person, and what needs a person. Pure."""

import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from contracts import nea, portal, topics
from contracts.cloudevents import ATTRIBUTES
from services.console.state import Attention, Group, Process, Role, Sight, Who


class May(StrEnum):
    """What a page or an action asks for."""

    LOOK = "look"
    SEE_PEOPLE = "see_people"  # names, addresses, member ids
    WORK = "work"  # link, allocate, correct, merge, accept, dismiss, transcripts
    MEND = "mend"  # retry, skip, edit; stop and start the mail
    READ_AUDIT = "read_audit"


GRANTS: Mapping[Role, frozenset[May]] = {
    Role.VIEWER: frozenset({May.LOOK}),
    Role.STAFF: frozenset({May.LOOK, May.SEE_PEOPLE, May.WORK, May.READ_AUDIT}),
    Role.OPERATOR: frozenset({May.LOOK, May.MEND, May.READ_AUDIT}),
}


def may(who: Who, what: May) -> bool:
    return any(what in GRANTS[role] for role in who.roles)


# Fields whose values tell who somebody is, wherever they stand in an event or an answer.
PERSONAL = frozenset(
    {
        "name", "first_name", "email", "nea_member_id", "certificate_number", "district", "to", "subject",
        "credential_url", "learner_id", "number", "intake_key",
    }
)  # fmt: skip
HIDDEN = "•••"
# Where others than our services wrote what stands there, and the names that they may use, but for those of free text.
STRANGE = frozenset({topics.PORTAL.name, topics.INBOX.name, nea.SOURCE})
SAID = {name for model in (*portal.MODELS.values(), *nea.MODELS.values()) for name in model.model_fields}
PLAIN = frozenset(SAID | ATTRIBUTES | {"partitionkey", "timestamp"}) - PERSONAL - {"reason", "roles", "learner"}


def masked(content: Any) -> Any:
    """The same with personal data hidden. What is absent stays visibly absent."""
    if isinstance(content, Mapping):
        return {name: _hidden(value) if name in PERSONAL else masked(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [masked(one) for one in content]
    return content


def masked_of_strangers(content: Any, name: str = "") -> Any:
    """The same with all hidden but what stands under a name that we know: any other may tell who somebody is."""
    if isinstance(content, Mapping):
        return {inner: masked_of_strangers(value, inner) for inner, value in content.items()}
    if isinstance(content, list):
        return [masked_of_strangers(one, name) for one in content]
    return content if content is None or isinstance(content, bool) or name in PLAIN else HIDDEN


def visible(value: Any, topic: str, who: Who) -> Any:
    """What stands in a record of this topic, as this one may see it. Its key may be NEA's member id, too."""
    if isinstance(value, Mapping) and isinstance(value.get("partitionkey"), str):
        value = {**value, "partitionkey": shown_key(value["partitionkey"], who)}
    if may(who, May.SEE_PEOPLE):
        return value
    return masked_of_strangers(value) if topic in STRANGE else masked(value)


def _hidden(value: Any) -> Any:
    return value if value is None or value == [] or isinstance(value, bool | Mapping) else HIDDEN


def restored(edited: Any, original: Any) -> Any:
    """The same with what was hidden put back from the original: one may edit what one may not read."""
    if edited == HIDDEN:
        return original
    if isinstance(edited, Mapping):
        known = original if isinstance(original, Mapping) else {}
        return {name: restored(value, known.get(name)) for name, value in edited.items()}
    if isinstance(edited, list):
        beside = original if isinstance(original, list) and len(original) == len(edited) else [None] * len(edited)
        return [restored(one, other) for one, other in zip(edited, beside, strict=True)]
    return edited


def shown_key(key: str, who: Who) -> str:
    """A record's key, with NEA's member id or the address behind it hidden from whom it does not concern."""
    kind, separator, rest = key.partition(":")
    if separator and rest and kind in {"nea", "email"} and not may(who, May.SEE_PEOPLE):
        return f"{kind}:{HIDDEN}"
    return key


def kept_key(key: str, secret: str) -> str:
    """The key as the console keeps it: of NEA's member id only a pseudonym, for what is kept outlives an erasure."""
    if not key.startswith("nea:"):
        return key
    return "nea:" + hmac.new(secret.encode(), key.encode(), sha256).hexdigest()[:32]


def fingerprint(service: str, reason: Mapping[str, Any]) -> str:
    """Alike for records that are stuck for the same reason in the same place of the code."""
    text = "\x00".join((service, str(reason.get("code", "")), _without_numbers(str(reason.get("detail", "")))))
    return sha256(text.encode()).hexdigest()[:12]


def _without_numbers(detail: str) -> str:
    """`wea.enrollment.v1 17` and `wea.enrollment.v1 18` are one reason: a gap on that topic."""
    head, separator, last = detail.rpartition(" ")
    return head if separator and last.isdecimal() else detail


# Beyond these, a person must look.
LAG_SECONDS = 60
OUTBOX_SECONDS = 60


def attention(sight: Sight, now: datetime) -> list[Attention]:
    """What a person must act on now, the worst first. An empty list is an all-clear."""
    found = [*_of_processes(sight.processes), *_of_digests(sight.processes)]
    if not sight.kafka:
        found.append(Attention("Kafka does not answer the console.", "/#topics", "kafka-away"))
    found += _of_lag(sight.groups, now)
    found += _of_gauges(sight)
    unknown = sight.queues.get("unknown mail")
    if unknown is not None and unknown.count:
        what = f"{_several(unknown.count, 'e-mail')} with unknown outcome."
        found.append(Attention(what, "/messages?status=unknown", "mail-unknown"))
    return found


def _of_processes(processes: Iterable[Process]) -> list[Attention]:
    found = []
    for one in processes:
        if not one.answers:
            found.append(Attention(f"{one.service} does not answer at {one.url}.", "/#services", "service-not-ready"))
        elif not one.ready:
            why = ", ".join(one.reasons) or "no reason given"
            runbook = "parking-storm" if "parking_storm" in one.reasons else "service-not-ready"
            found.append(Attention(f"{one.service} is not ready: {why}.", "/#services", runbook))
    return found


def _of_digests(processes: Iterable[Process]) -> list[Attention]:
    """Services that decide by different programmes contradict each other."""
    by_digest: dict[str, set[str]] = defaultdict(set)
    for one in processes:
        if one.digest:
            by_digest[one.digest].add(one.service)
    if len(by_digest) < 2:
        return []
    parts = "; ".join(f"{digest[:8]}: {', '.join(sorted(names))}" for digest, names in sorted(by_digest.items()))
    return [Attention(f"Services have loaded different programme files ({parts}).", "/#services", "program-digest")]


def _of_lag(groups: Iterable[Group], now: datetime) -> list[Attention]:
    late = timedelta(seconds=LAG_SECONDS)
    return [
        Attention(f"{one.group} is {age(now - one.oldest)} behind on {one.topic}.", "/#topics", "consumer-lag")
        for one in groups
        if one.lag and one.oldest is not None and now - one.oldest > late
    ]


def _of_gauges(sight: Sight) -> list[Attention]:
    found = []
    for service, gauges in by_service(sight.processes).items():
        # One of several replicas that MongoDB does not answer is enough.
        if any(p.gauges.get("wea_mongodb_answers") == 0 for p in sight.processes if p.service == service):
            found.append(Attention(f"MongoDB does not answer {service}.", "/#services", "mongodb-away"))
        if lanes := int(gauges.get("wea_parked_lanes", 0)):
            what = f"{_several(lanes, 'key')} parked in {service}."
            found.append(Attention(what, f"/parked?service={service}", "parked-records"))
        # What is quarantined stays there for good: only what nobody has looked at yet needs a person.
        rows = int(gauges.get("wea_quarantined", 0)) - sight.looked_at.get(service, 0)
        if rows > 0:
            what = f"{_several(rows, 'new record')} in quarantine of {service}."
            found.append(Attention(what, f"/quarantine?service={service}", "quarantine"))
        seconds = gauges.get("wea_outbox_oldest_seconds", 0.0)
        if seconds > OUTBOX_SECONDS:
            what = f"{service}'s outbox has waited for {age(timedelta(seconds=seconds))}."
            found.append(Attention(what, "/#services", "outbox-age"))
    return found


def by_service(processes: Iterable[Process]) -> dict[str, dict[str, float]]:
    """The gauges of each service: replicas read the same database, so the largest of each is the newest."""
    found: dict[str, dict[str, float]] = {}
    for one in processes:
        gauges = found.setdefault(one.service, {})
        for name, value in one.gauges.items():
            gauges[name] = max(value, gauges.get(name, 0.0))
    return found


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def age(span: timedelta) -> str:
    """A span of time in its largest fitting unit, as people say it."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
