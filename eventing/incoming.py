"""The records of a batch as a unit of work takes them: which it may apply, which it has seen, which park.

A lane says what was seen under a key and whether something is parked there (lanes.py); what is found here goes back to
it, and into quarantine and `parked`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from eventing import quarantine
from eventing.batch import Batch, Failure, Record
from eventing.lanes import PARKED, Lane, Lanes
from eventing.mongo import Binary, Operation, UpdateMany
from eventing.reasons import BEHIND, GAP, Reason

DUPLICATE = Reason("duplicate")


class Incoming:
    """One batch, and what becomes of its records."""

    def __init__(self, batch: Batch, lanes: Lanes) -> None:
        self.batch = batch
        self.parked: list[tuple[Record, Reason]] = []  # in order
        self.unreadable: list[Failure] = []
        self._lanes = lanes
        self._done: list[Record] = []
        self._duplicates: set[str] = set()  # by place

    @property
    def readable(self) -> list[Record]:
        return [record for record in self.batch.records if isinstance(record, Record)]

    @property
    def upcoming(self) -> list[Record]:
        """Those that may be decided: not those that park without another try."""
        return [record for record in self.readable if record.place not in self.batch.forced]

    def records(self) -> Iterator[Record]:
        """Those to apply, each decided, or parked, before the next is asked for."""
        for record in self.batch.records:
            if isinstance(record, Failure):
                self.unreadable.append(record)
                continue
            lane = self._lanes[record.key]
            reason = self._obstacle(record, lane)
            if reason is None:
                parked = len(self.parked)
                yield record
                if len(self.parked) == parked:
                    self._finished(record, lane)
            elif reason is not DUPLICATE:
                self.park(record, reason)
            else:
                self._duplicates.add(record.place)
                if record.parked_n is not None:  # a duplicate that had parked: it leaves its lane
                    self._done.append(record)

    def every(self) -> Iterator[Record]:
        """Those that can be read, repeats included."""
        for record in self.batch.records:
            if isinstance(record, Failure):
                self.unreadable.append(record)
            elif (reason := self.batch.forced.get(record.place)) is not None:
                self.park(record, reason)
            else:
                yield record
                if record.parked_n is not None:
                    self._done.append(record)

    def park(self, record: Record, reason: Reason) -> None:
        self._lanes[record.key].block(reason)
        self.parked.append((record, reason))

    @property
    def newly_parked(self) -> list[str]:
        """Keys of those that park by themselves, and for the first time."""
        itself = ((record, reason) for record, reason in self.parked if reason.code not in {BEHIND.code, GAP})
        return [record.key for record, _ in itself if record.parked_n is None]

    def writes(self) -> Iterator[tuple[str, Operation]]:
        """What parks, what leaves its lane, what a tombstone empties. It changes lanes: these are written after it."""
        for record, reason in self.parked:
            yield PARKED, self._lanes[record.key].park(record, reason)
        for record in self.readable:
            if record.event.data is None and record.topic in self.batch.reader.compacted:
                yield from _emptied(record)
        for record in self._done:
            if record.parked_n is not None:
                yield PARKED, self._lanes[record.key].unpark(record)

    @property
    def outcomes(self) -> Mapping[tuple[str, str], int]:
        """How many records of each type came to what: applied, duplicate, parked, quarantined."""
        elsewhere = dict.fromkeys(self._duplicates, "duplicate") | {r.place: "parked" for r, _ in self.parked}
        return Counter(
            (record.event.type, elsewhere.get(record.place, "applied") if elsewhere else "applied")
            if isinstance(record, Record)
            else ("unreadable", "quarantined")
            for record in self.batch.records
        )

    def _obstacle(self, record: Record, lane: Lane) -> Reason | None:
        sequence = record.event.sequence
        if sequence is not None and sequence <= lane.seen(record.topic):
            return DUPLICATE
        if lane.blocked(record):
            return BEHIND
        if sequence is not None and record.topic not in self.batch.reader.compacted:
            expected = lane.seen(record.topic) + 1
            if sequence > expected:
                return Reason(GAP, f"{record.topic} {expected}")
        return self.batch.forced.get(record.place) if self.batch.forced else None

    def _finished(self, record: Record, lane: Lane) -> None:
        if record.event.sequence is not None:
            lane.saw(record.topic, record.event.sequence)
        self._done.append(record)


def _emptied(tombstone: Record) -> Iterator[tuple[str, Operation]]:
    """Take what a tombstone takes back out of parked and quarantined bodies too, even where it must wait itself.

    A parked record becomes a tombstone as well, which can be retried; without a sequence, for that is the other's.
    """
    headers = [[name, Binary(content)] for name, content in tombstone.headers if name != "ce_sequence"]
    parked = {"key": tombstone.key, "topic": tombstone.topic, "value": {"$ne": None}}
    yield PARKED, UpdateMany(parked, {"$set": {"value": None, "headers": headers}, "$unset": {"original": ""}})
    kept = {"key": Binary(tombstone.key.encode()), "topic": tombstone.topic, "value": {"$ne": None}}
    yield quarantine.COLLECTION, UpdateMany(kept, quarantine.EMPTIED)
