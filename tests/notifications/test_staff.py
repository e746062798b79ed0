"""What staff hear of the other services, asked over HTTP: one digest a day, and an alert when a lane parks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from contracts import topics
from contracts.kinds import ExceptionKind
from contracts.program import Programs
from services.notifications import staff
from services.notifications.neighbours import Neighbours
from services.notifications.staff import Day
from services.notifications.timers import on_digest, on_parked, on_programme_changed
from tests.notifications.builders import DAY, HOUR, NOON, PROGRAMS, ROSA, case, erased, local, merged, profile
from tests.notifications.conftest import Notifications
from tests.notifications.mail_server import How
from tests.notifications.test_sending import was_put_off
from tests.waiting import until_true

KEYS = {"staff": "staff-key", "operator": "operator-key"}
URLS = {"enrollment": "http://enrollment:8081", "clockhours": "http://clockhours:8082"}


@dataclass
class Others:
    """The other services as HTTP shows them. `lists` has what each path answers; a path that is not there is a 500."""

    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    whole: bool = True  # no list goes on

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = f"{request.url.host}{request.url.path}"
        self.asked.append(path)
        role = "operator" if "/admin/" in path else "staff"
        if request.headers["Authorization"] != f"Bearer {KEYS[role]}":
            return httpx.Response(403)
        if path not in self.lists:
            return httpx.Response(500, text="no JSON at all")
        return httpx.Response(200, json={"items": self.lists[path], "next": None if self.whole else "more"})


@pytest.fixture
def others() -> Others:
    return Others({"enrollment/unmatched": [], "enrollment/admin/parked": [], "clockhours/admin/parked": []})


@pytest.fixture
async def neighbours(others: Others) -> AsyncIterator[Neighbours]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(others.answer)) as client:
        yield Neighbours(client, URLS, KEYS)


def lane(key: str) -> dict[str, Any]:
    return {"key": key, "records": 2, "behind": 1, "reason": {"code": "bug", "detail": "KeyError at policy.py:1 f"}}


async def test_the_digest_counts_what_is_unmatched_and_parked_elsewhere(
    notifications: Notifications, others: Others, neighbours: Neighbours
) -> None:
    others.lists["enrollment/unmatched"] = [{"id": "u-1"}, {"id": "u-2"}]
    others.lists["clockhours/admin/parked"] = [lane(ROSA)]
    await on_digest(notifications.database, notifications.programs, neighbours, notifications.clock())
    await notifications.send()
    [mail] = [delivered.mail for delivered in notifications.mail.delivered]
    assert mail["Subject"] == "Micro-credentials today: 2 unmatched and 1 parked"
    text = mail.get_body(("plain",))
    assert text is not None
    assert "clockhours: 1" in text.get_content()


async def test_the_digest_comes_once_a_local_day_from_seven_on(
    notifications: Notifications, others: Others, neighbours: Neighbours
) -> None:
    others.lists["enrollment/unmatched"] = [{"id": "u-1"}]
    digests = notifications.database["messages"]
    times = [local(4, 3, 6, 59), local(4, 3, 7), local(4, 3, 23, 59), local(4, 4, 6, 59), local(4, 4, 7)]
    for now, count in zip(times, (0, 1, 1, 1, 2), strict=True):
        await on_digest(notifications.database, notifications.programs, neighbours, now)
        assert await digests.count_documents({"kind": "staff_digest"}) == count, now


async def test_the_digest_has_our_own_parked_lanes_and_the_addresses_that_are_still_bad(
    notifications: Notifications, neighbours: Neighbours
) -> None:
    """Lanes as of the other services, however many records wait in them."""
    opened = {"kind": "address_refused", "educator_id": ROSA, "code": 550}
    await notifications.database["tasks"].insert_many([{**opened, "status": "open"}, {**opened, "status": "resolved"}])
    await notifications.database["lanes"].insert_one({"_id": ROSA, "parked": 2})
    await notifications.database["parked"].insert_many([{"key": ROSA, "n": 1}, {"key": ROSA, "n": 2}])
    await on_digest(notifications.database, notifications.programs, neighbours, notifications.clock())
    found = await notifications.message("staff_digest")
    assert found["subject"] == "Micro-credentials today: 1 bad address and 1 parked"


async def test_a_link_is_gone_without_a_trace_180_days_after_it_ended(
    notifications: Notifications, neighbours: Neighbours
) -> None:
    await notifications.hear(profile())
    await notifications.send()
    tokens, began = notifications.database["tokens"], notifications.clock()
    for days, left in ((90 + 179, 1), (90 + 181, 0)):
        await on_digest(notifications.database, notifications.programs, neighbours, began + days * DAY)
        assert await tokens.count_documents({}) == left


async def test_a_changed_programme_has_each_living_educators_reminders_looked_at_anew(
    notifications: Notifications,
) -> None:
    others = ("E-merged", "E-erased")
    await notifications.hear(profile(), *(profile(who) for who in others), merged(ROSA, others[0]), erased(others[1]))
    await notifications.tick()

    async def due(programs: Programs) -> list[str]:
        await on_programme_changed(notifications.database, programs)
        looked_at = {"remind_at": {"$lte": notifications.clock()}}
        found = [row["_id"] async for row in notifications.database["educators"].find(looked_at)]
        await notifications.tick()
        return found

    assert await due(PROGRAMS) == [ROSA]
    assert await due(PROGRAMS) == []
    assert await due(Programs(PROGRAMS.years[:1])) == [ROSA]


async def test_a_service_that_is_away_is_left_out_of_the_digest_and_the_rest_is_sent(
    notifications: Notifications, others: Others, neighbours: Neighbours
) -> None:
    others.lists = {"clockhours/admin/parked": [lane(ROSA)]}
    await on_digest(notifications.database, notifications.programs, neighbours, notifications.clock())
    await notifications.send()
    assert [d.mail["Subject"] for d in notifications.mail.delivered] == ["Micro-credentials today: 1 parked"]
    assert sorted(set(others.asked)) == ["clockhours/admin/parked", "enrollment/admin/parked", "enrollment/unmatched"]


async def test_mail_that_fails_after_the_days_digest_is_in_the_next_one(
    notifications: Notifications, neighbours: Neighbours
) -> None:
    """What is put off fails 48 hours after it was made."""

    async def digest() -> list[str]:
        await on_digest(notifications.database, notifications.programs, neighbours, notifications.clock())
        return [row["subject"] async for row in notifications.database["messages"].find({"kind": "staff_digest"})]

    await notifications.hear(profile())
    notifications.mail.will("e-rosa@example.org", How.SAYS_450, How.SAYS_450)
    async with notifications.sending(retry_seconds=20.0):
        await until_true(partial(was_put_off, notifications))
    notifications.clock.now += DAY
    assert await digest() == []
    long_ago = {"first_put_off_at": notifications.clock().replace(year=2020), "try_at": notifications.clock()}
    await notifications.database["messages"].update_one({"kind": "welcome"}, {"$set": long_ago})
    notifications.clock.now += HOUR
    await notifications.send()
    notifications.clock.now += DAY
    assert await digest() == ["Micro-credentials today: 1 failed mail"]
    notifications.clock.now += DAY
    assert len(await digest()) == 1


async def test_an_exception_that_is_read_after_the_days_digest_is_in_the_next_one(
    notifications: Notifications, neighbours: Neighbours
) -> None:
    """The service was away at seven, or the record was parked: it was opened long ago, and nobody heard of it."""
    await notifications.hear(profile())
    opened = notifications.records(case(ExceptionKind.LATE_ATTEMPT))
    digests = notifications.database["messages"]
    for subjects in ([], ["Micro-credentials today: 1 new exception"]):
        notifications.clock.now += DAY
        await on_digest(notifications.database, notifications.programs, neighbours, notifications.clock())
        assert [row["subject"] async for row in digests.find({"kind": "staff_digest"})] == subjects
        if not subjects:
            notifications.clock.now += HOUR
            await notifications.apply(opened)
            # Looked at again the same day, as it is every half minute: that is no digest.
            await on_digest(notifications.database, notifications.programs, neighbours, notifications.clock())
            notifications.clock.now += HOUR


async def test_what_was_not_committed_yet_when_the_digest_looked_is_in_the_next_one(
    notifications: Notifications, neighbours: Neighbours
) -> None:
    """A unit's time is read when it begins: what it writes may be older than the digest that did not see it."""
    await notifications.hear(profile())
    opened, digests = notifications.records(case(ExceptionKind.LATE_ATTEMPT)), notifications.database["messages"]
    notifications.clock.now += DAY
    looked_at = notifications.clock()
    await on_digest(notifications.database, notifications.programs, neighbours, looked_at)
    notifications.clock.now -= timedelta(seconds=1)
    await notifications.apply(opened)
    await digests.insert_one({"kind": "welcome", "status": "failed", "failed_at": notifications.clock()})
    for days in (1, 2):
        await on_digest(notifications.database, notifications.programs, neighbours, looked_at + days * DAY)
        subjects = [row["subject"] async for row in digests.find({"kind": "staff_digest"})]
        assert subjects == ["Micro-credentials today: 1 new exception and 1 failed mail"]


