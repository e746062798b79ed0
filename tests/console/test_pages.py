"""The pages: for whom, with what hidden, and when other services are away."""

import json
import time
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from structlog.testing import capture_logs

from contracts import topics
from eventing.clock import system_now
from eventing.transient import TransientError
from services.console.site import ACTIONS, PAGES
from services.console.state import Sight
from services.console.store import Store
from tests.console.conftest import World

RECORD: dict[str, Any] = {
    "educator_id": "E-1",
    "profile": {
        "name": "Rosa Marín", "email": "rosa@example.org", "nea_member_id": "N-1001", "certificate_number": None,
    },
    "erased": False,
    "aliases": [],
    "orientation_completed_at": "2024-03-01T18:00:00Z",
    "orientations": [],
    "workshops": [
        {
            "session_id": "W-1", "kind": "workshop", "minutes": 90, "attended_minutes": 95,
            "ended_at": "2024-03-02T18:00:00Z", "micro_credential_id": None,
        }
    ],
    "micro_credentials": [],
}  # fmt: skip
HOURS: dict[str, Any] = {
    "educator_id": "E-1",
    "orientation_completed_at": "2024-03-01T18:00:00Z",
    "total_minutes": 90,
    "by_designation": {"STEM": 0},
    "renewal": [{"designation": "STEM", "required_minutes": 900, "earned_minutes": 0}],
    "entries": [
        {
            "entry_id": "e1", "kind": "orientation", "minutes": 90, "micro_credential_id": None, "session_id": "O-1",
            "designations": [], "completed_at": "2024-03-01T18:00:00Z", "registered_at": None,
            "granted_at": "2024-03-01T19:00:00Z", "reverses": None, "program_year": "2023-24",
        }
    ],
    "held": [{"micro_credential_id": "NEA_TRA1", "minutes": 900, "missing": ["workshop"]}],
    "exceptions": [],
}  # fmt: skip
LEARNER = {
    "id": "L1", "intake_key": "nea:N-7", "nea_member_id": "N-7", "email": "who@example.org", "educator_id": None,
    "micro_credential_ids": ["NEA_TRA1"], "facts": 2, "first_at": "2024-03-01T18:00:00Z",
    "last_at": "2024-03-01T18:00:00Z", "candidates": ["E-1"],
}  # fmt: skip
MESSAGE = {
    "message_id": "m1", "kind": "welcome", "educator_id": "E-1", "micro_credential_id": None, "session_id": None,
    "to": "rosa@example.org", "subject": "Welcome, Rosa", "status": "sent", "created_at": "2024-03-01T18:00:00Z",
    "sent_at": "2024-03-01T18:00:00Z", "reason": None, "meaning": None, "tries": 1, "text": "Dear Rosa", "html": None,
    "calendar": None,
}  # fmt: skip
BODY = ("text", "html", "calendar")
CASE = {
    "exception_id": "x1", "kind": "late_attempt", "educator_id": "E-1", "micro_credential_id": "NEA_TRA1",
    "session_id": None, "submission_id": "S-1", "attempt": 1, "status": "open", "opened_at": "2024-05-01T18:00:00Z",
    "by": None, "reason": None,
}  # fmt: skip
LANE = {
    "key": "nea:N-1001", "records": 2, "behind": 1, "topic": topics.INBOX.name, "event_id": "w1",
    "type": "micro_credential.submitted", "reason": {"code": "bug", "detail": "KeyError at x.py:1 f"}, "tries": 1,
    "parked_at": "2024-05-01T18:00:00Z",
}  # fmt: skip
QUARANTINED = {
    "id": "wea.portal.v1-0-1", "topic": topics.PORTAL.name, "reason": "not_json", "detail": "", "age_seconds": 5,
    "at": "2024-05-01T18:00:00Z", "key": "E-1", "value": "rosa@example.org, not JSON",
}  # fmt: skip
PARKED = {
    "n": 1, "topic": topics.INBOX.name, "partition": 0, "offset": 4, "event_id": "w1",
    "type": "micro_credential.submitted", "reason": LANE["reason"], "tries": 1, "parked_at": "2024-05-01T18:00:00Z",
    "timestamp": "2024-05-01T18:00:00Z",
    "value": '{"id":"w1","partitionkey":"nea:N-1001","data":{"learner":{"email":"rosa@example.org"},"attempt":0}}',
}  # fmt: skip


@pytest.fixture
def full(world: World) -> World:
    """Every other service has something to show."""
    return filled(world)


