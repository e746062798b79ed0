"""Documents as MongoDB stores them, opened no further than somebody asks (BSON, https://bsonspec.org).

To decode a long array costs far more than to receive it. So it can stay as its bytes, in which those rows are looked
for that hold a word, and goes back as bytes: what nobody asked for is never taken apart nor put together.
"""

from bisect import bisect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from struct import Struct
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

Options = CodecOptions[Any]
LONG = 4_000  # bytes; what is shorter is decoded sooner than it is searched
FEW = 8  # words; for more of them, to read all rows is quicker than to look for each
END, ARRAY = 0, 4
BEGINS = itemgetter(0)
INT32 = Struct("<i").unpack_from
FIXED = {1: 8, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 17: 8, 18: 8, 19: 16}  # how many bytes a value has, by its type


class Rows:
    """An array of documents, where it stands in the one that holds it."""

    __slots__ = ("_begin", "_content", "_end", "_known_places", "_options")

    def __init__(self, content: bytes, begin: int, end: int, options: Options) -> None:
        self._content = content
        self._begin = begin
        self._end = end
        self._options = options
        self._known_places: list[tuple[int, int]] | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(bson.decode(self.stored, self._options).values())

    @property
    def stored(self) -> bytes:
        """The array as it stands in a document."""
        return self._content[self._begin : self._end]

    def holding(self, words: Iterable[str]) -> Iterator[dict[str, Any]]:
        """The rows in which one of these words stands, be it as a part of another, and maybe others."""
        wanted = {word.encode() for word in words}
        if len(wanted) > FEW:
            return iter(self)
        return (self._row(number) for number in self._numbers(wanted))

    def but(
        self, words: Iterable[str], taken: Callable[[dict[str, Any]], bool], more: Iterable[Mapping[str, Any]]
    ) -> "Rows":
        """All rows as they are, but for those that hold one of these words and are taken out; and then some more."""
        wanted = {word.encode() for word in words}
        numbers = self._numbers(wanted) if len(wanted) <= FEW else range(len(self._places()))
        out = {number for number in numbers if taken(self._row(number))}
        content = self._content
        rows = [content[begin:end] for number, (begin, end) in enumerate(self._places()) if number not in out]
        rows += [bson.encode(row) for row in more]
        array = _sized(b"".join([b"\x03%d\0%b" % (number, row) for number, row in enumerate(rows)]))
        return Rows(array, 0, len(array), self._options)

    def _row(self, number: int) -> dict[str, Any]:
        begin, end = self._places()[number]
        row: dict[str, Any] = bson.decode(self._content[begin:end], self._options)
        return row

    def _numbers(self, words: Iterable[bytes]) -> list[int]:
        """The rows that hold one of these words. Each word is looked for once over the bytes."""
        content, first, last = self._content, self._begin + 4, self._end - 1
        found: set[int] = set()
        for word in words:
            at = content.find(word, first, last) if first < last else -1
            while at >= 0:
                places = self._places()
                number = max(bisect(places, at, key=BEGINS) - 1, 0)  # of a row's own number, the row before it
                found.add(number)
                at = content.find(word, max(places[number][1], at + 1), last)
        return sorted(found)

    def _places(self) -> list[tuple[int, int]]:
        """Where each row begins and ends. Gone through once, when a word is found."""
        if self._known_places is None:
            content, end, places = self._content, self._begin + 4, []
            while content[end] != END:
                begin = content.index(END, end) + 1
                end = begin + INT32(content, begin)[0]
                places.append((begin, end))
            self._known_places = places
        return self._known_places


NO_ROWS = Rows(bson.encode({}), 0, 5, bson.DEFAULT_CODEC_OPTIONS)


def opened(content: bytes, rows: Collection[str], options: Options) -> dict[str, Any]:
    """A document; where it is long, the arrays of these names stay `Rows`."""
    if len(content) < LONG:
        return bson.decode(content, options)
    left: dict[str, Rows] = {}
    others: list[bytes] = []
    at = 4
    while (kind := content[at]) != END:
        value = content.index(END, at) + 1
        end = value + _size(kind, content, value)
        name = content[at + 1 : value - 1].decode()
        if kind == ARRAY and name in rows:
            left[name] = Rows(content, value, end, options)
        else:
            others.append(content[at:end])
        at = end
    document: dict[str, Any] = bson.decode(_sized(b"".join(others)), options)
    return document | left


def closed(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document to be stored, with its `Rows` as they are."""
    rows = {name: value for name, value in document.items() if isinstance(value, Rows)}
    if not rows:
        return document
    others = bson.encode({name: value for name, value in document.items() if name not in rows})
    arrays = [b"\x04%b\0%b" % (name.encode(), value.stored) for name, value in rows.items()]
    return RawBSONDocument(_sized(others[4:-1] + b"".join(arrays)))


def _sized(body: bytes) -> bytes:
    return (len(body) + 5).to_bytes(4, "little") + body + b"\0"


def _size(kind: int, content: bytes, at: int) -> int:
    match kind:
        case 2 | 13 | 14:  # strings: their length, and as many bytes
            return 4 + _length(content, at)
        case 3 | 4:  # documents and arrays: their length counts itself
            return _length(content, at)
        case 5:  # binary: its length, its subtype, and as many bytes
            return 5 + _length(content, at)
        case _:
            return FIXED[kind]


def _length(content: bytes, at: int) -> int:
    length: int = INT32(content, at)[0]
    return length
