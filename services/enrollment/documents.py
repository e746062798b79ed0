"""Frozen dataclasses as MongoDB documents, and back.

Mappings become lists of [key, value], since ids may hold dots and dollars and keys may be tuples; instants become
RFC 3339 texts, since MongoDB's own keep no microseconds and an order decided by them must not change on the way.

How a type is kept is found out once, from its annotations. Of what a document holds, most is as it was when a decision
is over: what has not changed goes back as it was read, and is not written a second time.
"""

import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Packed = Any


def pack(value: Any) -> Packed:
    """A dataclass as MongoDB can hold it."""
    return _form(type(value)).write(value)


def unpack(form: type[T], document: Mapping[str, Any]) -> T:
    """The document as a dataclass of this form. Absent fields have their defaults, unknown ones are ignored."""
    found: T = _form(form).read(document)
    return found


def changes(before: Any, after: Any, packed: Mapping[str, Any]) -> dict[str, Packed]:
    """The fields of `after` that are not those of `before`, packed, for $set. `packed`: what `before` was read from."""
    of_fields = _form(type(after)).forms
    return {
        name: form.rewrite(old, new, packed[name]) if name in packed else form.write(new)
        for name, form in of_fields
        if (new := getattr(after, name)) is not (old := getattr(before, name))
    }


class Plain:
    """What MongoDB holds as it is: texts, numbers, truth."""

    forms: Sequence[tuple[str, Any]] = ()

    def read(self, packed: Packed) -> Any:
        return packed

    def write(self, value: Any) -> Packed:
        return value

    def rewrite(self, before: Any, after: Any, packed: Packed) -> Packed:
        """`after`, packed, where `before` is `packed`."""
        return self.write(after)


class Text(Plain):
    """What has a text, and is made of it again."""

    def __init__(self, read: Callable[[str], Any], write: Callable[[Any], str]) -> None:
        self.read, self.write = read, write  # type: ignore[method-assign, assignment]  # nothing in between


class Maybe(Plain):
    def __init__(self, inner: Plain) -> None:
        self.inner = inner

    def read(self, packed: Packed) -> Any:
        return None if packed is None else self.inner.read(packed)

    def write(self, value: Any) -> Packed:
        return None if value is None else self.inner.write(value)


class Many(Plain):
    """A tuple of any length."""

    def __init__(self, inner: Plain) -> None:
        self.inner = inner

    def read(self, packed: Packed) -> Any:
        return tuple([self.inner.read(one) for one in packed])

    def write(self, value: Any) -> Packed:
        return [self.inner.write(one) for one in value]


class Some(Plain):
    """A tuple of so many, each of its own form."""

    def __init__(self, inner: Sequence[Plain]) -> None:
        self.inner = inner

    def read(self, packed: Packed) -> Any:
        return tuple([form.read(one) for form, one in zip(self.inner, packed, strict=True)])

    def write(self, value: Any) -> Packed:
        return [form.write(one) for form, one in zip(self.inner, value, strict=True)]


class Pairs(Plain):
    """A mapping."""

    def __init__(self, key: Plain, value: Plain) -> None:
        self.key, self.value = key, value
        # A value's fields one by one, for some do not count when it is compared.
        self.told_by = attrgetter(*[name for name, _ in value.forms]) if value.forms else _itself

    def read(self, packed: Packed) -> Any:
        key, value = self.key.read, self.value.read
        return {key(k): value(v) for k, v in packed}

    def write(self, value: Any) -> Packed:
        key, inner = self.key.write, self.value.write
        return [[key(k), inner(v)] for k, v in value.items()]

    def rewrite(self, before: Any, after: Any, packed: Packed) -> Packed:
        as_it_was = dict(zip(before, packed, strict=True))  # both in the same order
        return [
            self._pair(before[k], v, as_it_was[k]) if k in before else [self.key.write(k), self.value.write(v)]
            for k, v in after.items()
        ]

    def _pair(self, before: Any, after: Any, packed: Packed) -> Packed:
        if before is after or self.told_by(before) == self.told_by(after):
            return packed
        return [packed[0], self.value.rewrite(before, after, packed[1])]


class Fields(Plain):
    """A dataclass. Most of what it holds is plain: to call for each of that would be half of the time."""

    def __init__(self, origin: Any, forms: Mapping[str, Plain]) -> None:
        self.origin = origin
        self.forms = tuple(forms.items())
        self.required = {f.name for f in fields(origin) if f.default is MISSING and f.default_factory is MISSING}
        self._worked_on = [(at, form) for at, form in enumerate(forms.values()) if type(form) is not Plain]

    def read(self, packed: Packed) -> Any:
        try:
            values = [packed[name] for name, _ in self.forms]
        except KeyError:
            return self._read_partly(packed)
        for at, form in self._worked_on:
            values[at] = form.read(values[at])
        return self.origin(*values)

    def _read_partly(self, packed: Packed) -> Any:
        there = {name: form.read(packed[name]) for name, form in self.forms if name in packed}
        if not self.required <= there.keys():
            raise ValueError(f"{self.origin.__name__} without {sorted(self.required - there.keys())}")
        return self.origin(**there)

    def write(self, value: Any) -> Packed:
        return {name: form.write(getattr(value, name)) for name, form in self.forms}

    def rewrite(self, before: Any, after: Any, packed: Packed) -> Packed:
        return {
            name: form.rewrite(getattr(before, name), new, packed[name]) if name in packed else form.write(new)
            for name, form in self.forms
            for new in [getattr(after, name)]
        }


def _itself(value: Any) -> Any:
    return value


def _form(hint: Any) -> Any:
    """How values of this annotation are kept; found out once."""
    return _found_out(cast(Hashable, hint))


@cache
def _found_out(hint: Any) -> Plain:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (there,) = (one for one in inner if one is not types.NoneType)
        return Maybe(_form(there))
    if origin is tuple:
        return Many(_form(inner[0])) if inner[-1] is Ellipsis else Some([_form(one) for one in inner])
    if origin is not None and issubclass(origin, Mapping):
        return Pairs(_form(inner[0]), _form(inner[1]))
    if is_dataclass(origin or hint):
        return _fields(hint)
    if hint is datetime:
        return Text(datetime.fromisoformat, datetime.isoformat)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Text({member.value: member for member in hint}.__getitem__, str)
    return Plain()


def _fields(hint: Any) -> Fields:
    origin = get_origin(hint) or hint
    given = dict(zip(getattr(origin, "__parameters__", ()), get_args(hint), strict=False))
    hints = get_type_hints(origin)
    return Fields(origin, {field.name: _form(_resolved(hints[field.name], given)) for field in fields(origin)})


def _resolved(hint: Any, given: Mapping[Any, Any]) -> Any:
    return given.get(hint, hint) if isinstance(hint, TypeVar) else hint
