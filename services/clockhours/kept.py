"""What an account keeps of one kind, by what it is about: a mapping that nobody changes; `put` makes another.

It is `Known`, or as long as nobody asks for it stored (stored.py): a fact about one micro-credential asks for nothing
that is about another, and the longer a history, the more of it is at rest.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(Mapping[K, V]):
    """Called `Mapping` where it is only read."""

    __slots__ = ()

    @abstractmethod
    def put(self, key: K, value: V) -> "Kept[K, V]": ...

    @abstractmethod
    def without(self, key: K) -> "Kept[K, V]": ...

    @abstractmethod
    def only(self, keys: Iterable[K]) -> "Known[K, V]":
        """What there is under these keys."""

    @abstractmethod
    def naming(self, words: Collection[str]) -> Iterable[V]:
        """The values that name one of these words, and maybe others."""


class Known(dict[K, V], Kept[K, V]):
    """All of it at hand."""

    __slots__ = ()

    def put(self, key: K, value: V) -> "Known[K, V]":
        return Known({**self, key: value})

    def without(self, key: K) -> "Known[K, V]":
        return Known({other: value for other, value in self.items() if other != key})

    def only(self, keys: Iterable[K]) -> "Known[K, V]":
        return Known({key: self[key] for key in keys if key in self})

    def naming(self, words: Collection[str]) -> Iterable[V]:
        return self.values()
