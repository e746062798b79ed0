"""Frozen dataclasses as MongoDB documents, and back.

Mappings become lists of [key, value], since ids may hold dots and dollars and keys may be tuples; instants become
RFC 3339 texts, since MongoDB's own keep no microseconds and an order decided by them must not change on the way.
"""

import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Read = Callable[[Any], Any]


def pack(value: Any) -> Any:
    """The value as MongoDB can hold it."""
    if value is None or isinstance(value, str | int):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return [[pack(key), pack(inner)] for key, inner in value.items()]
    if isinstance(value, tuple):
        return [pack(inner) for inner in value]
    return {name: pack(getattr(value, name)) for name in _names(cast(Hashable, type(value)))}


@cache
def _names(form: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(form))


def changes(before: Any, after: Any) -> dict[str, Any]:
    """The fields of `after` that are not those of `before`, packed, for $set."""
    names = _names(cast(Hashable, type(after)))
    return {name: pack(new) for name in names if (new := getattr(after, name)) is not getattr(before, name)}


def unpack(form: type[T], document: Mapping[str, Any]) -> T:
    """The document as a dataclass of this form. Absent fields have their defaults, unknown ones are ignored."""
    read: Callable[[Any], T] = _reader(cast(Hashable, form))
    return read(document)


@cache
def _reader(form: Any) -> Read:
    """How to read a packed value of this form."""
    origin, inner = get_origin(form), get_args(form)
    if origin in (Union, types.UnionType):
        return _optional(inner)
    if origin is tuple:
        return _tuple(inner)
    if origin is not None and issubclass(origin, Mapping):
        key, value = _reader(inner[0]), _reader(inner[1])
        return lambda pairs: {key(k): value(v) for k, v in pairs}
    if is_dataclass(origin or form):
        return _dataclass(form)
    if form is datetime:
        return datetime.fromisoformat
    if isinstance(form, type) and issubclass(form, Enum):
        return form
    return lambda value: value


def _optional(inner: tuple[Any, ...]) -> Read:
    (form,) = (one for one in inner if one is not types.NoneType)
    read = _reader(form)
    return lambda value: None if value is None else read(value)


def _tuple(inner: tuple[Any, ...]) -> Read:
    if inner[-1] is Ellipsis:
        read = _reader(inner[0])
        return lambda values: tuple(read(value) for value in values)
    readers = [_reader(form) for form in inner]
    return lambda values: tuple(read(value) for read, value in zip(readers, values, strict=True))


def _dataclass(form: Any) -> Read:
    origin = get_origin(form) or form
    given = dict(zip(getattr(origin, "__parameters__", ()), get_args(form), strict=False))
    hints = get_type_hints(origin)
    readers = {field.name: _reader(_resolved(hints[field.name], given)) for field in fields(origin)}
    required = {f.name for f in fields(origin) if f.default is MISSING and f.default_factory is MISSING}

    def read(document: Mapping[str, Any]) -> Any:
        there = {name: reader(document[name]) for name, reader in readers.items() if name in document}
        if not required <= there.keys():
            raise ValueError(f"{origin.__name__} without {sorted(required - there.keys())}")
        return origin(**there)

    return read


def _resolved(hint: Any, given: Mapping[Any, Any]) -> Any:
    return given.get(hint, hint) if isinstance(hint, TypeVar) else hint
