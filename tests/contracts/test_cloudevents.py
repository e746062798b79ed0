"""CloudEvents attributes, in structured and in binary mode: each faulty one is named."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts import cloudevents
from contracts.cloudevents import KAFKA_PREFIX, CloudEventError
from tests.contracts.examples import example, without

EVENT = example("cloudevent")
HEADERS = [
    ("ce-specversion", "1.0"),
    ("CE-ID", "portal-000042"),
    ("ce-source", "/portal"),
    ("ce-type", "session.attended"),
    ("ce-time", "2024-02-15T18:05:00-08:00"),
    ("ce-traceparent", EVENT["traceparent"]),
    ("authorization", "Bearer x"),
]


def faulty(**changes: Any) -> list[str]:
    """The attributes named when the example event has these."""
    with pytest.raises(CloudEventError) as refusal:
        cloudevents.structured({**EVENT, **changes})
    return [fault.field for fault in refusal.value.faults]


def test_an_event_in_structured_mode_is_read() -> None:
    event = cloudevents.structured(EVENT)
    assert (event.source, event.id, event.type) == ("/portal", "portal-000042", "session.attended")
    assert event.time == datetime(2024, 2, 16, 2, 5, tzinfo=UTC)
    assert event.extensions == {"traceparent": EVENT["traceparent"]}
    assert event.data == EVENT["data"]


def test_the_same_event_in_binary_mode_is_the_same() -> None:
    event = cloudevents.structured(EVENT)
    assert cloudevents.binary(HEADERS, "application/json", EVENT["data"]) == event
    over_kafka = [(name.lower().replace("ce-", "ce_"), value) for name, value in HEADERS]
    assert cloudevents.binary(over_kafka, "application/json", EVENT["data"], KAFKA_PREFIX) == event


@pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type", "time"])
def test_each_required_attribute_is_named_when_it_is_missing_null_or_empty(attribute: str) -> None:
    with pytest.raises(CloudEventError) as refusal:
        cloudevents.structured(without(EVENT, attribute))
    assert [fault.field for fault in refusal.value.faults] == [attribute]
    assert faulty(**{attribute: None}) == [attribute]
    assert faulty(**{attribute: ""}) == [attribute]
    assert faulty(**{attribute: 5}) == [attribute]


def test_all_faulty_attributes_are_named_at_once() -> None:
    assert faulty(id="", time="yesterday", subject=5) == ["id", "time", "subject"]
    with pytest.raises(CloudEventError) as refusal:
        cloudevents.binary([], None, None)
    assert [fault.field for fault in refusal.value.faults] == ["specversion", "id", "source", "type", "time"]


@pytest.mark.parametrize("version", ["0.3", "1", "1.0.0", "2.0"])
def test_only_version_1_0_is_spoken(version: str) -> None:
    assert faulty(specversion=version) == ["specversion"]


@pytest.mark.parametrize(
    "time", ["2024-02-15T18:05:00", "2024-02-15", "2016-12-31T23:59:60Z", "0001-01-01T00:00:00Z", 1708049100]
)
def test_time_is_rfc_3339_with_offset(time: Any) -> None:
    assert faulty(time=time) == ["time"]


@pytest.mark.parametrize(
    "source",
    ["/portal", "portal", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "https://x.example/a?b=c#d", "//h:80/", "#a",
     "?q", ".", "/a%20b", "mailto:a@example.org", "http://[::1]:8080/x"],
)  # fmt: skip
def test_source_is_any_uri_reference(source: str) -> None:
    assert cloudevents.structured({**EVENT, "source": source}).source == source


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "a b",
        "/a%2",
        "/a%zz",
        "1:a",
        "a#b#c",
        "http://[bad",
        "//a:b",
        "//a@b@c",
        "/é",
        "/a\n",
        "<a>",
        "/" * 1001,
    ],
)
def test_source_is_nothing_else(source: str) -> None:
    assert faulty(source=source) == ["source"]


@pytest.mark.parametrize("name", ["id", "type", "subject"])
def test_attributes_hold_no_control_characters(name: str) -> None:
    assert faulty(**{name: "a\nb"}) == [name]
    assert faulty(**{name: "\ud800"}) == [name]


@pytest.mark.parametrize(
    "type_", ["application/json", "application/json; charset=utf-8", "text/json", "application/vnd.wea+json"]
)
def test_data_is_json(type_: str) -> None:
    assert cloudevents.structured({**EVENT, "datacontenttype": type_})


@pytest.mark.parametrize("type_", ["text/xml", "application/jsonp", "application/octet-stream"])
def test_data_is_nothing_else(type_: str) -> None:
    assert faulty(datacontenttype=type_) == ["datacontenttype"]
    assert faulty(data_base64="e30=") == ["data_base64"]


def test_optional_attributes_that_are_null_are_absent() -> None:
    assert cloudevents.structured({**EVENT, "subject": None, "datacontenttype": None, "dataschema": None})


def test_an_event_without_data_has_none() -> None:
    assert cloudevents.structured(without(EVENT, "data")).data is None


def test_extensions_that_are_no_text_or_have_no_legal_name_are_passed_over() -> None:
    event = cloudevents.structured({**EVENT, "sampled": True, "partitionKey": "E-1", "extra": {"a": 1}, "ok1": "x"})
    assert event.extensions == {"traceparent": EVENT["traceparent"], "ok1": "x"}


@pytest.mark.parametrize("document", [None, [], "text", 5, [EVENT]])
def test_an_event_is_an_object(document: Any) -> None:
    with pytest.raises(CloudEventError):
        cloudevents.structured(document)


def test_headers_over_http_are_percent_encoded_and_on_kafka_not() -> None:
    headers = [*HEADERS[:1], ("ce-id", "Euro%20%E2%82%AC%25"), *HEADERS[2:]]
    assert cloudevents.binary(headers, None, None).id == "Euro €%"
    over_kafka = [(name.replace("ce-", "ce_"), value) for name, value in headers]
    assert cloudevents.binary(over_kafka, None, None, KAFKA_PREFIX).id == "Euro%20%E2%82%AC%25"


@pytest.mark.parametrize(
    ("value", "id"), [('"a b"', "a b"), ('"a\\"b\\\\"', 'a"b\\'), ('"Euro%20%E2%82%AC"', "Euro €"), ('a"b"', 'a"b"')]
)
def test_a_quoted_header_says_what_is_between_its_quotes(value: str, id: str) -> None:
    assert cloudevents.binary([*HEADERS[:1], ("ce-id", value), *HEADERS[2:]], None, None).id == id


@pytest.mark.parametrize("value", ["%FF", "%C3", "%ED%A0%80", "%00", "%0A"])
def test_a_header_that_hides_something_is_named(value: str) -> None:
    with pytest.raises(CloudEventError) as refusal:
        cloudevents.binary([*HEADERS[:1], ("ce-id", value), *HEADERS[2:]], None, None)
    assert [fault.field for fault in refusal.value.faults] == ["id"]


def test_an_attribute_that_is_there_twice_is_named() -> None:
    with pytest.raises(CloudEventError) as refusal:
        cloudevents.binary([*HEADERS, ("Ce-Id", "other")], None, None)
    assert [fault.field for fault in refusal.value.faults] == ["id"]
