"""POST /portal/events: CloudEvents over HTTP, structured, binary or as a batch; all or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from contracts import cloudevents, nea, portal, strict_json
from contracts.cloudevents import CloudEvent, CloudEventError
from contracts.faults import Fault, UnknownType, faults
from eventing import tracing
from eventing.audit import COLLECTION as AUDIT
from eventing.audit import staged
from eventing.envelope import Event, encode
from eventing.http import Caller, Keys, ProblemError
from eventing.mongo import Operation
from services.enrollment.claims import COLLECTION, UNKNOWN, Claim, content_digest
from services.enrollment.intake import Intake, Settled
from services.enrollment.rates import Rates
from services.enrollment.receiving import Received, too_many

MOST_BYTES = 256 * 1024
MOST_BATCH_BYTES = 1024 * 1024
MOST_BATCH_EVENTS = 500
AUDITED = ("reason", "by", "merged_educator_id", "session_id", "micro_credential_id")
MOST_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Refused:
    """One event that cannot be taken: 400 for its attributes, 422 for its type and data."""

    status: int
    index: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class FromPortal:
    """One event or a batch: all or nothing. `audits`, by claim: what goes into the audit trail with it."""

    claims: tuple[Claim, ...]
    audits: Mapping[str, Operation] = field(default_factory=dict)

    @property
    def alone(self) -> Claim | None:
        return self.claims[0] if len(self.claims) == 1 and not self.audits else None

    def settle(self, held: dict[str, str]) -> Settled:
        mine: dict[str, str] = {}
        fresh, conflicts = [], []
        for index, claim in enumerate(self.claims):
            before = mine.get(claim.id, held.get(claim.id))
            if before is None:
                mine[claim.id] = claim.digest
                fresh.append(claim)
            elif before not in (claim.digest, UNKNOWN):
                conflicts.append(index)
        if conflicts:
            return Settled(conflicts=tuple(conflicts))
        held.update(mine)
        audited = [(AUDIT, self.audits[claim.id]) for claim in fresh if claim.id in self.audits]
        return Settled([(COLLECTION, claim.insert()) for claim in fresh] + audited)


class PortalEvents:
    """Takes the portal's events in."""

    def __init__(self, keys: Keys, rates: Rates, intake: Intake) -> None:
        self._keys, self._rates, self._intake = keys, rates, intake

    async def accept(self, request: Received) -> None:
        """The order of these lines is the order of the answers that the design promises."""
        caller = self._keys.check(request.headers.get("authorization"), "portal", "staff")
        seconds = self._rates.take(caller.key_id)  # each request counts, the refused ones too
        media, charset = _media_type(request.headers.get("content-type"))
        is_batch = media == cloudevents.BATCH
        body = await request.body(MOST_BATCH_BYTES if is_batch else MOST_BYTES)
        mode = _mode(media, charset, request)
        events = _events(mode, _parsed(body), request)
        claims, refused = _claims(events, request.headers.get("traceparent"))
        if refused:
            raise _refusal(refused, is_batch)
        if seconds is not None:
            raise too_many(seconds)
        conflicts = await self._intake.submit(FromPortal(tuple(claims), _audits(caller, claims, events)))
        if conflicts:
            raise _conflict(conflicts, is_batch)


def _media_type(header: str | None) -> tuple[str | None, str]:
    """The type and the charset of a Content-Type."""
    if header is None:
        return None, "utf-8"
    media, *parameters = header.split(";")
    named = (parameter.strip().lower().partition("=") for parameter in parameters)
    charsets = [value.strip('"') for name, _, value in named if name == "charset"]
    return media.strip().lower(), charsets[0] if charsets else "utf-8"


def _mode(media: str | None, charset: str, request: Received) -> str:
    if charset in ("utf-8", "utf8", "us-ascii"):
        if media in (cloudevents.STRUCTURED, cloudevents.BATCH):
            return media
        attributes = any(name.lower().startswith(cloudevents.HTTP_PREFIX) for name, _ in request.header_list)
        if attributes and (media is None or media == "application/json" or media.endswith("+json")):
            return "binary"
    raise ProblemError(
        415,
        "unsupported_media_type",
        f"Send {cloudevents.STRUCTURED}, {cloudevents.BATCH}, or application/json with ce- headers, in UTF-8.",
    )


