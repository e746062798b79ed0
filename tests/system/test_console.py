"""The console of a running system, in a real browser: what each of the three roles comes for."""

import asyncio
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from playwright.sync_api import Browser, Page, Route

from tests.console.browser import PHONE, WIDE, Visit, visit
from tests.console.test_monitoring import expressions, named
from tests.system.conftest import System
from tests.system.outside import TIME, TRA1, Educator, World
from tests.waiting import until
from wea.credentials import console_passwords
from wea.state import State

PAGES = {
    "overview": "/",
    "streams": "/streams",
    "educators": "/educators?q=Okafor",
    "educator": "/educators/{ben}",
    "merge": "/educators/{ben}/merge?merged_educator_id={eve}",
    "parked": "/parked",
    "quarantine": "/quarantine",
    "exceptions": "/exceptions",
    "unmatched": "/unmatched",
    "messages": "/messages",
    "audit": "/audit",
    "lag": "/lag",
    "record": "/streams/{place}",
    "search": "/streams?text=Okafor",
    "timeline": "/educators/{ben}/timeline",
    "lane": "/parked/clockhours/{lane}",
    "message": "/messages/{message}",
    "repairs": "/repairs",
    "runbook": "/runbooks/parked-records",
}
PLACES = "[...document.querySelectorAll('[data-tail] tr[id]')].map(row => row.id)"


@contextmanager
def signed_in(
    browser: Browser, system: System, role: str, size: tuple[int, int] = WIDE, dark: bool = False
) -> Iterator[Visit]:
    password = console_passwords(State(system.state))[role]
    with visit(browser, system.url("console"), role, password, size=size, dark=dark) as one:
        yield one
        assert one.complaints == []


def reload_until(page: Page, text: str) -> None:
    """Reload until the page says so: reads follow an act within a second or so."""

    def says() -> bool:
        page.reload()
        return page.get_by_text(text).first.is_visible()

    until(says, f"the page says {text!r}")


def awarded_without_a_workshop(world: World, name: str = "Ben Okafor") -> Educator:
    """Everything is done, but the workshop names no micro-credential: the hours are held."""
    ben = Educator(name=name)
    world.send(ben.profile(), ben.oriented(), ben.registered(), ben.trained(opens=None), ben.submitted(), ben.awarded())
    world.until_total(ben, 180)
    world.until_missing(ben, ["workshop"])
    return ben


def shoot(page: Page, name: str) -> None:
    """Keep a picture, where WEA_SCREENSHOTS names a folder for them: docs/console has those of the last time."""
    if folder := os.environ.get("WEA_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.jpeg", type="jpeg", quality=50)


async def _put(world: World, key: str, data: dict[str, str]) -> None:
    event = {
        "specversion": "1.0", "id": f"broken-{key}", "source": "/enrollment", "time": TIME, "partitionkey": key,
        "type": "org.washingtonea.SessionReserved.v1", "sequence": "1", "data": data,
    }  # fmt: skip
    await world.put("wea.enrollment.v1", [(key, orjson.dumps(event))])


def parked_record(world: World) -> str:
    """A record that clockhours and notifications cannot process: its session_id is missing. Returns its key."""
    key = Educator().id
    with ThreadPoolExecutor(1) as other:  # in this thread Playwright's own loop runs
        other.submit(asyncio.run, _put(world, key, {"educator_id": key})).result()
    for service in ("clockhours", "notifications"):
        until(lambda s=service: any(  # type: ignore[misc]
            lane["key"] == key for lane in world.api.items(s, "/admin/parked", "operator")
        ), f"it is parked in {service}")  # fmt: skip
    return key


