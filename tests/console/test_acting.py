"""What people do through the console: asked for a reason, audited by name, done by the service that owns it."""

import re
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
from markupsafe import escape

from contracts import topics
from contracts.kinds import ExceptionKind
from eventing.clock import system_now
from services.console.policy import attention
from services.console.reasons import CASES
from services.console.repairs import Repairing, begin
from services.console.state import Process, Sight
from tests.console.conftest import World
from tests.console.test_pages import CASE, HOURS, LANE, LEARNER, PARKED, QUARANTINED, RECORD, full

__all__ = ["full"]

OUTCOME = {"key": "nea:N-1001", "applied": 2, "left": 0, "reason": None, "dry_run": False, "events": []}


async def handle_of(world: World) -> str:
    parked = (await world.program("operator-key").get("/api/parked")).json()["items"]
    return str(parked[0]["heads"][0]["handle"])


async def test_a_reason_is_always_asked_for(full: World) -> None:
    browser = await full.as_("staff")
    assert (await browser.post("/exceptions/x1/accept", reason=" ")).status_code == 422
    assert full.services.posts() == []


async def test_staff_accept_a_late_attempt_with_their_name_and_reason(full: World) -> None:
    full.services.tell("POST", "clockhours", "/exceptions/x1/accept", CASE)
    answer = await (await full.as_("staff")).post("/exceptions/x1/accept", reason="NEA was down that day")
    assert answer.status_code == 200
    body = {"by": "staff", "reason": "NEA was down that day"}
    assert full.services.posts() == [("clockhours", "/exceptions/x1/accept", body)]
    entry = (await full.audit())[-1]
    assert (entry["who"], entry["action"], entry["target"], entry["reason"]) == (
        "person:staff", "exceptions/id/accept", "x1", "NEA was down that day",
    )  # fmt: skip


async def test_staff_allocate_a_workshop_by_a_correction_that_keeps_its_minutes(full: World) -> None:
    full.services.tell("POST", "enrollment", "/portal/events", {})
    form = {"session_id": "W-1", "micro_credential_id": "NEA_TRA1", "act": "form-1"}
    await (await full.as_("staff")).post("/educators/E-1/correct", **form)
    ((service, path, event),) = full.services.posts()
    assert (service, path) == ("enrollment", "/portal/events")
    assert (event["source"], event["type"]) == ("/console", "attendance.corrected")
    assert event["data"] == {
        "educator_id": "E-1", "session_id": "W-1", "minutes": 95, "micro_credential_id": "NEA_TRA1",
        "reason": "because (staff)",
    }  # fmt: skip


