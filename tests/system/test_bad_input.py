"""Whatever comes in: 422 with the field, quarantine, or a case by its kind; never a 500, never a wrong total."""

from typing import Any

import httpx
import orjson

from tests.system.conftest import System
from tests.system.outside import TRA1, Educator, World, kinds
from tests.waiting import until

MOMENTS = {
    "year 1": "0001-01-01T00:00:00Z",
    "year 9999": "9999-12-31T23:59:59Z",
    "before 1900": "1899-12-31T23:59:59Z",
    "leap second": "2016-12-31T23:59:60Z",
    "no offset": "2024-04-20T10:00:00",
    "no day": "2024-02-30T10:00:00Z",
    "no time": "2024-04-20",
    "a number": 1708049100,
    "null": None,
}
MINUTES = {"negative": -1, "huge": 10**12, "a day and more": 1441, "text": "90", "a fraction": 89.5, "true": True}
NAMES = {
    "10,000 characters": "ñ" * 10_000,
    "blank": " \u00a0 ",
    "a line feed": "Rosa\nBcc: x@example.org",
    "a bell": "Ro\asa",
}
# Names that people have: right to left, combining marks in either form, without spaces, with what looks like markup.
PEOPLE = (
    "שרה בן־דוד", "فاطمة الزهراء", "Nguye\u0302\u0303n Thi\u0323 A\u0301nh", "李小龍", "Z\u0351a\u0353l\u0346go",
    "👩🏽‍🏫 O’Neil-Łuczak", "<b>Rosa</b> {{name}} %s", "R" * 300,
)  # fmt: skip


def refused(world: World, event: dict[str, Any]) -> list[str]:
    """The fields that a 422 names."""
    url = world.api.url("enrollment") + "/portal/events"
    headers = {**world.api.key("portal"), "content-type": "application/cloudevents+json"}
    answer: httpx.Response = world.api.client.post(url, content=orjson.dumps(event), headers=headers)
    assert answer.status_code == 422, (answer.status_code, answer.text)
    return [fault["field"] for fault in answer.json()["errors"]]


def quarantined(world: World, service: str, ids: set[str]) -> set[str]:
    """Which of these events are in quarantine."""
    return {row.get("event_id") for row in world.api.items(service, "/admin/quarantine", "operator")} & ids