def test_an_operator_finds_what_is_stuck_reads_why_and_mends_it_with_a_preview(
    browser: Browser, system: System, world: World
) -> None:
    key = parked_record(world)
    with signed_in(browser, system, "operator") as operator:
        page = operator.page
        reload_until(page, "parked in clockhours")
        page.get_by_role("listitem").filter(has_text="parked in clockhours").get_by_role("link", name="Look").click()
        shoot(page, "parked-group")
        page.get_by_role("link", name=key).click()
        shoot(page, "parked-record")
        assert page.locator(".notice.bad").first.inner_text().startswith("invalid")
        assert "session_id" in page.locator(".notice.bad").first.inner_text()
        retry = page.locator("form[action$='/retry']")
        retry.get_by_label("Reason").fill("is it mended?")
        retry.get_by_role("button", name="Preview").click()
        retry.get_by_text("It would stay parked").wait_for()
        page.get_by_text("Edit and retry").click()
        edit = page.locator("form[action$='/edit']")
        edit.get_by_label("Data").fill(orjson.dumps({"educator_id": key, "session_id": "W-9"}).decode())
        edit.get_by_label("Reason").fill("the session is known from the portal")
        edit.get_by_role("button", name="Preview").click()
        edit.get_by_text("The first record would be applied").wait_for()
        edit.get_by_role("button", name="Save and retry").click()
        edit.get_by_text("1 applied").wait_for()
        operator.go("/parked?service=clockhours")
        assert page.get_by_role("link", name=key).count() == 0
        operator.go("/audit")
        assert page.get_by_text("the session is known from the portal").first.is_visible()
    skipped = system.wea("parked", "skip", "notifications", key, "--reason", "a test's own", "--json")
    assert orjson.loads(skipped.stdout)["ok"]


def test_staff_find_why_hours_are_held_allocate_the_workshop_and_see_them_granted(
    browser: Browser, system: System, world: World, tmp_path: Path
) -> None:
    ben = awarded_without_a_workshop(world)
    with signed_in(browser, system, "staff") as staff:
        page = staff.go("/educators")
        page.get_by_role("searchbox").fill(ben.email)
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name=ben.id).click()
        page.get_by_text("workshop missing").first.wait_for()
        form = page.locator("form[action$='/correct']").filter(has=page.get_by_role("button", name="Allocate"))
        form.get_by_label("Micro-credential").select_option(TRA1)
        form.get_by_label("Reason").fill("Ben says so, and the list of those who came too")
        form.get_by_role("button", name="Preview").click()
        form.get_by_text("Would correct session").wait_for()
        form.get_by_role("button", name="Allocate").click()
        form.get_by_text("The hours follow").wait_for()
        reload_until(page, "15 hours granted")
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Transcript").click()
        file = tmp_path / "transcript.pdf"
        downloading.value.save_as(file)
        assert file.read_bytes().startswith(b"%PDF-")
    assert world.hours(ben)["total_minutes"] == 1080


def test_a_viewer_looks_at_everything_hidden_and_may_do_none_of_it(
    browser: Browser, system: System, world: World
) -> None:
    ben = Educator(name="Ben Okafor")
    world.send(ben.profile())
    world.until_known(ben)
    with signed_in(browser, system, "viewer") as viewer:
        page = viewer.go(f"/educators/{ben.id}")
        assert ben.email not in page.content()
        assert "Okafor" not in page.content()
        assert page.locator("main form").count() == 0
        csrf = page.locator("[name=csrf]").first.get_attribute("value") or ""
        cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    answer = httpx.post(
        f"{system.url('console')}/educators/{ben.id}/correct",
        data={"csrf": csrf, "reason": "x", "session_id": "W", "minutes": "90"},
        cookies=cookies,
    )
    assert answer.status_code == 403


