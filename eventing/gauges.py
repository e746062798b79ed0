"""Gauges that are read off the database when someone asks for /metrics."""

import asyncio
from typing import Any

import structlog

from eventing import metrics
from eventing.clock import system_now
from eventing.mongo import faults
from eventing.outbox import Source
from eventing.service import Service
from eventing.transient import RefusedError, TransientError

log = structlog.get_logger(__name__)

WITHIN_SECONDS = 2.0  # the console waits for three; the driver looks for five, and for 30 at one that is frozen


async def refresh(service: Service) -> None:
    """Bring the gauges up to date; what MongoDB does not tell in time keeps what it last showed.

    Whether it answers at all is said of one small read: counting what waits may take long, and is no absence.
    """
    _show_lag(service)
    answers = 0
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            with faults():
                await service.database["lanes"].find_one({}, {"_id": 1})
            answers = 1
            await _refresh(service)
    except RefusedError:
        answers = 1
    except (TransientError, TimeoutError) as error:
        log.info("gauges_not_read", error=type(error).__name__)
    metrics.MONGODB.set(answers)


async def _refresh(service: Service) -> None:
    database = service.database
    with faults():
        metrics.PARKED_LANES.set(await database["lanes"].count_documents({"parked": {"$gt": 0}}))
        metrics.PARKED.set(await database["parked"].estimated_document_count())
        metrics.QUARANTINED.set(await database["quarantine"].estimated_document_count())
        for source in service.outboxes:
            await _waiting(database[source.collection], source)
    for read in service.gauges:
        await read(database)


def _show_lag(service: Service) -> None:
    if service.consumer is not None:
        metrics.LAG.clear()  # what another replica reads now is for that one to tell
        for (topic, partition), lag in service.consumer.lags().items():
            metrics.LAG.labels(service.consumer.group, topic, partition).set(lag)


async def _waiting(rows: Any, source: Source) -> None:
    count = rows.count_documents(source.waiting) if source.waiting else rows.estimated_document_count()
    metrics.OUTBOX_ROWS.labels(source.collection).set(await count)
    oldest = await rows.find_one(source.waiting, {"at": 1}, sort=list(source.oldest))
    age = (system_now() - oldest["at"]).total_seconds() if oldest else 0.0
    metrics.OUTBOX_AGE.labels(source.collection).set(max(0.0, age))
