"""What reading, publishing and creating ask of a topic; the registry in contracts/ has it. No driver here."""

from datetime import timedelta
from typing import Protocol

# Of one record. What is accepted may be a MiB, and its numbers nearly four times as long when written again (1e15).
MOST_BYTES = 4 * 1024 * 1024


class Topic(Protocol):
    """What reading and publishing need to know of a topic."""

    @property
    def name(self) -> str: ...
    @property
    def compacted(self) -> bool: ...
    @property
    def sequenced(self) -> bool: ...
    @property
    def owner(self) -> str: ...


class RegisteredTopic(Protocol):
    """What creating a topic needs to know of it, whoever does: a test, `wea`, an operator of a cluster."""

    @property
    def name(self) -> str: ...
    @property
    def partitions(self) -> int: ...
    @property
    def retention(self) -> timedelta | None: ...
    @property
    def compacted(self) -> bool: ...


def topic_settings(topic: RegisteredTopic, replication: int) -> dict[str, str]:
    """A topic's settings where so many brokers keep it: what is acknowledged is on all of them but one."""
    retention = -1 if topic.retention is None else topic.retention // timedelta(milliseconds=1)
    found = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(retention),
        "min.insync.replicas": str(max(1, replication - 1)),
        "max.message.bytes": str(MOST_BYTES),
    }
    if topic.retention is not None:
        # Kafka deletes whole segments, once the newest record in one is over its time: by default a week's.
        found["segment.ms"] = str(retention // 14)
    if topic.compacted:
        # What an erasure replaced by a tombstone is gone from the disk within a week.
        found["max.compaction.lag.ms"] = str(timedelta(days=7) // timedelta(milliseconds=1))
    return found
