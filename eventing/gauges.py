"""Gauges that are read off the database when someone asks for /metrics."""

from typing import Any

from eventing import metrics
from eventing.clock import system_now
from eventing.service import Service
from eventing.transient import RefusedError, TransientError


async def refresh(service: Service) -> None:
    """Bring the gauges up to date; with MongoDB away they keep what they last showed."""
    try:
        await _refresh(service)
    except (TransientError, RefusedError):
        return


async def _refresh(service: Service) -> None:
    from eventing.mongo import faults

    database = service.database
    with faults():
        metrics.PARKED_LANES.set(await database["lanes"].count_documents({"parked": {"$gt": 0}}))
        metrics.PARKED.set(await database["parked"].estimated_document_count())
        metrics.QUARANTINED.set(await database["quarantine"].estimated_document_count())
        metrics.OUTBOX_ROWS.labels("outbox").set(await database["outbox"].estimated_document_count())
        # Rows are stored in the order of their insertion: no index on `at`, which each event would have to pay for.
        oldest: dict[str, Any] | None = await database["outbox"].find_one({}, {"at": 1}, sort=[("$natural", 1)])
    age = (system_now() - oldest["at"]).total_seconds() if oldest else 0.0
    metrics.OUTBOX_AGE.labels("outbox").set(max(0.0, age))
    if service.consumer is not None:
        metrics.LAG.clear()  # what another replica reads now is for that one to tell
        for (topic, partition), lag in service.consumer.lags().items():
            metrics.LAG.labels(service.consumer.group, topic, partition).set(lag)
    for read in service.gauges:
        await read(database)
