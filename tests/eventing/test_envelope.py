"""CloudEvents on the wire: what is read, and what is told unreadable instead of raising anything else."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing import tracing
from eventing.envelope import Event, UnreadableError, decode, encode, event_id, tombstone_headers

EVENT = Event(
    id="e-1",
    source="/enrollment",
    type="org.example.Said.v1",
    time=datetime(2024, 4, 20, 18, 3, 11, tzinfo=UTC),
    data={"educator_id": "E-1"},
    key="E-1",
    sequence=7,
    causationid="wh-1",
    causationsource="/webhooks/nea",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)


def test_an_event_reads_as_it_was_written() -> None:
    assert decode(encode(EVENT), (), "E-1") == EVENT


def test_the_envelope_is_cloudevents_json_with_the_sequence_as_a_decimal_string() -> None:
    document = orjson.loads(encode(EVENT))
    assert document["specversion"] == "1.0"
    assert document["sequence"] == "7"
    assert document["partitionkey"] == "E-1"
    assert document["time"] == "2024-04-20T18:03:11Z"
    assert document["data"] == {"educator_id": "E-1"}


def test_a_tombstone_carries_its_attributes_in_headers() -> None:
    stone = Event(**{name: getattr(EVENT, name) for name in EVENT.__slots__} | {"data": None})
    assert decode(None, tombstone_headers(stone), "E-1") == stone


def test_binary_mode_is_read_from_its_headers() -> None:
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/portal"), ("ce_type", b"x")]
    headers += [("ce_time", b"2024-04-20T11:03:11-07:00"), ("content-type", b"application/json")]
    event = decode(b'{"a": 1}', headers, "k")
    assert (event.data, event.time) == ({"a": 1}, datetime(2024, 4, 20, 18, 3, 11, tzinfo=UTC))


def spoilt(**attributes: str) -> bytes:
    """The event's bytes with some attributes replaced."""
    return orjson.dumps(orjson.loads(encode(EVENT)) | attributes)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no_value"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[1]", "not_an_object"),
        (b"[" * 100_000, "not_json"),
        (spoilt(data="text"), "data_not_an_object"),
        (spoilt(id=""), "attribute_id"),
        (spoilt(time="2024-01-01T00:00:00"), "attribute_time"),
        (spoilt(time="tomorrow"), "attribute_time"),
        (spoilt(specversion="0.3"), "attribute_specversion"),
        (spoilt(sequence="-1"), "attribute_sequence"),
    ],
)
def test_what_cannot_be_read_says_why(value: bytes | None, reason: str) -> None:
    with pytest.raises(UnreadableError) as told:
        decode(value, (), "k")
    assert told.value.reason == reason


def test_where_nobody_counts_a_sequence_says_nothing_whatever_its_form() -> None:
    for given_ in ("7", "-1", "a-1"):
        assert decode(spoilt(sequence=given_), (), "k", counted=False).sequence is None


@given(
    st.binary(max_size=300),
    st.lists(st.tuples(st.sampled_from(["ce_specversion", "ce_id", "ce_time", "x"]), st.binary(max_size=20))),
)
def test_no_bytes_raise_anything_else(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    with contextlib.suppress(UnreadableError):
        decode(value, headers, "k")


def test_the_same_cause_leads_to_the_same_ids() -> None:
    assert event_id("/a", "1", "t", 0) == event_id("/a", "1", "t", 0)
    assert len({event_id("/a", "1", "t", 0), event_id("/a", "1", "t", 1), event_id("/a", "2", "t", 0)}) == 3


def test_a_trace_goes_on_through_an_event_with_a_span_of_its_own() -> None:
    assert EVENT.traceparent is not None
    child = tracing.child(EVENT.traceparent, "e-2")
    assert tracing.trace_id(child) == tracing.trace_id(EVENT.traceparent)
    assert child != EVENT.traceparent
    assert tracing.child(None, "e-2") == tracing.child("nonsense", "e-2")


def test_times_are_read_as_utc() -> None:
    local = Event("1", "/a", "t", datetime(2024, 4, 20, 11, tzinfo=timezone(timedelta(hours=-7))), {})
    assert decode(encode(local), (), "").time == datetime(2024, 4, 20, 18, tzinfo=UTC)
