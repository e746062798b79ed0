"""POST /webhooks/nea: authentic or 401; then always accepted, and what cannot be used is kept for operators."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from contracts import nea
from eventing import quarantine, tracing
from eventing.clock import system_now
from eventing.envelope import Event, encode
from eventing.http import ProblemError
from eventing.mongo import InsertOne, Operation
from eventing.reasons import Reason
from services.enrollment.claims import COLLECTION, FACTS, UNKNOWN, Claim, body_digest
from services.enrollment.intake import Intake, Settled
from services.enrollment.nea import Signatures
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.rates import Rates
from services.enrollment.reasons import Unused
from services.enrollment.receiving import Received, too_many
from services.enrollment.state import Outcome

MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FromNea:
    """One authentic webhook. What cannot be used is kept for operators: it is never refused."""

    claim: Claim
    body: bytes
    unused: Unused | None = None
    detail: str = ""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (self.claim,)

    @property
    def alone(self) -> Claim | None:
        return self.claim if self.unused is None else None

    def settle(self, held: dict[str, str]) -> Settled:
        claim = self.claim
        before = held.get(claim.id)
        if before in (claim.digest, UNKNOWN):
            return Settled()
        if before is not None:
            return Settled([self._kept(Unused.ID_REUSED, "")])
        held[claim.id] = claim.digest
        if self.unused is None:
            return Settled([(COLLECTION, claim.insert())])
        fact = {"_id": claim.id, "type": claim.type, "outcome": Outcome.QUARANTINED.value, "about": []}
        accounted = (FACTS, InsertOne({**fact, "at": system_now()}))
        return Settled([(COLLECTION, claim.insert()), accounted, self._kept(self.unused, self.detail)])

    def _kept(self, why: Unused, detail: str) -> tuple[str, Operation]:
        claim, reason = self.claim, Reason(why.value, detail)
        id_ = f"{nea.SOURCE} {claim.event_id} {body_digest(self.body)}"
        about = {"event_id": claim.event_id, "type": claim.type}
        return quarantine.COLLECTION, quarantine.keep(id_, nea.SOURCE, reason, self.body, **about)


class Webhooks:
    """Takes NEA's webhooks in."""

    def __init__(self, signatures: Signatures, rates: Rates, pseudonyms: Pseudonyms, intake: Intake) -> None:
        self._signatures, self._rates = signatures, rates
        self._pseudonyms, self._intake = pseudonyms, intake

    async def accept(self, request: Received) -> None:
        body = await request.body(MOST_BYTES)
        headers = request.headers
        if not self._signatures.authentic(headers, body, time.time()):
            raise ProblemError(401, "not_authentic", "The signature does not hold.")
        if (seconds := self._rates.take("nea")) is not None:
            raise too_many(seconds)
        await self._intake.submit(self.submission(headers, body))

    def submission(self, headers: Mapping[str, str], body: bytes) -> FromNea:
        """The webhook as it is claimed: webhook-id and the very bytes; usable or not."""
        id_ = headers["webhook-id"]
        try:
            said = nea.read(body)
        except nea.Unusable as unusable:
            why = Unused.UNKNOWN_TYPE if unusable.reason == "unknown_type" else Unused.WRONG_SHAPE
            fields = "; ".join(f"{fault.field}: {fault.reason}" for fault in unusable.fields[:5])
            claim = Claim(nea.SOURCE, id_, "", body_digest(body))
            return FromNea(claim, body, why, fields or unusable.reason)
        key = self._pseudonyms.intake_key(said.data.learner)
        event = Event(
            id=id_,
            source=nea.SOURCE,
            type=said.type,
            time=said.timestamp,
            data={},
            key=key,
            traceparent=tracing.begun(headers.get("traceparent"), nea.SOURCE, id_),
        )
        value = encode(event, orjson.dumps(orjson.loads(body)["data"]))
        return FromNea(Claim(nea.SOURCE, id_, said.type, body_digest(body), key, value), body)
