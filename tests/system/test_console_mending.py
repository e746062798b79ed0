"""What is parked in a running system and can be applied later: retried by hand, in groups, and stopped half-way.

MongoDB is told to refuse the documents of some educators, as it would after a bad change of its rules; then to take
them again.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page
from pymongo import MongoClient

from tests.system.conftest import System
from tests.system.outside import Educator, World
from tests.system.test_console import reload_until, shoot, signed_in
from tests.waiting import until

SERVICE = "clockhours"
Client = MongoClient[dict[str, Any]]


@pytest.fixture
def mongo(system: System) -> Iterator[Client]:
    with MongoClient[dict[str, Any]](system.status()["mongo"]["uri"]) as client:
        yield client
        allow(client)


def refuse(client: Client, educators: list[Educator]) -> None:
    """From now on MongoDB takes no document of these educators in clockhours."""
    validator = {"_id": {"$nin": [one.id for one in educators]}}
    client[SERVICE].command("collMod", "educators", validator=validator)


def allow(client: Client) -> None:
    client[SERVICE].command("collMod", "educators", validator={})


def parked_keys(world: World) -> set[str]:
    return {lane["key"] for lane in world.api.get(SERVICE, "/admin/parked", "operator", limit=1000)["items"]}


def parked(world: World, client: Client, count: int) -> list[Educator]:
    """That many educators whose orientation is parked in clockhours, in the order of their ids."""
    educators = sorted((Educator() for _ in range(count)), key=lambda one: one.id)
    refuse(client, educators)
    world.send(*(one.oriented() for one in educators))
    until(lambda: {one.id for one in educators} <= parked_keys(world), "all are parked")
    return educators


def refused_writes(page: Page) -> Locator:
    """The form that retries the group of ours, whatever else is parked."""
    return page.get_by_role("region", name=f"{SERVICE}: write refused").locator("form[action*='/group/']")


@contextmanager
def locked(client: Client, key: str) -> Iterator[None]:
    """Somebody holds this key's lane: whoever retries it waits."""
    lifetime = client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=120)["was"]
    try:
        with client.start_session() as session, session.start_transaction():
            client[SERVICE]["lanes"].update_one({"_id": key}, {"$set": {"held": True}}, session=session)
            yield
            session.abort_transaction()
    finally:
        client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=lifetime)


def test_an_operator_retries_what_was_mended_elsewhere_with_a_preview_and_sees_it_applied(
    browser: Browser, system: System, world: World, mongo: Client
) -> None:
    [rosa] = parked(world, mongo, 1)
    with signed_in(browser, system, "operator") as operator:
        page = operator.page
        reload_until(page, "parked in clockhours")
        operator.go("/parked?service=clockhours")
        page.get_by_role("link", name=rosa.id).click()
        assert page.locator(".notice.bad").first.inner_text().startswith("write refused")
        retry = page.locator("form[action$='/retry']")
        retry.get_by_label("Reason").fill("is it mended?")
        retry.get_by_role("button", name="Preview").click()
        retry.get_by_text("It would stay parked").wait_for()
        allow(mongo)
        retry.get_by_role("button", name="Preview").click()
        retry.get_by_text("The first record would be applied").wait_for()
        assert rosa.id in parked_keys(world)
        retry.get_by_label("Reason").fill("MongoDB's rule is taken back")
        retry.get_by_role("button", name="Retry", exact=True).click()
        retry.get_by_text("1 applied").wait_for()
        operator.go("/audit")
        assert page.get_by_text("MongoDB's rule is taken back").first.is_visible()
    assert rosa.id not in parked_keys(world)
    world.until_total(rosa, 90)


def test_a_group_is_retried_at_once_and_shows_how_far_it_is(
    browser: Browser, system: System, world: World, mongo: Client
) -> None:
    educators = parked(world, mongo, 5)
    allow(mongo)
    with signed_in(browser, system, "operator") as operator:
        page = operator.go("/parked?service=clockhours")
        group = refused_writes(page)
        group.get_by_label("Reason").fill("MongoDB's rule is taken back")
        group.get_by_role("button", name="Preview").click()
        group.get_by_text("would be applied").wait_for()
        group.get_by_role("button", name="Retry all 5").click()
        group.get_by_role("link").click()
        page.get_by_text("Done: 5 of 5 keys tried, 5 mended").wait_for()
        shoot(page, "repair-done")
    for one in educators:
        world.until_total(one, 90)
    assert not {one.id for one in educators} & parked_keys(world)


def test_a_long_retry_is_cancelled_what_is_done_is_done_and_the_rest_stays_parked(
    browser: Browser, system: System, world: World, mongo: Client
) -> None:
    educators = parked(world, mongo, 6)
    allow(mongo)
    with signed_in(browser, system, "operator") as operator, locked(mongo, educators[2].id):
        page = operator.go("/parked?service=clockhours")
        group = refused_writes(page)
        fingerprint = (group.get_attribute("action") or "").split("/")[-2]
        group.get_by_label("Reason").fill("MongoDB's rule is taken back")
        group.get_by_role("button", name="Retry all 6").click()
        group.get_by_role("link").click()
        page.get_by_text("Running: 2 of 6 keys tried, 2 mended").wait_for()
        cancel = page.locator("form[action$='/cancel']")
        cancel.get_by_label("Reason").fill("the database is to be looked at first")
        cancel.get_by_role("button", name="Cancel").click()
        cancel.get_by_text("It stops after the key in hand").wait_for()
        page.reload()
        page.get_by_text("Cancelled: 2 of 6 keys tried, 2 mended").wait_for()
        shoot(page, "repair-cancelled")
    for one in educators[:2]:
        world.until_total(one, 90)
    assert {one.id for one in educators[3:]} <= parked_keys(world)
    again = ["parked", "retry-group", SERVICE, fingerprint, "--reason", "it was looked at", "--json"]
    assert json.loads(system.wea(*again, "--dry-run").stdout)["dry_run"]
    assert json.loads(system.wea(*again).stdout)["ok"]
    for one in educators:
        world.until_total(one, 90)