def filled(world: World) -> World:
    def listed(*items: Any) -> dict[str, Any]:
        return {"items": list(items), "next": None}

    tell = world.services.tell
    tell("GET", "enrollment", "/educators/E-1", RECORD)
    found = {"educator_id": "E-1", **RECORD["profile"], "alias_of": None, "erased": False}
    tell("GET", "enrollment", "/educators", listed(found))
    tell("GET", "clockhours", "/educators/E-1/clock-hours", HOURS)
    tell("GET", "clockhours", "/exceptions", listed(CASE))
    tell("GET", "enrollment", "/unmatched", listed(LEARNER))
    tell("GET", "enrollment", "/links", listed({**LEARNER, "educator_id": "E-1"}))
    tell("GET", "notifications", "/messages", listed({name: MESSAGE[name] for name in MESSAGE if name not in BODY}))
    tell("GET", "notifications", "/messages/m1", MESSAGE)
    tell("GET", "notifications", "/mail", {"stopped": True, "since": None, "by": "o", "reason": "r"})
    tell("GET", "notifications", "/tasks", listed())
    tell("GET", "enrollment", "/admin/parked", listed(LANE))
    tell("GET", "enrollment", "/admin/parked/nea:N-1001", listed(PARKED))
    tell("GET", "enrollment", "/admin/quarantine", listed(QUARANTINED))
    return world


async def addresses(world: World) -> list[str]:
    """Every page, with parts that exist."""
    webhook = world.record(
        topics.INBOX.name, "nea:N-1001", "micro_credential.submitted",
        {"learner": {"email": "rosa@example.org", "nea_member_id": "N-1001"}}, sequenced=False,
    )  # fmt: skip
    await world.hear(webhook)
    repair = {"_id": "r1", "service": "enrollment", "fingerprint": "f", "keys": [], "total": 1, "applied": 0}
    more = {"records": 0, "failed": 1, "state": "done", "by": "o", "reason": "r", "at": system_now()}
    await world.database["repairs"].insert_one(repair | more)
    parked = (await world.program("operator-key").get("/api/parked")).json()["items"]
    handle = parked[0]["heads"][0]["handle"] if parked else "gone"
    parts = {
        "{id:path}": "E-1", "{place}": webhook.place, "{service}": "enrollment", "{handle}": handle,
        "{runbook}": "consumer-lag",
    }  # fmt: skip
    paths = []
    for page in PAGES:
        path = page.path.replace("/repairs/{id}", "/repairs/r1").replace("/messages/{id}", "/messages/m1")
        for part, value in parts.items():
            path = path.replace(part, value)
        paths.append(path)
    return [*paths, "/streams?text=rosa", "/educators?q=Rosa", "/educators/E-1/merge?merged_educator_id=E-9"]


@pytest.mark.parametrize("role", ["viewer", "staff", "operator"])
async def test_every_page_opens_for_whom_it_is_meant_and_for_nobody_else(full: World, role: str) -> None:
    paths, browser = await addresses(full), await full.as_(role)
    for path in paths:
        answer = await browser.get(path)
        forbidden = (role == "viewer" and path == "/audit") or (role != "staff" and "/merge" in path)
        assert answer.status_code == (403 if forbidden else 200), f"{path}: {answer.text[:2000]}"


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_who_may_not_see_people_sees_no_personal_data_anywhere(full: World, role: str) -> None:
    paths, browser, program = await addresses(full), await full.as_(role), full.program(f"{role}-key")
    for path in paths:
        if "/merge" in path or path == "/audit":
            continue
        for text in (
            (await browser.get(path)).text,
            (await program.get(f"/api{path}" if path != "/" else "/api/overview")).text,
        ):
            typed = text.replace('value="rosa"', "").replace("/streams?text=rosa", "").replace('"text":"rosa"', "")
            for hidden in ("rosa@example", "Marín", "N-1001", "N-7", "who@example", "Dear Rosa", "Welcome, Rosa"):
                assert hidden not in typed, f"{path} shows {hidden}"


async def test_staff_see_people(full: World) -> None:
    page = (await (await full.as_("staff")).get("/educators/E-1")).text
    assert all(shown in page for shown in ("Rosa Marín", "rosa@example.org", "N-1001", "not allocated"))


async def test_a_search_by_text_goes_back_as_far_as_there_is_anything_and_shows_each_once(world: World) -> None:
    """More records than one look reads, and more with the text in them than a page shows."""
    wanted = {3, 4, 5, 340, 650, 651, 652, 653}
    records = [
        world.record("wea.portal.v1", f"E-{n % 40}", "educator.updated", {"name": "Rosa" if n in wanted else "Ben"},
                     sequenced=False, at=system_now() - timedelta(seconds=n))
        for n in range(700)
    ]  # fmt: skip
    await world.hear(*records)
    read = await world.pages("/api/streams", text="rosa", limit=3)
    found = [one["event_id"] for page in read for one in page["items"]]
    assert found == [records[n].event.id for n in sorted(wanted)]
    html = (await (await world.as_("staff")).get("/streams?text=nobody")).text
    assert "700 records that fit the other filters were read" in html


