"""What the consumer hands to a handler: records, in the order of their partitions, and where the batch began."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from eventing.envelope import Event, Headers
from eventing.reader import Reader
from eventing.reasons import Reason


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to an event: the id and source of an event, of a staff action or of a timer's due moment.

    The event's own id is derived from it. Where that needs something else than what led to the event (one event leads
    to several e-mails, each sent on its own), `led_by` is the id and source that the event names as its cause.
    """

    id: str
    source: str
    traceparent: str | None = None
    led_by: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record that could be read. `topic` is the registry's name, without any prefix of the environment."""

    topic: str
    partition: int
    offset: int
    key: str
    event: Event
    timestamp: datetime
    value: bytes | None = None
    headers: Headers = ()
    parked_n: int | None = None  # its place in the key's lane, when it comes from there

    @property
    def cause(self) -> Cause:
        return Cause(self.event.id, self.event.source, self.event.traceparent)

    @property
    def place(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A record whose key or value cannot be read: kept whole in quarantine, but for one that is too large to be."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: datetime
    reason: Reason

    @property
    def place(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"


Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records for one unit of work. `began` is where this batch starts on each partition it holds records of."""

    records: tuple[Record | Failure, ...] = ()
    began: Mapping[Partition, int] = field(default_factory=dict)
    forced: Mapping[str, Reason] = field(default_factory=dict)  # by place: records to park without another try
    replay: bool = False  # these are parked records, tried again: no positions move
    rehearsal: list[Any] | None = None  # where given, the unit of work adds itself to it and writes nothing
    reader: Reader = field(default_factory=Reader)

    @classmethod
    def none(cls) -> "Batch":
        """A unit that no record started: a staff action, a due time."""
        return cls()

    @property
    def ends(self) -> dict[Partition, int]:
        """Where each partition stands once this batch is done."""
        ends: dict[Partition, int] = {}
        for record in self.records:
            ends[record.topic, record.partition] = record.offset + 1
        return ends

    def halves(self) -> tuple["Batch", "Batch"]:
        """The batch in two, in order; the second begins where the first ends."""
        middle = len(self.records) // 2
        first = self.of(self.records[:middle])
        rest = self.of(self.records[middle:])
        return first, replace(rest, began={part: first.ends.get(part, start) for part, start in rest.began.items()})

    def of(self, records: tuple[Record | Failure, ...]) -> "Batch":
        """The part of this batch that holds just these records."""
        held = {(record.topic, record.partition) for record in records}
        return replace(self, records=records, began={part: at for part, at in self.began.items() if part in held})

    def parking(self, record: Record, reason: Reason) -> "Batch":
        return replace(self, forced={**self.forced, record.place: reason})
