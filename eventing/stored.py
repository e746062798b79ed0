"""Documents as MongoDB stores them, opened no further than somebody asks (BSON, https://bsonspec.org).

To decode a long array costs far more than to receive it. So it can stay as its bytes, in which those rows are looked
for that hold a word.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from struct import Struct
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

Options = CodecOptions[Any]
LONG = 8_000  # bytes; what is shorter is decoded sooner than it is searched
FEW = 8  # words; for more of them, to read all rows is quicker than to look for each
END, ARRAY = 0, 4
INT32 = Struct("<i").unpack_from
FIXED = {1: 8, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 17: 8, 18: 8, 19: 16}  # how many bytes a value has, by its type


class Rows:
    """An array of documents, where it stands in the one that holds it."""

    __slots__ = ("_begin", "_content", "_end", "_options")

    def __init__(self, content: bytes, begin: int, end: int, options: Options) -> None:
        self._content = content
        self._begin = begin
        self._end = end
        self._options = options

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(bson.decode(self._content[self._begin : self._end], self._options).values())

    def holding(self, words: Iterable[str]) -> Iterator[dict[str, Any]]:
        """The rows in which one of these words stands, be it as a part of another, and maybe others."""
        wanted = {word.encode() for word in words}
        if len(wanted) > FEW:
            yield from self
            return
        content, last = self._content, self._end
        end = self._begin + 4  # of the rows looked at: after the array's own length
        next_hits = dict.fromkeys(wanted, -1)  # each word is looked for from its last hit on, so once over the bytes
        while content[end] != END:
            for word, hit in list(next_hits.items()):
                if hit < end and (found := content.find(word, end, last)) >= 0:
                    next_hits[word] = found
                elif hit < end:
                    del next_hits[word]
            if not next_hits:
                return
            first = min(next_hits.values())
            while end <= first:
                begin = content.index(END, end) + 1
                end = begin + _length(content, begin)
            yield bson.decode(content[begin:end], self._options)

    def but(self, words: Iterable[str], taken: Callable[[dict[str, Any]], bool]) -> list[Any]:
        """The rows to be stored again as they are: all but those that hold one of these words and are taken out."""
        array = self._content[self._begin : self._end]
        rows = [row for _, row in RawBSONDocument(array).items()]
        wanted = [word.encode() for word in words]
        if len(wanted) <= FEW and not (wanted := [word for word in wanted if word in array]):
            return rows
        return [row for row in rows if not self._taken(bytes(row.raw), wanted, taken)]

    def _taken(self, row: bytes, words: list[bytes], taken: Callable[[dict[str, Any]], bool]) -> bool:
        may_be = len(words) > FEW or any(word in row for word in words)
        return may_be and taken(bson.decode(row, self._options))


NO_ROWS = Rows(bson.encode({}), 0, 5, bson.DEFAULT_CODEC_OPTIONS)


def opened(content: bytes, rows: Collection[str], options: Options) -> dict[str, Any]:
    """A document; where it is long, the arrays of these names stay `Rows`."""
    if len(content) < LONG:
        return bson.decode(content, options)
    closed: dict[str, Rows] = {}
    others: list[bytes] = []
    at = 4
    while (kind := content[at]) != END:
        value = content.index(END, at) + 1
        end = value + _size(kind, content, value)
        name = content[at + 1 : value - 1].decode()
        if kind == ARRAY and name in rows:
            closed[name] = Rows(content, value, end, options)
        else:
            others.append(content[at:end])
        at = end
    rest = b"".join(others)
    document: dict[str, Any] = bson.decode((len(rest) + 5).to_bytes(4, "little") + rest + b"\0", options)
    return document | closed


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