def test_the_digests_subject_counts_one_and_many() -> None:
    one = Day(mail={"welcome": 1}, tasks=("educator E-1: the mail server said 550",), parked={"enrollment": 1})
    two = Day(mail={"welcome": 2}, tasks=("one", "two"), unmatched=2)
    headlines = [staff.digest(day, PROGRAMS.years[0], NOON).about["headline"] for day in (one, two)]
    assert headlines == [
        "1 failed mail, 1 bad address and 1 parked",
        "2 unmatched, 2 failed mails and 2 bad addresses",
    ]


async def test_an_exception_that_the_version_before_kept_is_in_the_next_digest(
    notifications: Notifications, neighbours: Neighbours
) -> None:
    """It wrote no `learned_at`: what came between its last digest and the upgrade was in none."""
    await notifications.hear(profile(), case(ExceptionKind.LATE_ATTEMPT))
    educators, digests = notifications.database["educators"], notifications.database["messages"]
    await educators.update_one({"_id": ROSA}, {"$unset": {"cases.0.learned_at": ""}})
    for _ in range(2):
        notifications.clock.now += DAY
        await on_digest(notifications.database, notifications.programs, neighbours, notifications.clock())
        subjects = [row["subject"] async for row in digests.find({"kind": "staff_digest"})]
        assert subjects == ["Micro-credentials today: 1 new exception"]


