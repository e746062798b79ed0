"""Records from Kafka as facts: what was accepted and comes by the inbox, and what the portal writes itself."""

from dataclasses import dataclass, replace

from pydantic import ValidationError

from contracts import nea, portal, strict_json, topics
from contracts.cloudevents import CloudEvent
from contracts.faults import UnknownType
from contracts.strict_json import StrictJsonError
from eventing.batch import Record
from services.enrollment.claims import UNKNOWN, Claim, content_digest
from services.enrollment.learning import Fact, NeaFact, PortalFact
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.reasons import Unused
from services.enrollment.state import Stamp


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record, read: a fact; or why it cannot be used (the portal's: quarantine; ours: a bug, so it parks)."""

    record: Record
    claim: Claim
    fact: Fact | None = None
    unused: Unused | None = None
    bug: Exception | None = None

    @property
    def from_portal(self) -> bool:
        """By Kafka, past the HTTP intake: not checked and not claimed yet."""
        return self.record.topic == topics.PORTAL.name


def read(record: Record, pseudonyms: Pseudonyms) -> Arrival:
    """Never raises: a record that cannot be read must not hold up the batch."""
    event = record.event
    by_kafka = record.topic == topics.PORTAL.name
    claim = Claim(event.source, event.id, event.type, digest=UNKNOWN, via="kafka" if by_kafka else "http")
    try:
        fact = _from_portal(record) if by_kafka else _from_inbox(record, pseudonyms)
        # Only of what could be read: orjson reads data deeper than it writes them.
        digest = UNKNOWN if event.source == nea.SOURCE else content_digest(event.type, event.time, event.data)
        return Arrival(record, replace(claim, digest=digest), fact)
    except UnknownType as error:
        return Arrival(record, claim, unused=Unused.UNKNOWN_TYPE, bug=error)
    except ValidationError as error:
        return Arrival(record, claim, unused=Unused.WRONG_SHAPE, bug=error)
    except StrictJsonError as error:
        return Arrival(record, claim, unused=Unused.UNSAFE_JSON, bug=error)
    except _ReservedError as error:
        return Arrival(record, claim, unused=Unused.RESERVED_SOURCE, bug=error)
    except Exception as error:  # noqa: BLE001 - shown by parking this record, where it is raised again
        return Arrival(record, claim, bug=error)


class _ReservedError(ValueError):
    """The portal may not speak as NEA."""


def _from_portal(record: Record) -> Fact:
    event = record.event
    strict_json.loads(record.value or b"null")  # as the HTTP intake reads it; the envelope is not as strict
    CloudEvent.model_validate(
        {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type, "time": event.time}
    )
    if event.source == nea.SOURCE:
        raise _ReservedError
    return PortalFact(Stamp(event.time, event.id, event.source), portal.read(event.type, event.data))


def _from_inbox(record: Record, pseudonyms: Pseudonyms) -> Fact:
    event = record.event
    stamp = Stamp(event.time, event.id, event.source)
    if event.source != nea.SOURCE:
        return PortalFact(stamp, portal.read(event.type, event.data))
    said = nea.read_data(event.type, event.data)
    return NeaFact(stamp, said, pseudonyms.learner_id(said.learner))
