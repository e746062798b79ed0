"""How a long part of an account's document is stored, and read no further than somebody asks.

What one educator has done may be hundreds of rows; a fact moves what some of them say. Those are found by the words in
them (eventing/stored.py), and when the part is written again all others are as they were.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from eventing.stored import NO_ROWS, Rows
from services.clockhours.kept import Kept, Known

Document = dict[str, Any]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Form(Generic[K, V]):
    """One row, or several, for each key; the key's word stands in each of them."""

    key: Callable[[Document], K]
    read: Callable[[list[Document]], V]
    written: Callable[[K, V], list[Document]]
    word: Callable[[K], str] = str

    def kept(self, rows: Rows | list[Document]) -> Kept[K, V]:
        return Stored(self, rows) if isinstance(rows, Rows) else Known(self.values(rows))

    def rows(self, kept: Kept[K, V]) -> Rows | list[Document]:
        """To be stored."""
        known = kept.known if isinstance(kept, Stored) else kept
        rows = [row for key, value in known.items() if value is not None for row in self.written(key, value)]
        return kept.with_others(rows) if isinstance(kept, Stored) else rows

    def values(self, rows: Iterable[Document]) -> dict[K, V]:
        return grouped(rows, self.key, self.read)


def grouped(
    rows: Iterable[Document], key_of: Callable[[Document], K], read: Callable[[list[Document]], V]
) -> dict[K, V]:
    """What rows say, by key."""
    found: dict[K, list[Document]] = {}
    for row in rows:
        found.setdefault(key_of(row), []).append(row)
    return {key: read(of_it) for key, of_it in found.items()}


class Stored(Kept[K, V]):
    """What is `known` by now goes before the rows; None: it is not there."""

    __slots__ = ("_form", "_rows", "known")

    def __init__(self, form: Form[K, V], rows: Rows, known: dict[K, V | None] | None = None) -> None:
        self._form = form
        self._rows = rows
        self.known = known or {}

    def __getitem__(self, key: K) -> V:
        value = self._ask([key]).get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[K]:
        self.known = {**self._form.values(self._rows), **self.known}
        self._rows = NO_ROWS  # all of it is known now
        return iter([key for key, value in self.known.items() if value is not None])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def put(self, key: K, value: V) -> Kept[K, V]:
        return Stored(self._form, self._rows, {**self.known, key: value})

    def without(self, key: K) -> Kept[K, V]:
        return Stored(self._form, self._rows, {**self.known, key: None})

    def only(self, keys: Iterable[K]) -> Known[K, V]:
        wanted = list(keys)
        known = self._ask(wanted)
        return Known({key: value for key in wanted if (value := known.get(key)) is not None})

    def naming(self, words: Collection[str]) -> Iterable[V]:
        """Of a part that has one row for each key."""
        self.known = {**self._form.values(self._rows.holding(words)), **self.known}
        return [value for value in self.known.values() if value is not None]

    def with_others(self, rows: list[Document]) -> Rows:
        """These rows after those about nothing that is known, which stay as they are."""
        form = self._form
        return self._rows.but(map(form.word, self.known), lambda row: form.key(row) in self.known, rows)

    def _ask(self, keys: list[K]) -> dict[K, V | None]:
        form = self._form
        if asked := {key: None for key in keys if key not in self.known}:
            rows = self._rows.holding(map(form.word, asked))
            found = form.values(row for row in rows if form.key(row) in asked)
            self.known = {**self.known, **asked, **found}
        return self.known
