"""Times, ids, texts and addresses: what both intakes take, and what they refuse by field."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.faults import faults
from contracts.fields import Attempt, Email, Id, LearnerAddress, Minutes, Moment, OptionalName, Reason, Url
from tests.contracts.effort import tried

MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
ID: TypeAdapter[str] = TypeAdapter(Id)
EMAIL: TypeAdapter[str] = TypeAdapter(Email)


def reason(adapter: TypeAdapter[Any], value: Any) -> str:
    """Why a value is refused."""
    with pytest.raises(ValidationError) as refusal:
        adapter.validate_python(value)
    return faults(refusal.value)[0].reason


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-04-20T18:03:10Z", datetime(2024, 4, 20, 18, 3, 10, tzinfo=UTC)),
        ("2024-04-20t18:03:10z", datetime(2024, 4, 20, 18, 3, 10, tzinfo=UTC)),
        ("2024-04-26T23:59:59.999-07:00", datetime(2024, 4, 27, 6, 59, 59, 999000, tzinfo=UTC)),
        ("2024-04-20T18:03:10.123456789+05:45", datetime(2024, 4, 20, 12, 18, 10, 123456, tzinfo=UTC)),
        ("2024-04-20T18:03:10-00:00", datetime(2024, 4, 20, 18, 3, 10, tzinfo=UTC)),
    ],
)
def test_a_time_of_any_offset_is_read_as_one_instant_in_utc(text: str, moment: datetime) -> None:
    assert MOMENT.validate_python(text) == moment
    assert MOMENT.validate_python(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["2024-04-20T18:03:10", "2024-04-20T18:03:10.5", datetime(2024, 4, 20)],  # noqa: DTZ001 - the fault tested
)
def test_a_time_without_offset_is_refused(text: Any) -> None:
    assert "offset" in reason(MOMENT, text)


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60Z", "2024-04-20T18:03:60-07:00"])
def test_a_leap_second_is_refused_by_its_name(text: str) -> None:
    assert "leap second" in reason(MOMENT, text)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "1899-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "2201-01-01T00:00:00Z"]
)
def test_a_year_outside_1900_to_2200_is_refused(text: str) -> None:
    assert "years 1900 to 2200" in reason(MOMENT, text)


@pytest.mark.parametrize("text", ["1900-01-01T00:00:00+05:00", "2200-12-31T23:00:00-05:00"])
def test_the_year_is_judged_in_utc_too(text: str) -> None:
    assert "years 1900 to 2200" in reason(MOMENT, text)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2024-04-20",
        "2024-04-20 18:03:10Z",
        "20240420T180310Z",
        "2024-W16-6T18:03:10Z",
        "2024-04-20T24:00:00Z",
        "2024-04-20T18:03Z",
        "2024-04-20T18:03:10+0700",
        "2024-04-20T18:03:10+24:00",
        "2024-02-30T18:03:10Z",
        "2024-04-20T18:03:99Z",
        "２０２４-04-20T18:03:10Z",
        "2024-04-20T18:03:10Z\n",
        "1713636190",
        1713636190,
        True,
        None,
        {},
    ],
)
def test_what_is_no_rfc_3339_time_is_refused(value: Any) -> None:
    assert reason(MOMENT, value).startswith("Time should")


@tried
@given(
    st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2199, 12, 31)),  # noqa: DTZ001 - zone added below
    st.integers(-14 * 60, 14 * 60),
)
def test_every_time_that_we_write_is_read_back(moment: datetime, offset_minutes: int) -> None:
    moment = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    assert MOMENT.validate_python(moment.isoformat()) == moment
    assert MOMENT.validate_json(MOMENT.dump_json(moment)) == moment


@tried
@given(st.text() | st.from_regex(r"[\d -]{4}-[\d -]{2}-[\d -]{2}T[\d -]{2}:[\d -]{2}:[\d -]{2}Z", fullmatch=True))
def test_any_text_is_an_rfc_3339_time_or_refused(text: str) -> None:
    with suppress(ValidationError):
        assert MOMENT.validate_python(text).tzinfo is UTC
        assert re.fullmatch(
            r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", text, re.I
        )


@pytest.mark.parametrize("id_", ["E-1", "nea:N-1", "a b", "é", "ـID", "x" * 200])
def test_an_id_is_any_line_of_up_to_200_characters(id_: str) -> None:
    assert ID.validate_python(id_) == id_


@pytest.mark.parametrize(
    "id_", ["", " ", "\u3000", "x" * 201, "a\nb", "a\x00", "a\r", "\x7f", "\x85", "\ud800", 5, None, b"E-1", ["E-1"]]
)
def test_what_is_no_id_is_refused(id_: Any) -> None:
    assert reason(ID, id_)


@pytest.mark.parametrize("value", [-1, 1441, 10**30, 90.0, "90", True, None, float("nan")])
def test_minutes_are_whole_and_of_one_day(value: Any) -> None:
    assert reason(TypeAdapter(Minutes), value)


@pytest.mark.parametrize("value", [0, 1001, 1.0, "1", True, None])
def test_attempts_count_from_1(value: Any) -> None:
    assert reason(TypeAdapter(Attempt), value)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("rosa@example.org", "rosa@example.org"),
        (" Rosa.O'Neil+wea@Example.org ", "Rosa.O'Neil+wea@Example.org"),
        ("rosa@bücher.example", "rosa@bücher.example"),
        ("用户@例子.example", "用户@例子.example"),
        ("rosa@xn--bcher-kva.example", "rosa@xn--bcher-kva.example"),
        ("rosa@school.test", "rosa@school.test"),
    ],
)
def test_an_address_is_kept_as_given_but_trimmed(given_: str, kept: str) -> None:
    assert EMAIL.validate_python(given_) == kept


@pytest.mark.parametrize(
    "address",
    [
        "",
        "rosa",
        "@",
        "rosa@",
        "@example.org",
        "rosa@localhost",
        "rosa@@example.org",
        "a b@example.org",
        "rosa@example..org",
        ".rosa@example.org",
        "rosa@-example.org",
        "rosa@example.org\r\nBcc: x@example.org",
        "rosa\x00@example.org",
        "Rosa <rosa@example.org>",
        "rosa@[127.0.0.1]",
        "x" * 65 + "@example.org",
        "rosa@" + "x" * 300 + ".org",
        "\ud800@example.org",
        7,
        None,
    ],
)
def test_what_is_no_address_is_refused(address: Any) -> None:
    assert reason(EMAIL, address)


@tried
@given(st.text(max_size=400))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    with suppress(ValidationError):
        assert "\n" not in EMAIL.validate_python(f"{text}@example.org")


def test_a_learners_address_may_be_one_that_nobody_could_write_to() -> None:
    adapter: TypeAdapter[str | None] = TypeAdapter(LearnerAddress)
    assert adapter.validate_python(" ROSA@localhost ") == "ROSA@localhost"
    assert adapter.validate_python("  ") is None
    assert "e-mail" in reason(adapter, "n/a")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "ftp://example.org", "https://", "//example.org", "https://exa mple.org", "http://[", ""],
)
def test_a_link_is_http_or_https(url: str) -> None:
    assert reason(TypeAdapter(Url), url)


@pytest.mark.parametrize("name", ["محمد", "שרה כהן", "Zoë", "Z̷͎a̶l̸g̵o̶", "李小龍", "O'Neil-Smith", "👩‍🏫 Rosa"])
def test_names_of_any_script_are_kept(name: str) -> None:
    assert TypeAdapter(OptionalName).validate_python(name) == name


def test_an_empty_optional_text_is_absent() -> None:
    assert TypeAdapter(OptionalName).validate_python(" ") is None


def test_a_reason_may_have_lines_but_not_be_blank() -> None:
    adapter = TypeAdapter(Reason)
    assert adapter.validate_python("Left early.\nTold so by the facilitator.") == (
        "Left early.\nTold so by the facilitator."
    )
    assert reason(adapter, " \n ")
    assert reason(adapter, "x" * 2001)
    assert reason(adapter, "a\x1b[31m")