def with_data(event: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {**event, "data": {**event["data"], **data}}


def faulty(rosa: Educator) -> list[tuple[dict[str, Any], str]]:
    """Portal events that say what cannot be, with the field at fault."""
    found = [(with_data(rosa.trained(), ended_at=at), "data.ended_at") for at in MOMENTS.values()]
    found += [(with_data(rosa.registered(), registered_at=at), "data.registered_at") for at in MOMENTS.values()]
    found += [(with_data(rosa.trained(), minutes=minutes), "data.minutes") for minutes in MINUTES.values()]
    found += [
        (with_data(rosa.corrected(f"O-{rosa.id}", 0), minutes=minutes), "data.minutes") for minutes in MINUTES.values()
    ]
    found += [(rosa.profile(name=name), "data.name") for name in NAMES.values()]
    found += [(with_data(rosa.trained(), kind="party"), "data.kind")]
    found += [(with_data(rosa.trained(), micro_credential_id="x" * 201), "data.micro_credential_id")]
    return found


def oriented(world: World) -> Educator:
    rosa = Educator()
    world.send(rosa.profile(), rosa.oriented())
    world.until_total(rosa, 90)
    return rosa


def test_what_cannot_be_is_422_with_its_field_and_changes_no_total(world: World) -> None:
    rosa = oriented(world)
    for event, field in faulty(rosa):
        assert refused(world, event) == [field], event["data"]
    world.send(rosa.trained())
    assert kinds(world.until_total(rosa, 180)) == [("orientation", 90), ("workshop", 90)]


def test_the_same_by_kafka_is_quarantined_and_changes_no_total(world: World) -> None:
    rosa = oriented(world)
    events = [event for event, _ in faulty(rosa)]
    ids = {event["id"] for event in events}
    world.produce(*events, rosa.trained())
    assert kinds(world.until_total(rosa, 180)) == [("orientation", 90), ("workshop", 90)]
    until(lambda: quarantined(world, "enrollment", ids) == ids, "all of it is in quarantine")


def test_the_same_by_webhook_is_202_and_quarantined(world: World) -> None:
    rosa = oriented(world)
    says: list[tuple[dict[str, Any], dict[str, Any]]] = [
        *((rosa.submitted(), {"submitted_at": at}) for at in MOMENTS.values()),
        *((rosa.awarded(), {"decided_at": at}) for at in MOMENTS.values()),
        *((rosa.submitted(), {"attempt": attempt}) for attempt in (0, -1, 10**12, "1", 1.5, None)),
        (rosa.awarded(), {"decision": "splendid"}),
        (rosa.submitted(), {"learner": {}}),
        (rosa.submitted(), {"submission_id": "x" * 10_000}),
    ]
    wrong = [{**hook, "body": with_data(hook["body"], **data)} for hook, data in says]
    world.send(*wrong)  # raises for anything but 2xx
    ids = {hook["id"] for hook in wrong}
    until(lambda: quarantined(world, "enrollment", ids) == ids, "all of it is in quarantine")
    assert (world.hours(rosa)["total_minutes"], world.hours(rosa)["held"]) == (90, [])


def test_other_offsets_are_the_same_instants(world: World) -> None:
    """The deadline is 2024-04-27T00:00 in Los Angeles, 2024-04-27T07:00Z, wherever NEA's clock stands."""
    for at, total in (
        ("2024-04-27T20:59:59+14:00", 1080),
        ("2024-04-26T19:00:00-12:00", 180),
        ("2024-04-27T06:59:59.999999Z", 1080),
        ("2024-04-27T12:45:00+05:45", 180),
    ):
        rosa = Educator()
        world.send(rosa.profile(), rosa.oriented(), rosa.trained(), rosa.registered(), rosa.submitted(at))
        world.send(rosa.awarded())
        world.until_total(rosa, total)
        until(lambda: bool(world.hours(rosa)["exceptions"]) is (total == 180), f"late only if late: {at}")  # noqa: B023


def test_names_of_people_in_any_script_come_through_whole(world: World, system: System) -> None:
    people = [Educator(name=name) for name in PEOPLE]
    for one in people:
        world.send(one.profile(), one.oriented())
    for one in people:
        world.until_total(one, 90)
        assert world.record(one)["profile"]["name"] == one.name
        transcript = f"/educators/{one.id}/transcript"
        until(lambda: world.api.get("clockhours", transcript)["name"] == one.name, "the ledger has the name")  # noqa: B023
        assert world.api.get("clockhours", transcript + ".pdf").startswith(b"%PDF-")
        messages = world.api.get("notifications", "/messages", educator_id=one.id)["items"]
        assert all(message["status"] not in {"failed", "dropped"} for message in messages), one.name
    exported = world.api.get("clockhours", "/exports/2023-24.csv").decode()
    assert all(one.id in exported for one in people)


def test_unknown_ids_make_cases_or_wait_and_grant_nothing(world: World) -> None:
    rosa, nobody = oriented(world), Educator()
    world.send(
        rosa.corrected("W-never", 90),  # waits for its attendance
        rosa.event("session.cancelled", session_id=f"W-none-{rosa.id}"),
        rosa.event("reservation.cancelled", session_id="W-never"),
        rosa.webhook("revoked", revoked_at="2024-05-20T09:00:00Z"),
        {**rosa.event("educator.unmerged"), "data": {"kept_educator_id": rosa.id, "merged_educator_id": nobody.id}},
        rosa.registered("NEA_NO_SUCH"),
        rosa.trained(opens="NEA_NO_SUCH_EITHER"),
    )
    world.until_total(rosa, 180)

    def cases() -> set[tuple[str, str | None]]:
        return {(case["kind"], case["micro_credential_id"]) for case in world.hours(rosa)["exceptions"]}

    expected = {("not_in_catalogue", "NEA_NO_SUCH"), ("not_in_catalogue", "NEA_NO_SUCH_EITHER")}
    until(lambda: cases() == expected, "there are just the two cases")
    assert world.hours(rosa)["held"] == []
    assert world.hours(nobody)["total_minutes"] == 0


def test_contradicting_facts_make_a_case_and_the_total_is_of_one_of_them(world: World) -> None:
    rosa = Educator()
    world.send(rosa.profile(), rosa.oriented(), rosa.trained(), rosa.registered(), rosa.submitted(), rosa.awarded())
    world.until_total(rosa, 1080)
    denied = rosa.awarded("2024-05-03T09:00:00-07:00")
    denied["body"]["data"]["decision"] = "denied"
    other_kind = with_data(rosa.oriented(), session_id=f"W-{rosa.id}")
    ends_first = rosa.event(
        "session.scheduled", session_id=f"X-{rosa.id}", kind="workshop", title="Backwards",
        starts_at="2024-04-20T10:00:00Z", ends_at="2024-04-20T09:00:00Z",
    )  # fmt: skip
    assert refused(world, ends_first) == ["data.ends_at"]
    world.send(denied, other_kind, rosa.trained(minutes=60), rosa.trained(opens="NEA_RP1"))

    def cases() -> list[str]:
        return sorted(case["kind"] for case in world.hours(rosa)["exceptions"] if case["status"] == "open")

    until(lambda: cases() == ["attendance_conflict", "decision_conflict"], "both contradictions are cases")
    assert kinds(world.hours(rosa)) == [("micro_credential", 900), ("orientation", 90), ("workshop", 90)]
    assert world.hours(rosa)["entries"][-1]["micro_credential_id"] == TRA1


def test_nothing_of_this_is_parked_and_the_books_are_right(system: System) -> None:
    system.books_are_right()
