"""JSON from strangers: one value, or one error with a reason; never a surprise further in.

orjson does the reading. It refuses NaN, lone surrogates, raw control characters and broken UTF-8, but not what
this module adds: repeated keys (two readers could see two different events), NUL in strings, nesting over 64,
numbers over 20 digits, and whole numbers beyond 64 bits, which MongoDB cannot keep. The standard library's
parser, nine times slower, sees all of that and is asked only when two cheap tests cannot exclude it
(docs/decisions/0102-strict-json.md).
"""

import json
import math
from enum import StrEnum
from typing import Any, NoReturn

import orjson

DEEPEST = 64
MOST_DIGITS = 20
LOWEST, HIGHEST = -(2**63), 2**63 - 1


class Reason(StrEnum):
    """Why a text is not taken as JSON."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_A_NUMBER = "not_a_number"  # NaN, Infinity
    LONG_NUMBER = "long_number"  # over 20 digits, or beyond what 64 bits or a double can hold
    DUPLICATE_KEY = "duplicate_key"
    LONE_SURROGATE = "lone_surrogate"
    NUL = "nul"
    TOO_DEEP = "too_deep"


class StrictJsonError(ValueError):
    """The text is not JSON, or JSON that nobody should send."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class _SuspectError(Exception):
    """The cheap test cannot exclude a fault."""


def loads(body: bytes) -> Any:
    """Read one JSON value from UTF-8 bytes. Raises StrictJsonError, and nothing else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        _explain(body)
    perhaps_deep = body.count(b"{") + body.count(b"[") > DEEPEST
    if not perhaps_deep and _is_plain(body, value):
        return value
    try:
        keys = _keys(value, 0)
    except _SuspectError:
        return _slowly(body)
    if perhaps_deep and _is_plain(body, value):
        return value
    if keys == body.count(b'":') and not _suspect(body):
        return value
    return _slowly(body)


def _is_plain(body: bytes, value: Any) -> bool:
    """Whether a value of no great depth is written back to the same bytes, without a backslash.

    Then no key was overwritten, no number is longer than a double's, and there is no NUL. A whole number beyond
    53 bits is left to the slower ways.
    """
    try:
        return b"\\" not in body and orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) == body
    except orjson.JSONEncodeError:
        return False


def _suspect(body: bytes) -> bool:
    """Whether a text may hold an escaped NUL, or white space between a key and its colon.

    The quote that closes a key stands before a colon, so without that white space a text has at least as many
    `":` as keys. If the value has as many keys, none was overwritten. (One byte is found faster than two.)
    """
    return (
        (b"\\" in body and b"\\u0000" in body)
        or b" :" in body
        or (b"\n" in body and b"\n:" in body)
        or (b"\t" in body and b"\t:" in body)
        or (b"\r" in body and b"\r:" in body)
    )


def _keys(value: Any, depth: int) -> int:
    """Count the keys in a value. Raises _SuspectError where it is too deep, or has a number that is not a small int.

    orjson reads whole numbers of up to 64 bits as int, which are 20 digits at most; every longer one is a float.
    """
    kind = type(value)
    if kind is dict:
        inner = value.values()
        count = len(value)
    elif kind is list:
        inner = value
        count = 0
    elif kind is float or (kind is int and not LOWEST <= value <= HIGHEST):
        raise _SuspectError
    else:
        return 0
    if depth >= DEEPEST:
        raise _SuspectError
    for item in inner:
        kind = type(item)
        if kind is not str and kind is not bool and item is not None:
            count += _keys(item, depth + 1)
    return count


def _explain(body: bytes) -> NoReturn:
    """Say why orjson refused a text; where the slow reader finds nothing wrong, orjson is believed."""
    _slowly(body)
    raise StrictJsonError(Reason.NOT_JSON)


def _slowly(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise StrictJsonError(Reason.NOT_UTF8) from None
    try:
        value = _DECODER.decode(text)
    except StrictJsonError:
        raise
    except RecursionError:
        raise StrictJsonError(Reason.TOO_DEEP) from None
    except ValueError:
        raise StrictJsonError(Reason.NOT_JSON) from None
    _inspect(value)
    return value


def _inspect(value: Any) -> None:
    """Look for what the parser lets pass: depth, and characters that no text should hold."""
    level, depth = [value], 0
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _inspect_text(item)
            elif isinstance(item, dict | list):
                if depth == DEEPEST:
                    raise StrictJsonError(Reason.TOO_DEEP)
                below.extend(item)
                if isinstance(item, dict):  # its keys are texts, too
                    below.extend(item.values())
        level, depth = below, depth + 1


def _inspect_text(text: str) -> None:
    if "\x00" in text:
        raise StrictJsonError(Reason.NUL)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise StrictJsonError(Reason.LONE_SURROGATE) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise StrictJsonError(Reason.DUPLICATE_KEY)
    return value


def _digits(text: str) -> None:
    if sum(character.isdigit() for character in text) > MOST_DIGITS:
        raise StrictJsonError(Reason.LONG_NUMBER)


def _integer(text: str) -> int:
    _digits(text)
    number = int(text)
    if not LOWEST <= number <= HIGHEST:
        raise StrictJsonError(Reason.LONG_NUMBER)
    return number


def _fraction(text: str) -> float:
    _digits(text)
    number = float(text)
    if math.isinf(number):
        raise StrictJsonError(Reason.LONG_NUMBER)
    return number


def _no_constant(_: str) -> NoReturn:
    raise StrictJsonError(Reason.NOT_A_NUMBER)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_no_constant,
)
