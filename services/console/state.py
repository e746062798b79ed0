"""What the console knows: who asks, what it keeps of a record, what it saw of a service and of a topic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    VIEWER = "viewer"  # looks
    STAFF = "staff"  # works for educators, sees who they are
    OPERATOR = "operator"  # mends streams


@dataclass(frozen=True, slots=True)
class Who:
    """A person with a session, or a program with a key."""

    name: str
    roles: frozenset[Role]
    csrf: str = ""  # of the session; programs have none
    full_name: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """Of a sign-in by OpenID Connect, what must come back as it was: kept in a signed cookie meanwhile."""

    state: str
    nonce: str
    verifier: str
    goes_to: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one record: its place, its key and its envelope. Never its body."""

    topic: str
    partition: int
    offset: int
    key: str
    event_id: str
    source: str
    type: str
    time: datetime  # the event's own
    at: datetime  # when Kafka took it: orders what is shown, and ends its keeping
    sequence: int | None = None
    causation_id: str | None = None
    causation_source: str | None = None
    trace: str | None = None
    empty: bool = False  # a tombstone
    size: int = 0

    @property
    def place(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"


@dataclass(frozen=True, slots=True)
class Process:
    """What one process of a service last said."""

    service: str
    url: str
    answers: bool = False
    ready: bool = False
    reasons: tuple[str, ...] = ()
    version: str = ""
    digest: str = ""
    gauges: Mapping[str, float] = field(default_factory=dict)
    took_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """One consumer group on one topic."""

    group: str
    topic: str
    lag: int
    oldest: datetime | None = None  # when Kafka took the first record that waits
    partitions: Mapping[int, tuple[int, datetime | None]] = field(default_factory=dict)  # lag and oldest of each


@dataclass(frozen=True, slots=True)
class Queue:
    """Something that waits for a person. `count` None: it could not be asked; `more`: there are more than that."""

    name: str
    count: int | None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """What was last seen of the whole system."""

    at: datetime | None = None
    processes: tuple[Process, ...] = ()
    groups: tuple[Group, ...] = ()
    members: Mapping[str, int] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    looked_at: Mapping[str, int] = field(default_factory=dict)  # service to what of its quarantine people have seen
    kafka: bool = True
    rates: Mapping[str, Mapping[datetime, int]] = field(default_factory=dict)  # topic to minute to records
    records: int = 0


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that a person must act on: what, where to act, and the runbook."""

    text: str
    link: str
    runbook: str


JsonObject = dict[str, Any]