def _parsed(body: bytes) -> Any:
    try:
        return strict_json.loads(body)
    except strict_json.StrictJsonError as error:
        raise ProblemError(400, error.reason.value, "The body is not usable as JSON.") from None


def _events(mode: str, document: Any, request: Received) -> list[CloudEvent | CloudEventError]:
    if mode == cloudevents.STRUCTURED:
        return [_read(document)]
    if mode == cloudevents.BATCH:
        if not isinstance(document, list):
            raise ProblemError(400, "not_a_batch", "A batch is an array of events.")
        if len(document) > MOST_BATCH_EVENTS:
            raise ProblemError(413, "too_many_events", f"At most {MOST_BATCH_EVENTS} events a batch.")
        return [_read(event) for event in document]
    try:
        return [cloudevents.binary(request.header_list, request.headers.get("content-type"), document)]
    except CloudEventError as error:
        return [error]


def _read(document: Any) -> CloudEvent | CloudEventError:
    try:
        return cloudevents.structured(document)
    except CloudEventError as error:
        return error


def _claims(events: list[CloudEvent | CloudEventError], traceparent: str | None) -> tuple[list[Claim], list[Refused]]:
    claims, refused = [], []
    for index, event in enumerate(events):
        if isinstance(event, CloudEventError):
            refused.append(Refused(400, index, event.faults))
            continue
        found = _claim(event, traceparent)
        if isinstance(found, Claim):
            claims.append(found)
        else:
            refused.append(Refused(422, index, found))
    return claims, refused


def _claim(event: CloudEvent, traceparent: str | None) -> Claim | tuple[Fault, ...]:
    """The event as it is claimed, or what is wrong with its type and data."""
    try:
        said = portal.read(event.type, event.data)
    except UnknownType:
        return (Fault("type", "Type should be one that the portal may send"),)
    except ValidationError as error:
        return faults(error, "data")
    if event.source == nea.SOURCE:  # or the portal could take the ids of NEA's webhooks away
        return (Fault("source", f"Source should not be {nea.SOURCE}: that is NEA's"),)
    accepted = Event(
        id=event.id,
        source=event.source,
        type=event.type,
        time=event.time,
        data=event.data,
        key=said.key,
        traceparent=tracing.begun(event.extensions.get("traceparent", traceparent), event.source, event.id),
    )
    try:
        digest, value = content_digest(event.type, event.time, event.data), encode(accepted, others=event.others)
    except TypeError:  # an integer beyond 64 bits, in a field that we do not know
        return (Fault("data", "Numbers should have at most 64 bits"),)
    return Claim(event.source, event.id, event.type, digest, said.key, value)


def _audits(caller: Caller, claims: list[Claim], events: list[CloudEvent | CloudEventError]) -> dict[str, Operation]:
    """Acts of staff are events too (merges, corrections, erasure): who and why, beside the claim, for good."""
    if caller.role != "staff":
        return {}
    said = [event.data for event in events if isinstance(event, CloudEvent)]
    return {claim.id: _audit(caller, claim, data) for claim, data in zip(claims, said, strict=True)}


def _audit(caller: Caller, claim: Claim, data: Any) -> Operation:
    """`reason` and `by` are what the event says of them; ids beside, and nothing else of its data."""
    texts = {name: text[:MOST_WORDS] for name, text in data.items() if name in AUDITED and isinstance(text, str)}
    reason = texts.pop("reason", "")
    return staged(caller, claim.type, claim.key, reason, source=claim.source, event_id=claim.event_id, **texts)


def _refusal(refused: list[Refused], is_batch: bool) -> ProblemError:
    """The first status in the order of checking, with every faulty field of every event."""
    status = min(one.status for one in refused)
    errors = [
        ({"index": one.index} if is_batch else {}) | {"field": fault.field, "reason": fault.reason}
        for one in refused
        for fault in one.faults
    ]
    if status == 400:
        return ProblemError(400, "attributes", "CloudEvents attributes are missing or broken.", errors=errors)
    return ProblemError(422, "invalid", "Type or data are not as described.", errors=errors)


def _conflict(conflicts: tuple[int, ...], is_batch: bool) -> ProblemError:
    reason = "This source and id came before with another type, time or data"
    errors = [({"index": index} if is_batch else {}) | {"field": "id", "reason": reason} for index in conflicts]
    return ProblemError(409, "id_reused", f"{reason}.", errors=errors)
