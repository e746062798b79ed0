"""The strict JSON reader: what it refuses, and that its fast way and its slow way agree."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts import strict_json
from contracts.strict_json import Reason, StrictJsonError
from tests.contracts.effort import tried


def outcome(body: bytes) -> Any:
    try:
        return strict_json.loads(body)
    except StrictJsonError as refusal:
        return refusal.reason


def slow_outcome(body: bytes) -> Any:
    try:
        return strict_json._slowly(body)
    except StrictJsonError as refusal:
        return refusal.reason


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"null",
        b' {"a" : [1, 2.5, -0, 1e3, true, {"b": "\\u00e9\\ud83d\\ude00"}]}\n',
        '{"naïve": "漢字 : \\"a\\": \\\\u0000"}'.encode(),
        b'{"a":{"x":1},"b":{"x":2},"":0}',
        b"[9223372036854775807,-9223372036854775808]",
        b'{"a": 9007199254740993}',
        b"0.1234567890123456789",
        nested(64),
    ],
)
def test_good_json_is_read_as_the_standard_library_reads_it(body: bytes) -> None:
    assert outcome(body) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"{", Reason.NOT_JSON),
        (b"{'a': 1}", Reason.NOT_JSON),
        (b'{"a": 1,}', Reason.NOT_JSON),
        (b'{"a": 1} x', Reason.NOT_JSON),
        (b'"a\nb"', Reason.NOT_JSON),
        (b"01", Reason.NOT_JSON),
        (b"\xef\xbb\xbf{}", Reason.NOT_JSON),
        (b'"\xff"', Reason.NOT_UTF8),
        (b'"\xed\xa0\x80"', Reason.NOT_UTF8),
        (b"NaN", Reason.NOT_A_NUMBER),
        (b"[-Infinity]", Reason.NOT_A_NUMBER),
        (b'{"a":1,"a":1}', Reason.DUPLICATE_KEY),
        (b'{"a" :1, "a"\n:2}', Reason.DUPLICATE_KEY),
        (b'{"a":1,"\\u0061":2}', Reason.DUPLICATE_KEY),
        (b'{"a":"\\":","b":1,"b":2}', Reason.DUPLICATE_KEY),
        (b'[{"a":{"b":1,"c":[],"b":{}}}]', Reason.DUPLICATE_KEY),
        (b'{"a":1,"b":{"a":1},"a":2}', Reason.DUPLICATE_KEY),
        (b'"\\ud800"', Reason.LONE_SURROGATE),
        (b'{"\\udc00":1}', Reason.LONE_SURROGATE),
        (b'"\\u0000"', Reason.NUL),
        (b'{"\\u0000":1}', Reason.NUL),
        (b"123456789012345678901", Reason.LONG_NUMBER),
        (b'{"a":9223372036854775808}', Reason.LONG_NUMBER),
        (b'{"a": 18446744073709551615}', Reason.LONG_NUMBER),
        (b"-9223372036854775809", Reason.LONG_NUMBER),
        (b"-123456789012345678901", Reason.LONG_NUMBER),
        (b"1.00000000000000000000", Reason.LONG_NUMBER),
        (b"1e999", Reason.LONG_NUMBER),
        (b"1e0000000000000000000001", Reason.LONG_NUMBER),
        (b"9" * 250_000, Reason.LONG_NUMBER),
        (nested(65), Reason.TOO_DEEP),
        (nested(65, '{"a":', "}"), Reason.TOO_DEEP),
        (nested(500), Reason.TOO_DEEP),
        (b"[" * 250_000, Reason.TOO_DEEP),
        (b'{"a":' * 50_000, Reason.TOO_DEEP),
    ],
)
def test_bad_json_is_refused_by_its_reason(body: bytes, reason: Reason) -> None:
    assert outcome(body) is reason


def test_depth_is_judged_where_there_are_many_brackets_but_none_is_deep() -> None:
    assert outcome(b"[" + b",".join([b'{"a":[]}'] * 500) + b"]") == [{"a": []}] * 500


WHITE = st.sampled_from(["", "", " ", "\n", "\t", "\r"])
KEY = st.sampled_from(['"a"', '"b"', '"\\u0061"', '":"', '"\\":"', '"\\u0000"', '"\\ud800"', '"é"', '""'])
LEAF = st.one_of(
    st.integers().map(str),
    st.integers(min_value=10**18, max_value=10**22).map(str),
    st.floats().map(json.dumps),
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.text().map(json.dumps),
    st.text(st.characters(codec="utf-8")).map(lambda text: json.dumps(text, ensure_ascii=False)),
    KEY,
    st.sampled_from(["true", "false", "null", "NaN", "tru", "'a'"]),
)


def _array(items: list[str]) -> str:
    return f"[{','.join(items)}]"


def _object(pairs: list[tuple[str, str, str, str]]) -> str:
    return "{" + ",".join(f"{key}{before}:{after}{value}" for key, before, after, value in pairs) + "}"


TEXTS = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=4).map(_array) | st.lists(st.tuples(KEY, WHITE, WHITE, inner), max_size=4).map(_object)
    ),
    max_leaves=15,
)


@tried
@given(TEXTS)
@example('{"a" :1,"a":2}')
@example('{"a":"\\u0022:","b":1,"b":2}')
def test_the_fast_way_and_the_slow_way_agree(text: str) -> None:
    body = text.encode()
    assert repr(outcome(body)) == repr(slow_outcome(body))


@tried
@given(st.binary() | TEXTS.map(str.encode).flatmap(lambda body: st.tuples(st.just(body), st.binary()).map(b"".join)))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    outcome(body)


@tried
@given(st.integers(0, 130), st.booleans())
def test_nesting_over_64_is_refused_and_no_other(depth: int, spaced: bool) -> None:
    body = nested(depth)
    if spaced:
        body = b" " + body.replace(b"[", b"[ ")
    assert (outcome(body) is Reason.TOO_DEEP) == (depth > 64)