async def test_nobody_finds_by_text_what_is_hidden_from_them(full: World) -> None:
    await addresses(full)
    seen = {
        role: len(
            (await full.program(f"{role}-key").get("/api/streams", params={"text": "rosa@example"})).json()["items"]
        )
        for role in ("staff", "operator", "viewer")
    }
    assert seen == {"staff": 1, "operator": 0, "viewer": 0}


async def test_a_viewer_may_do_nothing_even_by_a_direct_post(full: World) -> None:
    browser = await full.as_("viewer")
    for action in ACTIONS:
        path = action.path.replace("{id:path}", "E-1")
        for part in ("{id}", "{handle}", "{fingerprint}"):
            path = path.replace(part, "x")
        path = path.replace("{service}", "enrollment")
        assert (await browser.post(path)).status_code == 403, path
        answer = await full.program("viewer-key").post(f"/api{path}", json={"reason": "x"})
        assert answer.status_code == 403, path
    assert full.services.posts() == []


@pytest.mark.parametrize("path", ["/api/overview", "/api/parked", "/api/educators/E-1"])
async def test_the_api_asks_for_a_key_and_the_portals_is_none(world: World, path: str) -> None:
    assert (await world.program("wrong").get(path)).status_code == 401
    assert (await world.program("portal-key").get(path)).status_code == 403


@pytest.mark.parametrize("how", ["away", "slow"])
async def test_a_service_that_is_away_or_slow_costs_a_page_about_a_second_and_then_nothing(
    full: World, how: str
) -> None:
    browser = await full.as_("staff")
    await browser.get("/educators/E-1")
    getattr(full.services, how).update({"clockhours", "notifications"})
    began = time.monotonic()
    first = await browser.get("/educators/E-1")
    took = time.monotonic() - began
    assert first.status_code == 200
    assert "clockhours does not answer" in first.text
    assert took < 4
    for _ in range(3):
        await browser.get("/educators/E-1")
    began = time.monotonic()
    assert (await browser.get("/educators/E-1")).status_code == 200
    assert time.monotonic() - began < 1


async def test_without_kafka_a_record_is_shown_without_its_body(full: World) -> None:
    one = full.record(topics.CLOCKHOURS.name, "E-1", "org.washingtonea.ClockHoursAwarded.v1")
    await full.hear(one)
    full.bodies.away = True
    page = await (await full.as_("staff")).get(f"/streams/{one.place}")
    assert page.status_code == 200
    assert "Kafka does not answer" in page.text


async def test_a_lag_that_is_old_because_kafka_is_away_says_so(full: World) -> None:
    """It was zeros, as last seen, with the time of now."""
    browser = await full.as_("staff")
    for answers in (True, False):
        full.console.watch.sight = Sight(kafka=answers)
        assert ("Kafka does not answer" in (await browser.get("/lag")).text) is not answers
        assert (await full.program("staff-key").get("/api/lag")).json()["kafka_away"] is not answers


@pytest.mark.parametrize("nasty", ["<script>alert(1)</script>", "E-\"'&", "a/b", "%2e%2e", "élève", "x" * 300])
async def test_any_id_is_a_page_or_a_404_and_never_markup(world: World, nasty: str) -> None:
    from urllib.parse import quote

    await world.hear(world.record(topics.ENROLLMENT.name, nasty, "org.example.T.v1"))
    browser = await world.as_("staff")
    answer = await browser.get(f"/educators/{quote(nasty, safe='')}")
    assert answer.status_code in {200, 404}
    assert "<script>alert" not in answer.text
    assert "<script>alert" not in (await browser.get("/streams")).text


async def test_an_unknown_educator_is_404_and_an_unknown_cursor_422(world: World) -> None:
    staff = world.program("staff-key")
    assert (await staff.get("/api/educators/E-none")).status_code == 404
    for cursor in ("nonsense", "WzEsMl0=", "e30="):
        assert (await staff.get("/api/streams", params={"after": cursor})).status_code == 422