def test_a_live_tail_shows_each_record_once_and_stands_still_while_it_is_paused(
    browser: Browser, system: System, world: World
) -> None:
    ana = Educator(name="Ana")

    def recorded() -> list[str]:
        return sorted(one["place"] for one in world.api.items("console", "/api/streams", educator=ana.id))

    def come_between(route: Route) -> None:
        world.send(ana.profile())
        until(recorded, "it is recorded")
        route.continue_()

    with signed_in(browser, system, "staff") as staff:
        page = staff.page
        rows = page.locator("[data-tail] tr[id]")
        page.route("**/live/tail*", come_between)  # after the page was made, and before its tail is listened to
        staff.go(f"/streams?educator={ana.id}")
        page.get_by_role("link", name="EducatorProfile").first.wait_for()

        page.get_by_role("button", name="Pause").click()
        standing = rows.count()
        world.send(ana.oriented())
        until(lambda: page.evaluate("held.length"), "a record has come while the tail stands still")
        assert rows.count() == standing
        page.get_by_role("button", name="Go on").click()
        until(lambda: sorted(page.evaluate(PLACES)) == recorded(), "every record is there once")

        page.unroute("**/live/tail*")
        staff.go(f"/streams?educator={ana.id}")  # what the page has already is not shown again by its tail
        world.send(ana.trained())
        page.get_by_role("link", name="WorkshopAttended").first.wait_for()
        until(lambda: sorted(page.evaluate(PLACES)) == recorded(), "every record is there once")
        page.get_by_role("link", name="EducatorProfile").first.click()
        page.locator(".graph a").first.wait_for()
        shoot(page, "record")
        assert page.locator(".graph a").count() >= 2


def parts_of_pages(world: World, educator: Educator) -> dict[str, str]:
    """What the addresses of single things name: a record, a message, a parked lane."""
    key = parked_record(world)
    parked = world.api.get("console", "/api/parked", "operator", of="clockhours")["items"]
    until(lambda: world.api.get("console", f"/api/educators/{educator.id}/timeline")["items"], "it is recorded")
    until(lambda: world.api.get("notifications", "/messages", educator_id=educator.id)["items"], "there is mail")
    return {
        "place": world.api.get("console", f"/api/educators/{educator.id}/timeline")["items"][0]["place"],
        "message": world.api.get("notifications", "/messages", educator_id=educator.id)["items"][0]["message_id"],
        "lane": next(head["handle"] for group in parked for head in group["heads"] if head["key"] == key),
    }


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious_on_any_page(
    browser: Browser, system: System, world: World, size: tuple[int, int], dark: bool
) -> None:
    ben, eve = awarded_without_a_workshop(world), Educator(name="Eve Okafor")
    world.send(eve.profile(), eve.oriented(), Educator().submitted())
    world.until_known(eve)
    parts = {"ben": ben.id, "eve": eve.id, **parts_of_pages(world, ben)}
    found: list[str] = []
    with signed_in(browser, system, "staff", size, dark) as staff:
        for name, path in PAGES.items():
            page = staff.go(path.format(**parts))
            assert page.locator("h1").count() == 1, f"{name}: {page.title()}"
            found += staff.problems()
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} is too wide"
            shoot(page, f"{name}-{'phone' if size == PHONE else 'wide'}-{'dark' if dark else 'light'}")
    assert found == []


def test_every_metric_of_the_monitoring_is_on_a_running_system(system: System, world: World) -> None:
    ana = Educator(name="Ana")
    world.send(*ana.whole_story())
    world.until_total(ana, 1080)
    wanted = {name for expression in expressions() for name in named(expression)}
    wanted = {name for name in wanted if not name.startswith("wea_check_")}  # of a process beside: test_check.py

    def shown() -> set[str]:
        """By `# TYPE`: what has labels shows no series before its first event."""
        texts = [httpx.get(f"{service['url']}/metrics").text for service in system.status()["services"].values()]
        types = [line.split(" ")[2:4] for text in texts for line in text.splitlines() if line.startswith("# TYPE ")]
        return {f"{name}_bucket" if kind == "histogram" else name for name, kind in types}

    until(lambda: wanted <= shown(), f"all of {len(wanted)} metrics are shown")


def test_the_console_killed_holds_up_nobody_and_afterwards_knows_what_it_missed(system: System, world: World) -> None:
    ana = Educator(name="Ana")
    os.kill(system.pid("console"), signal.SIGKILL)
    world.send(*ana.whole_story())
    world.until_total(ana, 1080)
    system.until_ready()

    def recorded() -> set[str]:
        found = world.api.get("console", f"/api/educators/{ana.id}/timeline", limit=500)["items"]
        return {one["type"].removeprefix("org.washingtonea.").removesuffix(".v1") for one in found}

    wanted = {"educator.updated", "micro_credential.submitted", "CredentialAwarded", "ClockHoursAwarded"}
    until(lambda: wanted <= recorded(), "the timeline is whole")