async def test_the_same_form_sent_twice_is_one_act_and_the_second_is_told_so(full: World) -> None:
    taken = set[str]()

    def portal(request: httpx.Request) -> httpx.Response:
        """Enrollment's intake: an id that was taken with another time is a conflict."""
        id = orjson.loads(request.content)["id"]
        if id in taken:
            return httpx.Response(409, json={"status": 409, "code": "conflict"})
        taken.add(id)
        return httpx.Response(202)

    full.services.tell("POST", "enrollment", "/portal/events", portal)
    staff = await full.as_("staff")
    form = {"session_id": "W-1", "minutes": "60", "act": "form-1"}
    answers = [await staff.post("/educators/E-1/correct", **form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(taken) == 1
    assert "Corrected" in answers[0].text
    assert "Corrected" not in answers[1].text
    assert "sent before" in answers[1].text


async def test_another_correction_from_the_same_page_is_another_act(full: World) -> None:
    full.services.tell("POST", "enrollment", "/portal/events", {})
    staff = await full.as_("staff")
    for minutes in ("60", "90"):  # the form stays on the page: only the answer under it changes
        await staff.post("/educators/E-1/correct", session_id="W-1", minutes=minutes, act="form-1")
    events = [event for _, _, event in full.services.posts()]
    assert [event["data"]["minutes"] for event in events] == [60, 90]
    assert events[0]["id"] != events[1]["id"]


@pytest.mark.parametrize("minutes", ["-1", "1441", "ninety", "1e3"])
async def test_minutes_that_no_session_has_are_refused(full: World, minutes: str) -> None:
    answer = await (await full.as_("staff")).post("/educators/E-1/correct", session_id="W-1", minutes=minutes)
    assert answer.status_code == 422
    assert full.services.posts() == []


@pytest.mark.parametrize(
    ("status", "said"),
    [("queued", "It will be sent again."), ("sending", "It will be sent again."), ("sent", "Nothing changed")],
)
async def test_an_email_is_said_to_be_sent_again_only_where_it_will_be(full: World, status: str, said: str) -> None:
    full.services.tell("POST", "notifications", "/messages/m1/resend", {"message_id": "m1", "status": status})
    assert said in (await (await full.as_("staff")).post("/messages/m1/resend")).text


async def test_a_merge_is_looked_at_first_and_refused_where_enrollment_would_refuse_it(full: World) -> None:
    entry = HOURS["entries"][0] | {"entry_id": "e2", "completed_at": "2024-02-01T18:00:00Z"}
    full.services.tell("GET", "enrollment", "/educators/E-2", RECORD | {"educator_id": "E-2"})
    full.services.tell("GET", "clockhours", "/educators/E-2/clock-hours", HOURS | {"entries": [entry]})
    full.services.tell("POST", "enrollment", "/portal/events", {})
    browser = await full.as_("staff")
    preview = await browser.get("/educators/E-1/merge?merged_educator_id=E-2")
    assert "hours of the other are reversed" in preview.text
    assert full.services.posts() == []
    assert "cannot be merged with itself" in (await browser.post("/educators/E-1/merge", merged_educator_id="E-1")).text
    assert full.services.posts() == []
    await browser.post("/educators/E-1/merge", merged_educator_id="E-2")
    assert full.services.posts()[0][2]["data"] == {
        "kept_educator_id": "E-1", "merged_educator_id": "E-2", "reason": "because (staff)",
    }  # fmt: skip


async def test_an_account_that_nobody_knows_is_a_typing_error_and_merged_with_nobody(full: World) -> None:
    full.services.tell("POST", "enrollment", "/portal/events", {})
    browser = await full.as_("staff")
    page = (await browser.get("/educators/E-1/merge?merged_educator_id=E-l2")).text
    assert 'action="/educators/E-1/merge"' not in page
    assert "No event has named E-l2." in (await browser.post("/educators/E-1/merge", merged_educator_id="E-l2")).text
    assert "No event has named E-l." in (await browser.post("/educators/E-l/merge", merged_educator_id="E-1")).text
    assert full.services.posts() == []


async def test_while_enrollment_is_away_no_account_is_said_to_be_unknown(full: World) -> None:
    browser = await full.as_("staff")
    full.services.away.add("enrollment")
    page = (await browser.get("/educators/E-1/merge?merged_educator_id=E-2")).text
    assert "enrollment does not answer" in page
    assert "No event has named" not in page


async def test_undoing_a_merge_of_a_chain_takes_that_very_merge_back(full: World) -> None:
    record = RECORD | {"aliases": ["E-2", "E-3"], "merged_into": {"E-2": "E-1", "E-3": "E-2"}}
    full.services.tell("GET", "enrollment", "/educators/E-1", record)
    full.services.tell("POST", "enrollment", "/portal/events", {})
    browser = await full.as_("staff")
    assert "two people" in (await browser.post("/educators/E-1/unmerge", merged_educator_id="E-3")).text
    ((_, _, event),) = full.services.posts()
    assert event["data"] == {
        "kept_educator_id": "E-2", "merged_educator_id": "E-3", "reason": "because (staff)",
    }  # fmt: skip


async def test_a_merge_that_is_none_is_not_taken_back(full: World) -> None:
    full.services.tell("GET", "enrollment", "/educators/E-1", RECORD | {"merged_into": {}})
    answer = await (await full.as_("staff")).post("/educators/E-1/unmerge", merged_educator_id="E-2")
    assert "E-2 is not merged into E-1." in answer.text
    assert full.services.posts() == []


async def test_a_learner_is_linked_and_the_preview_links_nobody(full: World) -> None:
    full.services.tell("POST", "enrollment", "/unmatched/L1/link", LEARNER)
    browser = await full.as_("staff")
    await browser.post("/unmatched/L1/link", educator_id="E-1", dry_run="1")
    assert full.services.posts() == []
    await browser.post("/unmatched/L1/link", educator_id="E-1")
    assert full.services.posts() == [
        ("enrollment", "/unmatched/L1/link", {"educator_id": "E-1", "reason": "because (staff)"})
    ]


async def test_an_operator_retries_after_a_preview_and_no_key_stands_in_an_address(full: World) -> None:
    answers: list[Any] = [OUTCOME | {"dry_run": True, "applied": 1, "left": 2, "events": ["a.b.C.v1"]}, OUTCOME]
    full.services.tell("POST", "enrollment", "/admin/parked/nea:N-1001/retry", lambda _: answers.pop(0))
    browser, handle = await full.as_("operator"), await handle_of(full)
    assert "N-1001" not in handle
    preview = await browser.post(f"/parked/enrollment/{handle}/retry", dry_run="1")
    assert "Preview, nothing is changed" in preview.text
    done = await browser.post(f"/parked/enrollment/{handle}/retry", dry_run="0")
    assert "2 applied" in done.text
    assert [body["dry_run"] for _, _, body in full.services.posts()] == [True, False]
    acts = [one for one in await full.audit() if one["action"] != "sign-in"]
    assert [one["target"] for one in acts] == [f"enrollment {handle}"]  # a preview is no act


async def test_an_edit_puts_back_what_the_operator_could_not_see(full: World) -> None:
    full.services.tell("POST", "enrollment", "/admin/parked/nea:N-1001/edit", OUTCOME)
    browser, handle = await full.as_("operator"), await handle_of(full)
    page = (await browser.get(f"/parked/enrollment/{handle}")).text
    assert "rosa@example.org" not in page
    await browser.post(f"/parked/enrollment/{handle}/edit", data='{"learner":{"email":"•••"},"attempt":1}')
    said = full.services.posts()[0][2]
    assert said["data"] == {"learner": {"email": "rosa@example.org"}, "attempt": 1}
    assert said["event_id"]  # of the record that it was put back from: it is for no other


async def test_a_skip_and_an_edit_are_of_the_record_that_the_page_showed(full: World) -> None:
    for act in ("skip", "edit"):
        full.services.tell("POST", "enrollment", f"/admin/parked/nea:N-1001/{act}", OUTCOME)
    browser, handle = await full.as_("operator"), await handle_of(full)
    shown = re.findall(r'name="event_id" value="([^"]+)"', (await browser.get(f"/parked/enrollment/{handle}")).text)
    assert shown == [PARKED["event_id"], PARKED["event_id"]]
    await browser.post(f"/parked/enrollment/{handle}/skip", event_id="w1")
    assert full.services.posts()[-1][2]["event_id"] == PARKED["event_id"]
    await browser.post(f"/parked/enrollment/{handle}/edit", event_id="w1", data='{"attempt":1}')
    before = full.services.posts()
    late = await browser.post(f"/parked/enrollment/{handle}/edit", event_id="mended meanwhile", data='{"attempt":1}')
    assert late.status_code == 409
    assert full.services.posts() == before


async def test_a_lane_that_is_worked_off_says_so_though_it_is_no_longer_among_the_parked(full: World) -> None:
    browser, handle = await full.as_("operator"), await handle_of(full)

    def worked_off(_: httpx.Request) -> httpx.Response:
        full.services.tell("GET", "enrollment", "/admin/parked", {"items": [], "next": None})
        return httpx.Response(200, json=OUTCOME)

    full.services.tell("POST", "enrollment", "/admin/parked/nea:N-1001/retry", worked_off)
    answer = await browser.post(f"/parked/enrollment/{handle}/retry", reason="it is mended")
    assert (answer.status_code, "2 applied" in answer.text) == (200, True)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"dry_run": True, "left": 2}, "Would take session.attended w1 out, into quarantine. There is no way back"),
        ({"left": 0}, "session.attended w1 was taken out, into quarantine. 2 applied; nothing is parked"),
        ({"left": 2, "reason": {"code": "bug", "detail": "X"}}, "w1 was taken out, into quarantine. 2 applied, 2"),
        ({"skipped": {"missing": "wea.portal.v1 7", "before": "w2"}, "left": 0}, "wea.portal.v1 7 is missing: w2 is"),
        ({"skipped": None, "left": 2}, "Nothing was taken out: that was done before, or another record is first by"),
    ],
)
async def test_a_skip_names_what_it_took_out(full: World, outcome: dict[str, Any], said: str) -> None:
    skipped = {"event_id": "w1", "type": "org.washingtonea.session.attended.v1", "topic": "wea.portal.v1"}
    answer = {**OUTCOME, "skipped": skipped, **outcome}
    full.services.tell("POST", "enrollment", "/admin/parked/nea:N-1001/skip", answer)
    asked = {"reason": "x", "key": "nea:N-1001", "event_id": "w1", "dry_run": answer["dry_run"]}
    done = (await full.program("operator-key").post("/api/parked/enrollment/by-key/skip", json=asked)).json()
    assert said in done["done"]
    assert (done["ok"], done["skipped"]) == (True, answer["skipped"])
    assert full.services.posts()[-1][2]["event_id"] == "w1"


