"""What /metrics reads off the database is what its names say."""

from datetime import timedelta

from prometheus_client import REGISTRY

from eventing import gauges, outbox
from eventing.clock import Clock, system_now
from eventing.mongo import Database
from eventing.service import Service
from eventing.testing import Topics
from tests.eventing.conftest import COUNTED


async def test_the_oldest_row_of_the_outbox_is_told_whatever_lane_it_waits_in(database: Database) -> None:
    now, topics = system_now(), Topics()
    stuck, fresh = sorted(("k1", "k2"), key=outbox.relay_lane, reverse=True)
    assert outbox.relay_lane(stuck) > outbox.relay_lane(fresh)
    for key, at in ((stuck, now - timedelta(hours=1)), (fresh, now)):
        record = topics.record(COUNTED.name, key, "toy.Counted", {})
        await database["outbox"].bulk_write([outbox.row(COUNTED.name, record.event, b"{}", at)])
    await gauges.refresh(Service("toy", database, Clock(), {}))
    assert (REGISTRY.get_sample_value("wea_outbox_oldest_seconds", {"source": "outbox"}) or 0) >= 3600
    await database["outbox"].delete_one({"key": stuck})
    await gauges.refresh(Service("toy", database, Clock(), {}))
    assert (REGISTRY.get_sample_value("wea_outbox_oldest_seconds", {"source": "outbox"}) or 0) < 3600
