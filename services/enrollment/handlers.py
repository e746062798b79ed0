"""What Kafka calls: one handler for all that enrollment reads, its own inbox and the portal's topic alike."""

from collections.abc import Mapping
from datetime import datetime

from contracts.program_year import Programs
from eventing.batch import Batch
from eventing.mongo import Database
from eventing.reader import Reader
from eventing.reasons import Reason
from services.enrollment import metrics
from services.enrollment.arrivals import Arrival, read
from services.enrollment.claims import COLLECTION
from services.enrollment.forgetting import Forgotten, forget
from services.enrollment.gathering import Needs
from services.enrollment.learning import NeaFact
from services.enrollment.policy import Decision, decide
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.reasons import Unused
from services.enrollment.store import Tx


async def on_intake(
    batch: Batch, database: Database, programs: Programs, pseudonyms: Pseudonyms, now: datetime
) -> None:
    """Apply what was accepted over HTTP and what the portal wrote to Kafka.

    Each (source, id) has its effect once, whatever way and however often it comes. Raises what MongoDB raises; the
    caller then repeats it all.
    """
    async with Tx.begin(database, batch, now) as tx:
        arrivals = {record.place: read(record, pseudonyms) for record in tx.upcoming}
        await tx.gather(_needs(arrivals))
        ids = {arrival.claim.id for arrival in arrivals.values()}
        asked = {arrival.claim.id for arrival in arrivals.values() if _may_be_unclaimed(arrival, batch.reader)}
        known, forgotten = Known(asked, await tx.claimed(asked), await tx.accounted(ids)), Forgotten()
        for record in tx.records():
            arrival = arrivals[record.place]
            if arrival.from_portal and not _admitted(arrival, known, tx):
                continue
            _claim(arrival, known, tx)
            with tx.parking(record):
                if arrival.claim.id not in known.accounted:
                    decision = _decided(tx, arrival, programs)
                    forgotten.note(tx.world, decision, pseudonyms)
                    _stage(tx, arrival, decision)
                    known.accounted.add(arrival.claim.id)
        tx.save(pseudonyms)
        await tx.write()
        await forget(tx, forgotten)  # last, for what this very batch has parked or quarantined is to be emptied as well


class Known:
    """Which events were claimed, with what content, which of those asked for were not, and which had their effect."""

    def __init__(self, asked: set[str], claimed: dict[str, str], accounted: set[str]) -> None:
        self.claimed, self.unclaimed, self.accounted = claimed, asked - claimed.keys(), accounted


def _may_be_unclaimed(arrival: Arrival, reader: Reader) -> bool:
    """What the portal wrote is; what was accepted over HTTP only where a database from a backup has lost the claim.

    Such a database is older than the process that reads on from it, so nobody else is asked for.
    """
    return arrival.from_portal or arrival.record.timestamp < reader.began


def _needs(arrivals: Mapping[str, Arrival]) -> Needs:
    needs = Needs()
    for arrival in arrivals.values():
        if arrival.fact is not None:
            needs.of(arrival.fact)
    return needs


def _admitted(arrival: Arrival, known: Known, tx: Tx) -> bool:
    """Whether an event that the portal wrote to Kafka can be claimed, as over HTTP; else it is kept in quarantine."""
    claim = arrival.claim
    unused = arrival.unused
    is_parked = arrival.record.parked_n is not None  # an operator may have given it other data
    if unused is None and not is_parked and known.claimed.get(claim.id, claim.digest) != claim.digest:
        unused = Unused.ID_REUSED
    if unused is not None:
        about = {"key": arrival.record.key.encode(), "event_id": claim.event_id, "type": claim.type}
        tx.quarantine(arrival.record.place, arrival.record.topic, Reason(unused.value), arrival.record.value, **about)
        return False
    return True


def _claim(arrival: Arrival, known: Known, tx: Tx) -> None:
    """Claim what is not claimed: what came by Kafka, and what the inbox has and a database from a backup lacks."""
    claim = arrival.claim
    if claim.id in known.unclaimed:
        tx.bulk(COLLECTION, claim.take())
        known.unclaimed.remove(claim.id)
        known.claimed[claim.id] = claim.digest


def _decided(tx: Tx, arrival: Arrival, programs: Programs) -> Decision:
    if arrival.bug is not None:
        raise arrival.bug
    if arrival.fact is None:
        raise ValueError("a record that was read has a fact")
    return decide(tx.world, arrival.fact, programs)


def _stage(tx: Tx, arrival: Arrival, decision: Decision) -> None:
    tx.announce(decision, arrival.record.cause)
    learner_id = arrival.fact.learner_id if isinstance(arrival.fact, NeaFact) else None
    tx.account(arrival.claim, decision.outcome, decision.changes.touched, learner_id)
    tx.take_over(decision)
    metrics.OUTCOMES.labels(arrival.claim.type, decision.outcome.value).inc()