@pytest.mark.parametrize("dry_run", ["True", [], {}, "perhaps", 2])
async def test_a_dry_run_that_cannot_be_read_is_refused_and_nothing_is_done(full: World, dry_run: object) -> None:
    full.services.tell("POST", "notifications", "/mail/stop", {})
    answer = await full.program("operator-key").post("/api/mail/stop", json={"reason": "x", "dry_run": dry_run})
    assert full.services.posts() == []
    assert (answer.status_code == 200 and answer.json()["dry_run"]) or answer.status_code == 422


@pytest.mark.parametrize("data", ["{", '{"minutes": 90, "minutes": 60}'])
async def test_an_edit_that_is_not_json_or_says_a_thing_twice_is_refused(full: World, data: str) -> None:
    browser, handle = await full.as_("operator"), await handle_of(full)
    assert (await browser.post(f"/parked/enrollment/{handle}/edit", data=data)).status_code == 422


async def test_an_act_of_a_program_that_says_a_thing_twice_is_refused(full: World) -> None:
    full.services.tell("POST", "notifications", "/mail/stop", {})
    twice = b'{"reason": "x", "dry_run": true, "dry_run": false}'
    answer = await full.program("operator-key").post("/api/mail/stop", content=twice)
    assert (answer.status_code, answer.json()["code"], full.services.posts()) == (400, "duplicate_key", [])


