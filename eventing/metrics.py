"""Every metric of the machinery: name, unit, meaning. A service's own are in its metrics.py."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

# records a consumer group committed, by event type and outcome: applied, duplicate, parked, quarantined.
RECORDS = Counter(
    "wea_records_total", "Records handled by a consumer group, by type and outcome", ["group", "type", "outcome"]
)
# records in one transaction.
BATCH_SIZE = Histogram("wea_batch_records", "Records in one batch", ["group"], buckets=(1, 3, 10, 30, 100, 300, 1000))
# seconds from the first read of a batch to its commit.
BATCH_SECONDS = Histogram(
    "wea_batch_seconds", "Seconds from handing a batch to its handler until its commit", ["group"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)  # fmt: skip
# times a batch was done again because MongoDB or Kafka were away or another write came first.
RETRIES = Counter("wea_batch_retries_total", "Batches done again after a transient fault", ["group"])
# 1 when the consumer has stopped itself (a parking storm): people must look.
STOPPED = Gauge("wea_consumer_stopped", "1 when the consumer has stopped itself", ["group"])
# lanes (keys) with parked records, and parked records.
PARKED_LANES = Gauge("wea_parked_lanes", "Keys with parked records")
PARKED = Gauge("wea_parked_records", "Parked records")
# records and webhook bodies that could not be read.
QUARANTINED = Gauge("wea_quarantined", "Records and bodies in quarantine")
# 1 when MongoDB answered the last time that somebody asked for these metrics.
MONGODB = Gauge("wea_mongodb_answers", "1 when MongoDB answered the last look")
# rows waiting for the relay, and the age of the oldest, in seconds.
OUTBOX_ROWS = Gauge("wea_outbox_rows", "Rows that wait for the relay", ["source"])
OUTBOX_AGE = Gauge("wea_outbox_oldest_seconds", "Age of the oldest row that waits for the relay", ["source"])
# rows published, by source, and attempts that failed.
RELAYED = Counter("wea_relayed_total", "Rows published by the relay", ["source"])
RELAY_FAILURES = Counter("wea_relay_failures_total", "Publishing attempts that failed", ["source"])
# turns of a timer that a bug of ours ended, and what of a turn was put off because of one, by timer.
TIMER_FAILURES = Counter("wea_timer_failures_total", "Turns of a timer that failed, or were put off in part", ["timer"])
# records between a partition's position and its end, of the partitions that this process reads.
LAG = Gauge("wea_consumer_lag_records", "Records not yet handled", ["group", "topic", "partition"])


@contextmanager
def batch(group: str, size: int) -> Iterator[None]:
    """Time one batch; counted as applied only when it was."""
    began = time.perf_counter()
    yield
    BATCH_SECONDS.labels(group).observe(time.perf_counter() - began)
    BATCH_SIZE.labels(group).observe(size)


MOST_TYPES = 200  # whoever writes to a topic chooses the type: more than these are one
_types: set[str] = set()


def records(group: str, outcomes: Mapping[tuple[str, str], int]) -> None:
    """Count what a committed unit did with its records, by (type, outcome)."""
    for (type, outcome), number in outcomes.items():
        if type not in _types:
            type = type if len(_types) < MOST_TYPES else "other"
            _types.add(type)
        RECORDS.labels(group, type, outcome).inc(number)
