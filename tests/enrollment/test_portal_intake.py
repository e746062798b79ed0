"""POST /portal/events: every answer of the design, in its order."""

import asyncio
from hashlib import sha256
from typing import Any

import orjson
import pytest

from eventing.envelope import decode
from services.enrollment.claims import claim_id
from services.enrollment.intake import Committer, Intake
from tests.enrollment.builders import ANA, attended, corrected, hours_registered, profile, said
from tests.enrollment.intakes import Doors

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
HUGE = b'{"x": "' + b"y" * (256 * 1024) + b'"}'


async def test_an_event_is_durable_and_waits_for_the_relay_under_its_educator(doors: Doors) -> None:
    fact = attended()
    answer = await doors.structured(fact.cloudevent)
    assert answer.status_code == 202
    (claim,) = await doors.claims()
    event = decode(bytes(claim["value"]), [], claim["key"])
    assert (claim["key"], claim["topic"]) == (ANA, "wea.inbox.v1")
    assert (event.id, event.source, event.type, event.time, event.data) == (
        fact.id,
        "/portal",
        "session.attended",
        fact.time,
        fact.data,
    )


async def test_what_else_an_event_says_stands_on_the_inbox_as_it_came_and_an_order_is_not_its_to_tell(
    doors: Doors,
) -> None:
    said_too = {"subject": "Rosa", "dataschema": "https://example.org/s", "comexample": "hello"}
    pretended = {"sequence": "7", "causationid": "x", "causationsource": "/x", "partitionkey": "somebody"}
    assert (await doors.structured({**attended().cloudevent, **said_too, **pretended})).status_code == 202
    (claim,) = await doors.claims()
    envelope = orjson.loads(bytes(claim["value"]))
    assert {name: envelope.get(name) for name in said_too} == said_too
    assert not {"sequence", "causationid", "causationsource"} & envelope.keys()
    assert envelope["partitionkey"] == ANA


async def test_a_repeat_in_whatever_mode_is_202_without_effect(doors: Doors) -> None:
    fact = attended()
    answers = [
        await doors.structured(fact.cloudevent),
        await doors.structured(fact.cloudevent, "sk"),
        await doors.binary(fact),
        await doors.batch(fact.cloudevent, fact.cloudevent),
    ]
    assert [answer.status_code for answer in answers] == [202] * 4
    assert len(await doors.claims()) == 1


async def test_the_same_instant_with_another_offset_is_the_same_event(doors: Doors) -> None:
    event = hours_registered(said_at="2024-03-01T12:00").cloudevent
    assert (await doors.structured(event)).status_code == 202
    assert (await doors.structured(event | {"time": "2024-03-01T04:00:00-08:00"})).status_code == 202


@pytest.mark.parametrize("key", [None, "wrong", ""])
async def test_no_or_a_wrong_key_is_401_before_anything_else(doors: Doors, key: str | None) -> None:
    answer = await doors.raw(HUGE, key, "text/plain")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_another_role_is_403_before_size_and_type(doors: Doors) -> None:
    assert (await doors.raw(HUGE, "ok", "text/plain")).status_code == 403


async def test_over_256_kib_is_413_before_its_type(doors: Doors) -> None:
    assert (await doors.raw(HUGE, "pk", "text/plain")).status_code == 413
    assert (await doors.raw(HUGE, "pk", STRUCTURED)).status_code == 413


@pytest.mark.parametrize(("most", "batch"), [(256 * 1024, False), (1024 * 1024, True)])
async def test_what_is_just_as_large_as_it_may_be_is_taken(doors: Doors, most: int, batch: bool) -> None:
    event = hours_registered().cloudevent
    content_type = BATCH if batch else STRUCTURED
    body = orjson.dumps([event] if batch else event).ljust(most)  # white space may follow
    assert (await doors.raw(body, "pk", content_type)).status_code == 202
    assert (await doors.raw(body + b" ", "pk", content_type)).status_code == 413


