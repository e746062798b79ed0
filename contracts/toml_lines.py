"""On which line of a TOML text each key stands. tomllib forgets it; people who mend a file need it."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*\''''  # strings
    r"""|\#[^\n]*|[\[\]{}=,\n]|[^\s\[\]{}=,#"']+""",  # comments, punctuation, anything bare
    re.DOTALL,
)


class Lines:
    """The line (from 1) of each key, table and array element of a TOML text that tomllib has accepted."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}  # how many tables an array of tables has so far
        self._table: Path = ()
        tokens = _TOKEN.finditer(text)
        for token in tokens:
            if token[0] == "[":
                self._header(token, tokens)
            elif token[0] != "\n" and not token[0].startswith("#"):
                self._pair(token, tokens)

    def of(self, path: Path) -> int:
        """The line of a path; of what is not there, the line of the table where it should be."""
        while path:
            if path in self._found:
                return self._found[path]
            path = path[:-1]
        return 1

    def _header(self, first: re.Match[str], tokens: Iterator[re.Match[str]]) -> None:
        end = first.end()
        for token in tokens:
            if token[0] == "\n":
                break
            if token[0] == "]":
                end = token.end()
        header = self._text[first.start() : end]
        keys = _keys(header)
        if header.startswith("[["):
            array = self._resolved(keys, first)
            index = self._elements.get(array, 0)
            self._elements[array] = index + 1
            self._table = (*array, index)
        else:
            self._table = self._resolved(keys, first)
        self._found.setdefault(self._table, self._line(first))

    def _pair(self, first: re.Match[str], tokens: Iterator[re.Match[str]]) -> None:
        end = first.end()
        for token in tokens:
            if token[0] == "=":
                break
            end = token.end()
        path = self._table
        for key in _keys(self._text[first.start() : end] + "=0"):
            path = (*path, key)
            self._found.setdefault(path, self._line(first))
        self._value(path, tokens)

    def _value(self, path: Path, tokens: Iterator[re.Match[str]]) -> None:
        """Read on to the end of a value, and note where each element of an array begins."""
        depth, index, expected = 0, 0, False
        for token in tokens:
            text = token[0]
            if text.startswith("#"):
                continue
            if text == "\n":
                if depth == 0:
                    return
                continue
            if expected and text != "]":
                self._found[(*path, index)] = self._line(token)
                expected = False
            if text in "[{":
                expected = depth == 0 and text == "["
                depth += 1
            elif text in "]}":
                depth -= 1
            elif text == "," and depth == 1:
                index, expected = index + 1, True

    def _resolved(self, keys: list[str], token: re.Match[str]) -> Path:
        """A header's path: within an array of tables, its newest one is meant."""
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            self._found.setdefault(path, self._line(token))
            if path in self._elements and position < len(keys) - 1:
                path = (*path, self._elements[path] - 1)
        return path

    def _line(self, token: re.Match[str]) -> int:
        return self._text.count("\n", 0, token.start()) + 1


def _keys(source: str) -> list[str]:
    """The keys that a header, or the left side of a pair, names; quotes and dots are tomllib's to read."""
    keys: list[str] = []
    value: Any = tomllib.loads(source)
    while isinstance(value, dict) and value:
        ((key, value),) = value.items()
        keys.append(key)
        if isinstance(value, list):
            value = value[0]
    return keys