async def test_a_day_on_which_nothing_needs_staff_has_no_digest(
    notifications: Notifications, neighbours: Neighbours
) -> None:
    await on_digest(notifications.database, notifications.programs, neighbours, notifications.clock())
    await notifications.send()
    assert notifications.mail.delivered == []


async def test_staff_hear_of_a_parked_lane_at_once_and_again_only_after_it_was_free(
    notifications: Notifications, others: Others, neighbours: Neighbours
) -> None:
    async def look() -> int:
        await on_parked(notifications.database, notifications.programs, neighbours, notifications.clock())
        await notifications.send()
        notifications.clock.now += DAY / 100
        return len(notifications.mail.delivered)

    others.lists["clockhours/admin/parked"] = [lane(ROSA)]
    assert await look() == 1
    assert await look() == 1
    [told] = notifications.mail.delivered
    assert told.mail["Subject"] == "Needs a look now: clockhours: records are parked"
    assert ROSA in str(told.mail.get_body(("plain",)))
    del others.lists["clockhours/admin/parked"]  # away: that says nothing about the lane
    assert await look() == 1
    others.lists["clockhours/admin/parked"] = [lane(ROSA)]
    assert await look() == 1
    others.lists["clockhours/admin/parked"] = []
    assert await look() == 1
    others.lists["clockhours/admin/parked"] = [lane(ROSA)]
    assert await look() == 2


async def test_of_more_parked_lanes_than_are_read_at_once_each_is_told_once(
    notifications: Notifications, others: Others, neighbours: Neighbours
) -> None:
    lanes = notifications.database["lanes"]
    await lanes.insert_many([{"_id": f"E-{number:03}", "parked": 1} for number in range(130)])
    others.whole = False
    others.lists["clockhours/admin/parked"] = [lane("E-1"), lane("E-2")]
    told = notifications.database["messages"]

    async def look() -> int:
        await on_parked(notifications.database, notifications.programs, neighbours, notifications.clock())
        notifications.clock.now += HOUR
        count: int = await told.count_documents({})
        return count

    for _ in range(3):
        await look()
    assert await look() == 132
    # More wait behind some, and where the other service's list is cut there are others now.
    await lanes.update_many({"_id": {"$lt": "E-050"}}, {"$inc": {"parked": 1}})
    others.lists["clockhours/admin/parked"] = [lane("E-0"), lane("E-1")]
    for _ in range(3):
        await look()
    others.lists["clockhours/admin/parked"] = [lane("E-1"), lane("E-2")]
    assert await look() == 133
    others.whole = True
    others.lists["clockhours/admin/parked"] = []
    await lanes.update_one({"_id": "E-007"}, {"$set": {"parked": 0}})
    await look()
    await lanes.update_one({"_id": "E-007"}, {"$set": {"parked": 1}})
    others.lists["clockhours/admin/parked"] = [lane("E-1")]
    assert await look() == 135


async def test_what_a_real_service_answers_is_understood(notifications: Notifications) -> None:
    """Our own application in the place of another service: the same routes, keys and lists."""
    unknown = notifications.written.record(topics.ENROLLMENT.name, ROSA, "org.washingtonea.NoSuchEvent.v1", {"a": 1})
    await notifications.apply([unknown])
    async with notifications.asked_by(None) as client:
        neighbours = Neighbours(client, {"clockhours": str(client.base_url)}, KEYS)
        [parked] = (await neighbours.parked())["clockhours"].lanes
        assert (parked.key, parked.code) == (ROSA, "unknown_type")
        assert await Neighbours(client, {"clockhours": str(client.base_url)}, {"operator": "wrong"}).parked() == {}
