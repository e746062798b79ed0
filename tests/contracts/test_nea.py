"""NEA's webhooks: what is read, and that everything else is unusable for a reason, never an exception."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts import nea
from contracts.faults import UnknownType
from contracts.kinds import Decision
from tests.contracts.effort import tried
from tests.contracts.examples import example, webhook


def unusable(body: bytes) -> nea.Unusable:
    with pytest.raises(nea.Unusable) as refusal:
        nea.read(body)
    return refusal.value


def fields(body: bytes) -> list[str]:
    refusal = unusable(body)
    assert refusal.reason == "wrong_shape"
    return [fault.field for fault in refusal.fields]


@pytest.mark.parametrize("type_", nea.MODELS)
def test_every_type_of_nea_is_read(type_: str) -> None:
    read = nea.read(webhook(type_))
    assert read.type == type_
    assert read.data == nea.read_data(type_, example(f"nea.{type_}")["data"])


def test_a_review_names_its_attempt_and_decision() -> None:
    data = nea.read(webhook("micro_credential.reviewed", decision="not_yet", attempt=2)).data
    assert isinstance(data, nea.Reviewed)
    assert (data.attempt, data.decision) == (2, Decision.NOT_YET)


@pytest.mark.parametrize(
    "learner",
    [
        {"nea_member_id": "N-1"},
        {"email": "rosa@example.org"},
        {"nea_member_id": "N-1", "email": None},
        {"nea_member_id": "N-1", "email": ""},
    ],
)
def test_a_learner_has_a_member_id_or_an_address(learner: dict[str, Any]) -> None:
    assert nea.read(webhook("micro_credential.registered", learner=learner))


@pytest.mark.parametrize("learner", [{}, {"nea_member_id": None}, {"email": " "}, {"name": "Rosa"}])
def test_a_learner_without_both_is_nobody(learner: dict[str, Any]) -> None:
    assert fields(webhook("micro_credential.registered", learner=learner)) == ["data.learner"]


@pytest.mark.parametrize(
    ("type_", "changes", "field"),
    [
        ("micro_credential.submitted", {"attempt": 0}, "data.attempt"),
        ("micro_credential.submitted", {"attempt": "1"}, "data.attempt"),
        ("micro_credential.submitted", {"submitted_at": "2024-04-20T18:03:10"}, "data.submitted_at"),
        ("micro_credential.submitted", {"submission_id": None}, "data.submission_id"),
        ("micro_credential.reviewed", {"decision": "perhaps"}, "data.decision"),
        ("micro_credential.reviewed", {"credential_url": "javascript:x"}, "data.credential_url"),
        ("micro_credential.revoked", {"revoked_at": "9999-01-01T00:00:00Z"}, "data.revoked_at"),
        ("micro_credential.revoked", {"micro_credential_id": "x" * 201}, "data.micro_credential_id"),
        ("micro_credential.revoked", {"learner": "Rosa"}, "data.learner"),
        ("micro_credential.revoked", {"learner": {"nea_member_id": 7}}, "data.learner.nea_member_id"),
    ],
)
def test_a_wrong_shape_names_the_field(type_: str, changes: dict[str, Any], field: str) -> None:
    assert fields(webhook(type_, **changes)) == [field]


def test_a_body_without_data_or_timestamp_names_both() -> None:
    assert fields(b'{"type": "micro_credential.revoked"}') == ["timestamp", "data"]


@pytest.mark.parametrize("body", [b"{}", b'{"type": null}', b'{"type": ["micro_credential.revoked"]}'])
def test_a_body_without_type_names_it(body: bytes) -> None:
    assert fields(body) == ["type"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"5", b"true"])
def test_a_body_that_is_no_object_is_of_wrong_shape(body: bytes) -> None:
    assert fields(body) == ["body"]


def test_an_unknown_type_is_its_own_reason_and_is_not_repeated() -> None:
    refusal = unusable(b'{"type": "rosa@example.org"}')
    assert refusal.reason == "unknown_type"
    assert "rosa" not in repr((str(refusal), refusal.fields))
    with pytest.raises(UnknownType):
        nea.read_data("session.attended", {})


def test_what_comes_back_from_the_inbox_is_judged_again() -> None:
    with pytest.raises(ValidationError):
        nea.read_data("micro_credential.revoked", {})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"\xff", "not_utf8"),
        (b'{"type": NaN}', "not_a_number"),
        (b'{"type": "a", "type": "b"}', "duplicate_key"),
        (b'{"attempt": 123456789012345678901}', "long_number"),
        (b'{"name": "\\ud800"}', "lone_surrogate"),
        (b'{"name": "\\u0000"}', "nul"),
        (b"[" * 100_000, "too_deep"),
    ],
)
def test_hostile_json_is_unusable_by_its_reason(body: bytes, reason: str) -> None:
    assert unusable(body).reason == reason


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(list(nea.MODELS)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "timestamp", "data", "learner", "email", "attempt"]), inner)
    ),
    max_leaves=12,
)


@tried
@given(st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_is_answered_with_another_exception(body: bytes) -> None:
    try:
        nea.read(body)
    except nea.Unusable as refusal:
        assert refusal.reason  # noqa: PT017 - a body that happens to be usable is as good
