"""A reader: what the units of work of one consumer share. Its batches carry it to them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from eventing.clock import system_now
from eventing.gate import MOST_KEYS, Gate
from eventing.mongo import Owner
from eventing.topics import Topic


@dataclass(slots=True)
class Reader:
    """One member of a consumer group, in this process."""

    group: str = ""  # as metrics name it
    compacted: frozenset[str] = frozenset()  # topics whose older records may be gone: no gaps there
    uncounted: frozenset[str] = frozenset()  # topics that others write: no sequence of ours there
    owner: Owner | None = None  # the session under which it owns its partitions, once it has one
    gate: Gate = field(default_factory=Gate)
    gaps_closed: set[str] = field(default_factory=set)  # keys whose missing record has come: what waited can be tried
    began: datetime = field(default_factory=system_now)  # a database from a backup is older than this

    @classmethod
    def of(cls, group: str, topics: Iterable[Topic], parking_limit: int = MOST_KEYS) -> "Reader":
        """A reader of these topics that owns no partitions yet."""
        known = tuple(topics)
        compacted = frozenset(topic.name for topic in known if topic.compacted)
        uncounted = frozenset(topic.name for topic in known if not topic.sequenced)
        return cls(group, compacted, uncounted, gate=Gate(parking_limit))
