"""A session in which more hold a seat than one unit of work can tell: all of them hear of its plan, once, in steps."""

import asyncio
from typing import Any

import pytest

from eventing.transient import TransientError
from services.notifications import store, timers
from tests.notifications.builders import DAY, NOON, called_off, merged, profile, reserved, scheduled
from tests.notifications.conftest import PORTAL, Notifications
from tests.notifications.test_sending import holding

WHO = [f"E-{number}" for number in range(5)]


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_HOLDERS", 4)
    monkeypatch.setattr(timers, "MOST_EDUCATORS", 2)


async def step(notifications: Notifications) -> bool:
    return await timers.on_planned(notifications.database, notifications.programs, PORTAL, notifications.clock())


async def finish(notifications: Notifications) -> int:
    steps = 0
    while await step(notifications):
        steps += 1
    return steps


async def told(notifications: Notifications, kind: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await notifications.database["messages"].find({"kind": kind}).to_list(None)
    return rows


async def seated(notifications: Notifications) -> None:
    await notifications.hear(*(profile(who) for who in WHO), scheduled(), *(reserved(who) for who in WHO))


async def test_each_hears_of_the_plan_once_and_its_event_is_what_led_to_it(notifications: Notifications) -> None:
    await seated(notifications)
    plan = notifications.records(called_off())
    await notifications.apply(plan)
    assert await told(notifications, "session_cancelled") == []
    assert await finish(notifications) == 3
    rows = await told(notifications, "session_cancelled")
    assert sorted(row["educator_id"] for row in rows) == WHO
    assert {(row["led_by"]["id"], row["led_by"]["source"]) for row in rows} == {
        (plan[0].event.id, plan[0].event.source)
    }
    assert {row["to"] for row in rows} == {f"{who.lower()}@example.org" for who in WHO}


async def test_two_accounts_of_one_person_in_different_steps_are_told_once(notifications: Notifications) -> None:
    await seated(notifications)
    await notifications.hear(merged(WHO[0], WHO[4]))
    await notifications.hear(called_off())
    await finish(notifications)
    assert [row["educator_id"] for row in await told(notifications, "session_cancelled")].count(WHO[0]) == 1


async def test_a_plan_that_comes_while_another_is_told_begins_anew(notifications: Notifications) -> None:
    await seated(notifications)
    await notifications.hear(scheduled(starts_at=NOON + 12 * DAY))
    await step(notifications)
    await notifications.hear(called_off())
    await finish(notifications)
    assert sorted(row["educator_id"] for row in await told(notifications, "session_cancelled")) == WHO
    assert sorted(row["educator_id"] for row in await told(notifications, "session_changed")) == WHO[:2]


async def test_who_reserves_by_the_former_plan_while_the_steps_go_on_hears_of_the_new_one(
    notifications: Notifications,
) -> None:
    await notifications.hear(*(profile(who) for who in WHO), scheduled(), *(reserved(who) for who in WHO[1:]))
    await notifications.hear(*(reserved(who) for who in ("E-5", "E-6")))
    seat, plan = notifications.records(reserved(WHO[0])), notifications.records(called_off())
    read, go_on = asyncio.Event(), asyncio.Event()
    with holding(read, go_on):
        late = asyncio.create_task(notifications.apply(seat))
        await read.wait()
    await notifications.apply(plan)
    await finish(notifications)
    go_on.set()
    with pytest.raises(TransientError):
        await late
    await notifications.apply(seat)
    assert [
        r["educator_id"] for r in await told(notifications, "reservation_confirmed") if r["educator_id"] == WHO[0]
    ] == []
