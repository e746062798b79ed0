"""What /metrics reads off the database is what its names say (of the outboxes: test_waiting.py)."""

import asyncio

from prometheus_client import REGISTRY

from eventing import gauges
from eventing.clock import Clock
from eventing.mongo import Database, connect
from eventing.service import Service
from wea.servers.ports import free_port


async def test_without_mongodb_metrics_are_shown_at_once_and_say_so(database: Database) -> None:
    """Whoever scrapes waits for no database: a page of metrics that comes late is none, and all alerts are silent."""
    await gauges.refresh(Service("toy", database, Clock(), {}))
    assert REGISTRY.get_sample_value("wea_mongodb_answers") == 1
    with connect(f"mongodb://127.0.0.1:{free_port()}/?directConnection=true", "toy") as away:
        async with asyncio.timeout(4):  # the console waits for three seconds, MongoDB's driver for five
            await gauges.refresh(Service("toy", away, Clock(), {}))
    assert REGISTRY.get_sample_value("wea_mongodb_answers") == 0


async def test_a_count_that_takes_too_long_is_not_said_to_be_mongodb_s_absence(database: Database) -> None:
    async def counting(_: Database) -> None:
        raise TimeoutError  # as when the two seconds are over

    await gauges.refresh(Service("toy", database, Clock(), {}, gauges=(counting,)))
    assert REGISTRY.get_sample_value("wea_mongodb_answers") == 1