async def test_a_batch_may_have_1_mib_and_500_events(doors: Doors) -> None:
    event = hours_registered().cloudevent
    assert (await doors.batch(*[event] * 500)).status_code == 202
    assert (await doors.batch(*[event] * 501)).status_code == 413
    large = event | {"data": event["data"] | {"note": "y" * (256 * 1024)}}
    assert (await doors.batch(large | {"id": "large"})).status_code == 202
    assert (await doors.batch(*[large] * 5)).status_code == 413


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "text/plain", "application/cloudevents+json; charset=latin-1"]
)
async def test_what_is_no_cloudevent_by_its_type_is_415_before_its_content(
    doors: Doors, content_type: str | None
) -> None:
    assert (await doors.raw(b"{nonsense", "pk", content_type)).status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[",
        b"\xff\xfe",
        b'"\\ud800"',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\u0000"}',
        b"[" * 100_000,
        b'{"a":' * 30_000,
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"NaN",
    ],
)
async def test_what_nobody_should_send_as_json_is_400(doors: Doors, body: bytes) -> None:
    for content_type in (STRUCTURED, "application/cloudevents-batch+json"):
        assert (await doors.raw(body, "pk", content_type)).status_code == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("specversion", None),
        ("id", ""),
        ("id", None),
        ("id", 7),
        ("id", "a\u0001b"),
        ("source", ""),
        ("source", "not a uri"),
        ("type", None),
        ("time", None),
        ("time", "yesterday"),
        ("time", "2024-03-01T12:00:00"),
        ("time", "0001-01-01T00:00:00Z"),
        ("time", "2024-06-30T23:59:60Z"),
    ],
)
async def test_attributes_missing_or_broken_are_400_before_the_data_and_named(
    doors: Doors, name: str, value: Any
) -> None:
    event = attended().cloudevent | {"data": {"nonsense": True}}
    event[name] = value
    if value is None:
        del event[name]
    answer = await doors.structured(event)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [name]


async def test_an_event_that_is_no_object_is_400(doors: Doors) -> None:
    assert (await doors.structured([1, 2])).status_code == 400
    assert (await doors.raw(b"{}", "pk", "application/cloudevents-batch+json")).status_code == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"minutes": -1}, "data.minutes"),
        ({"minutes": "90"}, "data.minutes"),
        ({"minutes": 10**15}, "data.minutes"),
        ({"minutes": True}, "data.minutes"),
        ({"kind": "party"}, "data.kind"),
        ({"educator_id": ""}, "data.educator_id"),
        ({"educator_id": "x" * 201}, "data.educator_id"),
        ({"ended_at": "2024-02-10T12:00:00"}, "data.ended_at"),
        ({"ended_at": "9999-12-31T23:59:59Z"}, "data.ended_at"),
    ],
)
async def test_data_not_as_described_is_422_naming_the_field(doors: Doors, change: dict[str, Any], field: str) -> None:
    fact = attended()
    answer = await doors.structured(fact.cloudevent | {"data": fact.data | change})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("type_", ["micro_credential.reviewed", "micro_credential.submitted", "session.invented"])
async def test_a_type_that_the_portal_may_not_send_is_422(doors: Doors, type_: str) -> None:
    answer = await doors.structured(attended().cloudevent | {"type": type_})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "type")