async def test_what_was_mended_meanwhile_is_said_so(full: World) -> None:
    answer = await (await full.as_("operator")).post("/parked/enrollment/0123456789abcdef/retry")
    assert answer.status_code == 404
    assert "mended meanwhile" in answer.text


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("/api/parked/nowhere/0/retry", {}, 404),
        ("/api/parked/nowhere/group/f/retry", {}, 404),
        ("/api/quarantine/nowhere/seen", {}, 404),
        ("/api/quarantine/enrollment/seen", {"count": "many"}, 422),
        ("/api/quarantine/enrollment/seen", {"count": -1}, 422),
        ("/api/quarantine/enrollment/seen", {"count": [1]}, 422),
    ],
)
async def test_a_service_of_no_name_or_a_count_that_is_none_is_said_so(
    full: World, path: str, more: dict[str, Any], status: int
) -> None:
    answer = await full.program("operator-key").post(path, json={"reason": "x", **more})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def group(world: World, keys: int) -> str:
    lanes = [LANE | {"key": f"E-{n}"} for n in range(keys)]
    world.services.tell("GET", "enrollment", "/admin/parked", {"items": lanes, "next": None})
    return str((await world.program("operator-key").get("/api/parked")).json()["items"][0]["fingerprint"])


async def test_a_group_is_retried_in_the_background_and_says_how_far_it_is(full: World) -> None:
    print_ = await group(full, 3)
    for n in range(3):
        left = {"left": 1, "applied": 0, "reason": PARKED["reason"]} if n == 1 else {}
        full.services.tell("POST", "enrollment", f"/admin/parked/E-{n}/retry", OUTCOME | left)
    operator = full.program("operator-key")
    path = f"/api/parked/enrollment/group/{print_}/retry"
    preview = (await operator.post(path, json={"reason": "fixed", "dry_run": True})).json()
    assert preview["would_apply"] == 2
    begun = (await operator.post(path, json={"reason": "fixed"})).json()
    again = (await operator.post(path, json={"reason": "fixed"})).json()
    assert again["repair"] == begun["repair"]
    repairing = Repairing(full.database, full.neighbours)
    while await repairing.step():
        pass
    shown = (await operator.get(f"/api{begun['link']}")).json()
    assert (shown["state"], shown["applied"], shown["failed"], shown["done"]) == ("done", 2, 1, 3)
    assert "keys" not in await full.database["repairs"].find_one({})


