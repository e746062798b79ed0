"""POST /webhooks/nea: 413, 401, then always 202 (or 429, 503); what cannot be used is kept."""

import time
from datetime import UTC, datetime

import orjson
import pytest
from standardwebhooks import Webhook

from eventing.envelope import decode
from services.enrollment.nea import Signatures
from tests.enrollment.builders import learner, reviewed, submitted
from tests.enrollment.intakes import OLD_SECRET, SECRET, Doors, signed


async def test_an_authentic_webhook_waits_for_the_relay_under_its_learner(doors: Doors) -> None:
    fact = submitted(whom=learner("N-1", "rosa@example.org"))
    answer = await doors.webhook(fact, "msg_7")
    assert answer.status_code == 202
    (claim,) = await doors.claims()
    event = decode(bytes(claim["value"]), [], claim["key"])
    assert claim["key"] == "nea:N-1"
    assert (event.id, event.source, event.type) == ("msg_7", "/webhooks/nea", "micro_credential.submitted")
    assert (event.time, event.data) == (fact.time, fact.data)


async def test_a_learner_by_address_alone_is_keyed_by_a_pseudonym(doors: Doors) -> None:
    await doors.webhook(submitted(whom=learner(None, "Rosa@example.org")))
    (claim,) = await doors.claims()
    assert claim["key"].startswith("email:")
    assert "rosa" not in claim["key"]


async def test_over_256_kib_is_413_before_the_signature(doors: Doors) -> None:
    assert (await doors.webhook(b"x" * (256 * 1024 + 1), signature="v1,wrong")).status_code == 413
    assert (await doors.webhook(b"x" * (256 * 1024), signature="v1,wrong")).status_code == 401


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_missing_header_is_401(doors: Doors, missing: str) -> None:
    assert (await doors.webhook(submitted(), leave_out=missing)).status_code == 401


@pytest.mark.parametrize("signature", [" ", "v1", "v1,", "v1,wrong", "v2,x", ",,, ,", "v1a,AAAA"])
async def test_a_wrong_signature_is_401_without_a_hint(doors: Doors, signature: str) -> None:
    answer = await doors.webhook(submitted(), signature=signature)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authentic")


@pytest.mark.parametrize("age", [301, -301])
async def test_out_of_tolerance_is_the_same_401(doors: Doors, age: float) -> None:
    answer = await doors.webhook(submitted(), age=age)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authentic")


async def test_within_tolerance_and_with_the_former_secret_it_is_authentic(doors: Doors) -> None:
    assert (await doors.webhook(submitted(), secret=OLD_SECRET, age=290)).status_code == 202


async def test_one_of_several_signatures_is_enough(doors: Doors) -> None:
    body, moment = orjson.dumps(submitted().webhook), str(int(time.time()))
    signatures = f"v1,AAAA {signed(SECRET, 'msg_1', moment, body)} v1a,BBBB"
    assert (await doors.webhook(body, signature=signatures)).status_code == 202


async def test_a_repeat_is_202_without_effect(doors: Doors) -> None:
    body = orjson.dumps(submitted().webhook)
    assert [(await doors.webhook(body)).status_code for _ in range(3)] == [202] * 3
    assert len(await doors.claims()) == 1
    assert await doors.quarantine() == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "wrong_shape"),
        (b"\xff\xfe", "wrong_shape"),
        (b"[" * 50_000, "wrong_shape"),
        (b"{}", "wrong_shape"),
        (b"null", "wrong_shape"),
        (b'{"type": "micro_credential.invented", "timestamp": "2024-01-01T00:00:00Z", "data": {}}', "unknown_type"),
        (orjson.dumps(submitted().webhook | {"timestamp": "2024-01-01T00:00:00"}), "wrong_shape"),
        (orjson.dumps(submitted(attempt=0).webhook), "wrong_shape"),
        (orjson.dumps(submitted(whom={"name": "Rosa"}).webhook), "wrong_shape"),
    ],
)
async def test_what_cannot_be_used_is_quarantined_and_202(doors: Doors, body: bytes, reason: str) -> None:
    assert (await doors.webhook(body)).status_code == 202
    assert (await doors.webhook(body)).status_code == 202
    (kept,) = await doors.quarantine()
    assert (kept["reason"], bytes(kept["value"])) == (reason, body)
    (fact,) = await doors.database["facts"].find({}).to_list(None)
    assert fact["outcome"] == "quarantined"


async def test_a_webhook_id_used_before_with_another_body_is_quarantined_and_202(doors: Doors) -> None:
    assert (await doors.webhook(submitted(), "msg_1")).status_code == 202
    assert (await doors.webhook(reviewed(), "msg_1")).status_code == 202
    (kept,) = await doors.quarantine()
    assert kept["reason"] == "id_reused"
    assert len(await doors.claims()) == 1


async def test_a_flood_is_429_with_retry_after_but_only_when_authentic(doors: Doors) -> None:
    while doors.nea_rate.take("nea") is None:
        pass
    answer = await doors.webhook(submitted())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert (await doors.webhook(submitted(), signature="v1,wrong")).status_code == 401


async def test_what_cannot_be_made_durable_in_time_is_503_with_retry_after(doors: Doors) -> None:
    doors.intake._patience = 0.0
    answer = await doors.webhook(submitted())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_the_specification_s_test_vector_holds() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert Signatures([SECRET]).authentic(headers, b'{"test": 2432232314}', 1614265330)


def test_the_specification_s_library_signs_alike() -> None:
    body, now = '{"a": "é"}', datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", now, body)
    moment = str(int(now.timestamp()))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": moment, "webhook-signature": signature}
    assert Signatures([SECRET]).authentic(headers, body.encode(), now.timestamp())


@pytest.mark.parametrize("secret", ["plain", "whsec_???", "", "whsec_"])
def test_a_wrong_secret_stops_the_start(secret: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Signatures([secret])
