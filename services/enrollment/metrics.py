"""Enrollment's metrics: name, unit, meaning. Those of the machinery are in eventing/metrics.py."""

from prometheus_client import Counter, Gauge, Histogram

from eventing.mongo import Database, faults

# answers of the two intakes over HTTP.
ANSWERS = Counter("wea_intake_answers_total", "Answers of the HTTP intakes", ["intake", "status"])
# events made durable in one transaction.
GROUP_EVENTS = Histogram(
    "wea_intake_group_events", "Events in one commit of the intake", buckets=(1, 3, 10, 30, 100, 300, 1000)
)
# seconds of one group's transaction.
GROUP_SECONDS = Histogram(
    "wea_intake_group_seconds", "Seconds of one commit of the intake",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)  # fmt: skip
# what became of accepted events, as decided (a batch that is done again counts again).
OUTCOMES = Counter("wea_enrollment_outcomes_total", "What became of accepted events", ["type", "outcome"])
# learners of NEA's that are no educator yet.
UNMATCHED = Gauge("wea_enrollment_unmatched_learners", "Learners of NEA's that are not matched")


async def refresh(database: Database) -> None:
    """Read the gauges off the database, when /metrics is asked."""
    with faults():
        unmatched = await database["learners"].count_documents({"bound_to": None, "forgotten": {"$ne": True}})
    UNMATCHED.set(unmatched)