async def test_a_repair_is_cancelled_between_two_keys_and_waits_for_a_service_that_is_away(full: World) -> None:
    print_ = await group(full, 3)
    for n in range(3):
        full.services.tell("POST", "enrollment", f"/admin/parked/E-{n}/retry", OUTCOME)
    operator = full.program("operator-key")
    begun = (await operator.post(f"/api/parked/enrollment/group/{print_}/retry", json={"reason": "x"})).json()
    repairing = Repairing(full.database, full.neighbours)
    assert await repairing.step()
    full.services.away.add("enrollment")
    assert not await repairing.step()
    full.services.away.clear()
    assert (await operator.post(f"/api{begun['link']}/cancel", json={"reason": "enough"})).json()["ok"]
    assert not await repairing.step()
    shown = (await operator.get(f"/api{begun['link']}")).json()
    assert (shown["state"], shown["done"]) == ("cancelled", 1)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_repair_waits_for_a_service_whose_database_is_away(full: World, status: int) -> None:
    print_ = await group(full, 1)
    busy = httpx.Response(status, json={"status": status, "code": "not_available"})
    full.services.tell("POST", "enrollment", "/admin/parked/E-0/retry", busy)
    operator = full.program("operator-key")
    begun = (await operator.post(f"/api/parked/enrollment/group/{print_}/retry", json={"reason": "x"})).json()
    repairing = Repairing(full.database, full.neighbours)
    assert not await repairing.step()
    full.services.tell("POST", "enrollment", "/admin/parked/E-0/retry", OUTCOME)
    while await repairing.step():
        pass
    shown = (await operator.get(f"/api{begun['link']}")).json()
    assert (shown["state"], shown["applied"], shown["failed"]) == ("done", 1, 0)


async def test_a_repair_that_waits_for_a_service_holds_up_no_other_services(full: World) -> None:
    for service in ("enrollment", "clockhours"):
        full.services.tell("POST", service, "/admin/parked/E-0/retry", OUTCOME)
        await begin(full.database, service, "a fault", ["E-0"], "mended", "operator", system_now())
    full.services.away.add("enrollment")
    repairing = Repairing(full.database, full.neighbours)
    while await repairing.step():
        pass
    shown = (await full.program("operator-key").get("/api/repairs")).json()["items"]
    assert {one["service"]: one["state"] for one in shown} == {"enrollment": "running", "clockhours": "done"}


async def test_a_quarantine_that_was_looked_at_asks_for_nobody_until_more_comes(full: World) -> None:
    operator = full.program("operator-key")
    assert (await operator.get("/api/quarantine")).json()["fresh"] == {"enrollment": 1}
    await operator.post("/api/quarantine/enrollment/seen", json={"reason": "known sender", "count": "1"})
    assert (await operator.get("/api/quarantine")).json()["fresh"] == {}


