"""What waits in the outboxes: as /metrics counts it, and as operators are shown it."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from prometheus_client import REGISTRY

from eventing import gauges, outbox, waiting
from eventing.clock import Clock, system_now
from eventing.http import Page, ProblemError, cursor
from eventing.kafka import KafkaSettings
from eventing.mongo import Database
from eventing.outbox import Claims
from eventing.relay import Relay
from eventing.service import Service
from eventing.testing import Topics
from tests.eventing.conftest import COUNTED
from tests.paging import pages

AWAY = KafkaSettings("127.0.0.1:1")
HUGE = {"outbox": "intake", "lane": 1, "order": 2**63, "_id": "claim-1"}


def service(database: Database) -> Service:
    """With an outbox like enrollment's intake, and one of its own events. Their relays do not run."""
    return Service("toy", database, Clock(), {}, loops=(Relay(AWAY, database, Claims("intake")), Relay(AWAY, database)))


async def written(database: Database, topics: Topics, key: str, at: datetime) -> str:
    record = topics.record(COUNTED.name, key, "toy.Counted", {})
    await database["outbox"].bulk_write([outbox.row(COUNTED.name, record.event, b"{}", at)])
    return record.event.id


async def claimed(database: Database, key: str, at: datetime, order: int, published: bool = False) -> str:
    row = {"topic": "inbox", "key": key, "lane": outbox.relay_lane(key), "order": order, "value": b"{}"}
    await database["intake"].insert_one({"_id": f"claim-{order}", "at": at, **({} if published else row)})
    return f"claim-{order}"


def oldest(source: str) -> float:
    return REGISTRY.get_sample_value("wea_outbox_oldest_seconds", {"source": source}) or 0


async def test_the_oldest_row_of_each_outbox_is_told_whatever_lane_it_waits_in(database: Database) -> None:
    topics, now, hour = Topics(), system_now(), timedelta(hours=1)
    stuck, fresh = sorted(("k1", "k2"), key=outbox.relay_lane, reverse=True)
    assert outbox.relay_lane(stuck) > outbox.relay_lane(fresh)
    for key, at, order in ((stuck, now - hour, 2), (fresh, now, 3)):
        await written(database, topics, key, at)
        await claimed(database, key, at - hour, order)
    await claimed(database, stuck, now - 9 * hour, 1, published=True)
    await gauges.refresh(service(database))
    assert 3600 <= oldest("outbox") < 7200 <= oldest("intake") < 10800
    assert REGISTRY.get_sample_value("wea_outbox_rows", {"source": "intake"}) == 2
    for rows in ("outbox", "intake"):
        await database[rows].delete_one({"key": stuck})
    await gauges.refresh(service(database))
    assert oldest("outbox") < 3600 <= oldest("intake") < 7200


async def test_operators_see_each_row_that_waits_once_whatever_the_size_of_a_page(database: Database) -> None:
    topics, now = Topics(), system_now()
    expected = {await claimed(database, key, now, order) for order, key in enumerate(("k1", "k2", "k1", "k3"))}
    expected |= {await written(database, topics, key, now) for key in ("k1", "k2", "k3")}
    for twin in ("twin-1", "twin-2"):  # one key on two topics: each has a sequence of its own
        row = await database["outbox"].find_one({"key": "k2"})
        await database["outbox"].insert_one({**row, "_id": twin, "topic": twin})
        expected.add(twin)
    await claimed(database, "k1", now, 9, published=True)
    for limit in (1, 2, 3, 4, 5, 100):
        shown = await pages(partial(rows, database, limit))
        assert max(len(page["items"]) for page in shown) <= limit
        assert sorted(row["id"] for page in shown for row in page["items"]) == sorted(expected), limit


async def rows(database: Database, limit: int, after: str | None = None) -> dict[str, Any]:
    return await waiting.rows(database, service(database).outboxes, Page(limit, after))


@pytest.mark.parametrize(
    "given", ["E-1", 7, ["outbox", 1], {"outbox": "intake", "lane": 1}, {"outbox": "other"}, {}, HUGE]
)
async def test_a_cursor_of_another_list_is_refused(database: Database, given: Any) -> None:
    with pytest.raises(ProblemError) as refused:
        await waiting.rows(database, service(database).outboxes, Page(after=cursor(given)))
    assert refused.value.status == 422