async def test_the_portal_may_not_speak_as_nea(doors: Doors) -> None:
    answer = await doors.structured(attended().cloudevent | {"source": "/webhooks/nea"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "source")


async def test_no_data_is_422(doors: Doors) -> None:
    event = attended().cloudevent
    del event["data"]
    assert (await doors.structured(event)).status_code == 422


async def test_the_same_id_with_another_content_is_409(doors: Doors) -> None:
    fact = attended()
    assert (await doors.structured(fact.cloudevent)).status_code == 202
    for other in ({"data": fact.data | {"minutes": 60}}, {"time": "2024-03-01T12:00:01Z"}):
        assert (await doors.structured(fact.cloudevent | other)).status_code == 409
    assert len(await doors.claims()) == 1


async def test_a_batch_is_all_or_nothing_and_names_each_failing_index(doors: Doors) -> None:
    good, bad = attended().cloudevent, corrected(minutes=90).cloudevent | {"data": {}}
    answer = await doors.batch(good, bad, good | {"id": ""}, bad | {"id": "other"})
    assert answer.status_code == 400  # the first in the order of checking
    assert {error["index"] for error in answer.json()["errors"]} == {1, 2, 3}
    assert await doors.claims() == []


async def test_two_events_of_a_batch_with_one_id_and_other_contents_are_409_naming_the_index(doors: Doors) -> None:
    fact = attended()
    other = fact.cloudevent | {"data": fact.data | {"minutes": 60}}
    answer = await doors.batch(fact.cloudevent, hours_registered().cloudevent, other)
    assert (answer.status_code, [error["index"] for error in answer.json()["errors"]]) == (409, [2])
    assert await doors.claims() == []


async def test_an_empty_batch_is_202(doors: Doors) -> None:
    assert (await doors.batch()).status_code == 202


async def test_binary_mode_takes_percent_encoded_headers(doors: Doors) -> None:
    fact = hours_registered()
    answer = await doors.binary(fact, **{"ce-id": "Jos%C3%A9-1"})
    assert answer.status_code == 202
    (claim,) = await doors.claims()
    assert claim["event_id"] == "José-1"


async def test_binary_mode_without_a_required_attribute_is_400(doors: Doors) -> None:
    answer = await doors.raw(b"{}", "pk", "application/json", **{"ce-id": "1"})
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {"specversion", "source", "type", "time"}


async def test_over_the_rate_is_429_with_retry_after_once_the_request_is_right(doors: Doors) -> None:
    event = attended().cloudevent
    for _ in range(200):
        doors.rate.take(sha256(b"pk").hexdigest()[:8])
    answer = await doors.structured(event)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert (await doors.structured(event | {"type": "no"})).status_code == 422
    assert (await doors.structured(event, "sk")).status_code == 202  # another key has its own rate


async def test_a_client_too_slow_with_its_request_gets_408(doors: Doors) -> None:
    answers: list[Any] = []

    async def never() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/portal/events",
        "headers": [(b"authorization", b"Bearer pk"), (b"content-type", STRUCTURED.encode())],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eventing.bodies.BODY_SECONDS", 0.05)
        await doors.portal(scope, never, send)
    assert answers[0]["status"] == 408
    assert (b"connection", b"close") in answers[0]["headers"]


async def test_a_client_that_leaves_gets_no_answer_and_leaves_nothing(doors: Doors) -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    headers = [(b"authorization", b"Bearer pk"), (b"content-type", STRUCTURED.encode())]
    await doors.portal({"type": "http", "method": "POST", "path": "/", "headers": headers}, gone, send)
    assert await doors.claims() == []


async def test_only_post_is_allowed(doors: Doors) -> None:
    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    await doors.portal({"type": "http", "method": "GET", "path": "/", "headers": []}, None, send)  # type: ignore[arg-type]
    assert answers[0]["status"] == 405


async def test_what_cannot_be_made_durable_in_time_is_503_with_retry_after(doors: Doors) -> None:
    doors.intake._patience = 0.0
    answer = await doors.structured(attended().cloudevent)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_many_requests_at_once_are_one_commit(doors: Doors) -> None:
    facts = [hours_registered(f"E-{number}") for number in range(60)]
    answers = await asyncio.gather(*(doors.structured(fact.cloudevent) for fact in facts))
    assert {answer.status_code for answer in answers} == {202}
    assert len(await doors.claims()) == 60


async def test_of_two_contents_at_once_under_one_id_just_one_is_taken(doors: Doors) -> None:
    fact = attended()
    other = fact.cloudevent | {"data": fact.data | {"minutes": 60}}
    answers = await asyncio.gather(*(doors.structured(event) for event in [fact.cloudevent, other] * 5))
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [409] * 5
    assert len(await doors.claims()) == 1


async def test_any_name_that_people_have_is_taken(doors: Doors) -> None:
    for name in ("O'Brien-Ñuñez", "محمد", "李", "Zoë 👩🏽‍🏫", "é" * 100):
        assert (await doors.structured(profile(ANA, name=name).cloudevent)).status_code == 202


async def test_a_number_beyond_64_bits_in_a_field_that_we_do_not_know_is_no_500(doors: Doors) -> None:
    fact = said("educator.erased", educator_id=ANA)
    body = orjson.dumps(fact.cloudevent).replace(b'"data":{', b'"data":{"x":99999999999999999999,')
    assert (await doors.raw(body, "pk", STRUCTURED)).status_code in (400, 422)


async def test_what_a_killed_process_left_open_holds_up_nobody_who_takes_its_place(doors: Doors) -> None:
    fact = attended()
    body = orjson.dumps(fact.cloudevent)
    owner = await Committer(doors.intake, doors.database, "dead")._own()
    owner.session.start_transaction()
    await doors.database["intake"].insert_one({"_id": claim_id(fact.source, fact.id)}, session=owner.session)
    intake = Intake()
    heir = asyncio.create_task(Committer(intake, doors.database, "dead").run())  # kills what its name left open
    try:
        assert (await Doors(doors.database, intake).raw(body, "pk", STRUCTURED)).status_code == 202
    finally:
        heir.cancel()
        await asyncio.gather(heir, return_exceptions=True)


async def test_what_staff_tell_is_audited_with_who_and_why_once(doors: Doors) -> None:
    merge = said("educator.merged", kept_educator_id=ANA, merged_educator_id="E-2", reason="same person", by="kim")
    correction = corrected(minutes=60)
    for _ in range(2):
        assert (await doors.structured(merge.cloudevent, "sk")).status_code == 202
        assert (await doors.structured(correction.cloudevent, "sk")).status_code == 202
    assert (await doors.structured(attended().cloudevent, "pk")).status_code == 202
    first, second = await doors.database["audit"].find({}).sort("_id", 1).to_list(None)
    assert (first["action"], first["target"], first["reason"]) == ("educator.merged", ANA, "same person")
    assert (first["by"], first["merged_educator_id"], first["event_id"]) == ("kim", "E-2", merge.id)
    assert first["who"].startswith("staff:")
    assert (second["action"], second["reason"], second["session_id"]) == (
        "attendance.corrected",
        "Sign-in sheet",
        "W-1",
    )


async def test_an_act_of_staff_that_is_refused_leaves_no_entry(doors: Doors) -> None:
    fact = corrected()
    await doors.structured(fact.cloudevent)
    assert (await doors.structured({**fact.cloudevent, "data": fact.data | {"minutes": 1}}, "sk")).status_code == 409
    assert (await doors.structured(corrected(minutes=-1).cloudevent, "sk")).status_code == 422
    assert await doors.database["audit"].find({}).to_list(None) == []


@pytest.mark.parametrize("odd", [{"reason": 7}, {"by": ["x"]}, {"reason": "y" * 5000}, {"by": None}])
async def test_odd_words_of_staff_are_no_error(doors: Doors, odd: dict[str, Any]) -> None:
    event = said("educator.erased", educator_id=ANA).cloudevent
    event["data"] |= odd
    assert (await doors.structured(event, "sk")).status_code == 202
    (entry,) = await doors.database["audit"].find({}).to_list(None)
    assert len(entry["reason"]) <= 2000


async def test_batches_that_bring_the_same_event_at_once_are_each_accepted_and_it_is_taken_once(doors: Doors) -> None:
    """They are judged together, in one transaction: the second must see what the first has claimed."""
    shared, others = attended(), [hours_registered(f"E-{number}") for number in range(5)]
    batches = [(shared.cloudevent, other.cloudevent) for other in others]
    answers = await asyncio.gather(*(doors.batch(*batch) for batch in batches))
    assert [answer.status_code for answer in answers] == [202] * 5
    assert len(await doors.claims()) == 6


async def test_an_unusable_webhook_that_comes_several_times_at_once_is_kept_once(doors: Doors) -> None:
    answers = await asyncio.gather(*(doors.webhook(b"not json") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [202] * 5
    assert (len(await doors.claims()), len(await doors.quarantine())) == (1, 1)