async def test_more_in_quarantine_than_a_page_lists_can_be_marked_as_looked_at(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.console.stuck.MOST_PAGES", 2)
    row = {**QUARANTINED, "topic": topics.INBOX.name}
    full.services.tell("GET", "enrollment", "/admin/quarantine", {"items": [row], "next": "more"})
    seen = Process("enrollment", "http://enrollment", gauges={"wea_quarantined": 6.0})
    full.console.watch.sight = Sight(processes=(seen,), kafka=True)
    operator = await full.as_("operator")
    page = (await operator.get("/quarantine")).text
    assert "4 more in enrollment are not listed" in page
    (count,) = re.findall(r'name="count" value="([^"]+)"', page)
    await operator.post("/quarantine/enrollment/seen", count=count)
    sight = replace(full.console.watch.sight, looked_at=await full.store.looked_at())
    assert [one.text for one in attention(sight, system_now()) if one.runbook == "quarantine"] == []


async def test_a_transcript_is_handed_out_to_staff_alone_and_audited(full: World) -> None:
    full.services.tell(
        "GET", "clockhours", "/educators/E-1/transcript.pdf", lambda _: httpx.Response(200, content=b"%PDF-")
    )
    answer = await (await full.as_("staff")).get("/educators/E-1/transcript.pdf")
    assert (answer.content, answer.headers["content-type"]) == (b"%PDF-", "application/pdf")
    assert (await (await full.as_("operator")).get("/educators/E-1/transcript.pdf")).status_code == 403
    assert [one["target"] for one in await full.audit() if one["action"] == "transcript.pdf"] == ["E-1"]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({"NEA_TRA1": ["workshop", "award"]}, ["NEA_TRA1"]),
        ({"NEA_TRA1": ["workshop"], "NEA_RP1": ["award"]}, ["NEA_TRA1"]),
        ({"NEA_TRA1": ["workshop"], "NEA_RP1": ["workshop"]}, []),
        ({"NEA_TRA1": ["award"]}, []),
    ],
)
async def test_a_workshop_is_offered_the_one_micro_credential_that_lacks_it_and_never_a_guess(
    full: World, held: dict[str, list[str]], expected: list[str]
) -> None:
    rows = [{"micro_credential_id": id, "minutes": 900, "missing": missing} for id, missing in held.items()]
    full.services.tell("GET", "clockhours", "/educators/E-1/clock-hours", HOURS | {"held": rows})
    page = (await (await full.as_("staff")).get("/educators/E-1")).text
    assert re.findall(r'<option value="([^"]*)" selected', page) == expected


async def test_staff_correct_an_orientation_that_was_noted_too_short(full: World) -> None:
    """Its hours are missing like any other's, and it is the page that says why."""
    short = {
        "session_id": "O-1", "kind": "orientation", "minutes": 0, "attended_minutes": 45,
        "ended_at": "2024-03-01T18:00:00Z", "micro_credential_id": None,
    }  # fmt: skip
    full.services.tell("GET", "enrollment", "/educators/E-1", RECORD | {"orientations": [short]})
    full.services.tell("POST", "enrollment", "/portal/events", {})
    staff = await full.as_("staff")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", (await staff.get("/educators/E-1")).text))
    assert "O-1 orientation on Mar 01, 2024: 45 minutes attended, no hours" in page
    assert (await staff.post("/educators/E-1/correct", act="a1", dry_run="0", session_id="O-1")).status_code == 200
    [(_, _, event)] = full.services.posts()
    assert event["data"]["minutes"] == 45


async def test_the_years_export_is_handed_out_to_staff_alone_and_audited(full: World) -> None:
    csv = httpx.Response(200, content=b"entry_id\r\n", headers={"content-type": "text/csv; charset=utf-8"})
    full.services.tell("GET", "clockhours", "/exports/2023-24.csv", lambda _: csv)
    staff = await full.as_("staff")
    assert 'href="/exports/2023-24.csv"' in (await staff.get("/educators")).text
    answer = await staff.get("/exports/2023-24.csv")
    assert (answer.content, answer.headers["content-type"]) == (b"entry_id\r\n", "text/csv; charset=utf-8")
    assert 'filename="2023-24.csv"' in answer.headers["content-disposition"]
    full.services.tell("GET", "clockhours", "/exports/2023–24.csv", lambda _: csv)
    assert 'filename="export.csv"' in (await staff.get("/exports/2023–24.csv")).headers["content-disposition"]
    assert (await staff.get("/exports/1999-00.csv")).status_code == 404
    operator = await full.as_("operator")
    assert 'href="/exports/' not in (await operator.get("/educators")).text
    assert (await operator.get("/exports/2023-24.csv")).status_code == 403
    assert [one["target"] for one in await full.audit() if one["action"] == "export.csv"] == [
        "2023-24",
        "2023–24",
        "1999-00",
    ]


async def test_each_case_says_what_it_is_and_what_staff_can_do(full: World) -> None:
    staff = await full.as_("staff")
    for kind in ExceptionKind:
        full.services.tell("GET", "clockhours", "/exceptions", {"items": [{**CASE, "kind": kind}], "next": None})
        assert str(escape(CASES[kind])) in (await staff.get("/exceptions")).text