async def test_a_live_page_ends_quietly_while_the_database_is_away(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise TransientError("away")

    browser = await full.as_("staff")
    monkeypatch.setattr(Store, "tail", away)
    answer = await browser.get("/live/tail")  # an exception of the application's would be raised here
    assert (answer.status_code, answer.text) == (200, "retry: 2000\n\n")


async def test_the_audit_shows_what_the_services_noted_last_and_leads_on_to_all_that_is_older(full: World) -> None:
    def trail(numbers: range) -> Callable[[httpx.Request], dict[str, Any]]:
        """As a service lists it: the newest first, page by page."""
        ids = [f"{n:04}" for n in reversed(numbers)]

        def audit(request: httpx.Request) -> dict[str, Any]:
            limit, after = int(request.url.params["limit"]), request.url.params.get("after")
            left = [id for id in ids if after is None or id < orjson.loads(b64decode(after))]
            return {"items": [{"_id": id} for id in left[:limit]], "next": "more" if len(left) > limit else None}

        return audit

    full.services.tell("GET", "clockhours", "/admin/audit", trail(range(0, 700, 2)))
    full.services.tell("GET", "enrollment", "/admin/audit", trail(range(1, 50, 2)))
    seen, before = [], ""
    while before is not None:
        page = (await full.program("staff-key").get("/api/audit", params={"services_before": before})).json()
        seen += [one["id"] for one in page["services"]]
        before = page["services_next"]
    assert seen == [f"{n:04}" for n in sorted({*range(0, 700, 2), *range(1, 50, 2)}, reverse=True)]
    assert "Older in the services" in (await (await full.as_("staff")).get("/audit")).text


async def test_a_skipped_record_shows_no_member_id_in_quarantine_to_whom_it_does_not_concern(full: World) -> None:
    skipped = QUARANTINED | {"key": "nea:N-1001", "value": '{"partitionkey":"nea:N-1001","data":{"attempt":1}}'}
    full.services.tell("GET", "enrollment", "/admin/quarantine", {"items": [skipped], "next": None})
    assert "N-1001" not in (await (await full.as_("operator")).get("/quarantine")).text
    assert "N-1001" in (await (await full.as_("staff")).get("/quarantine")).text


@pytest.mark.parametrize("next", [None, "later"])
async def test_a_search_that_shows_only_the_first_says_that_there_are_more(full: World, next: str | None) -> None:
    found = {"educator_id": "E-1", **RECORD["profile"], "alias_of": None, "erased": False}
    full.services.tell("GET", "enrollment", "/educators", {"items": [found], "next": next})
    page = (await (await full.as_("staff")).get("/educators?q=Ros")).text
    assert ("More fit than are shown" in page) is (next is not None)


async def test_of_a_long_lane_the_first_are_shown_and_that_there_are_more(full: World) -> None:
    full.services.tell("GET", "enrollment", "/admin/parked/nea:N-1001", {"items": [PARKED, PARKED], "next": "later"})
    browser = await full.as_("operator")
    lane = (await full.program("operator-key").get("/api/parked")).json()["items"][0]["heads"][0]["handle"]
    assert "Only the first are shown." in (await browser.get(f"/parked/enrollment/{lane}")).text


async def test_an_address_that_there_is_not_is_a_page_for_people_too(world: World) -> None:
    answer = await (await world.as_("viewer")).get("/nothing")
    assert (answer.status_code, "There is no such page." in answer.text) == (404, True)
    assert (await world.browser().get("/apple-touch-icon.png")).status_code == 404  # asked for beside a form to sign in
    assert (await world.program("viewer-key").get("/api/nothing")).headers["content-type"].startswith("application/")


async def test_a_fault_of_ours_is_a_page_that_says_nothing_of_itself_and_stands_in_the_log(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise LookupError("rosa@example.org")

    browser = await full.as_("staff")
    monkeypatch.setattr(Store, "tail", broken)
    with capture_logs() as logged:
        answer = await browser.get("/streams")
    assert (answer.status_code, "rosa@" in answer.text) == (500, False)
    assert "That did not work" in answer.text
    assert "content-security-policy" in answer.headers
    (line,) = logged
    assert (line["event"], line["page"], line["exc_info"]) == ("page_failed", "/streams", True)


@pytest.mark.parametrize(
    "said",
    [
        {"data": {"learner": {"Email": "rosa@example.org", "attempt": 1}}},  # not as we would write it
        {"data": {"educator_id": "E-1", "nickname": "rosa@example.org"}},
        {"data": {"educator_id": "E-1", "reason": "asked by rosa@example.org"}},
        {"data": [["rosa@example.org"]]},
    ],
)
async def test_of_what_a_stranger_wrote_only_what_we_have_a_name_for_is_shown_to_whom_it_does_not_concern(
    full: World, said: dict[str, Any]
) -> None:
    strange = QUARANTINED | {"value": json.dumps({"type": "educator.updated"} | said)}
    full.services.tell("GET", "enrollment", "/admin/quarantine", {"items": [strange], "next": None})
    for role, sees in (("viewer", False), ("operator", False), ("staff", True)):
        page = (await (await full.as_(role)).get("/quarantine")).text
        assert ("rosa@example.org" in page, "educator.updated" in page) == (sees, True), role
