"""Would a changed schema break someone? Compared are the parts of JSON Schema that our models make.

The one question is `refused(writer, reader)`: can a document that the writer's schema allows be refused by the
reader's? Yesterday's events are read by today's readers, and, while an upgrade rolls, today's by yesterday's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

# How a bound narrows: a reader's minimum must not be above the writer's, its maximum not below.
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def breaks(yesterday: Schema, today: Schema, *, published: bool) -> list[str]:
    """Why a change is not allowed; empty: it is.

    An intake may take more than yesterday, but nothing less. A published event must stay readable both ways.
    """
    found = [f"today refuses what was written yesterday: {why}" for why in refused(yesterday, today)]
    if published:
        found += [f"yesterday's readers refuse it: {why}" for why in refused(today, yesterday)]
    return found + [f"removed: {path}" for path in _removed(yesterday, today)]


def refused(writer: Schema, reader: Schema) -> list[str]:
    """Where a document of the writer's schema can be refused by the reader's."""
    return list(_refused(writer, reader, writer, reader, "$"))


def _refused(writer: Schema, reader: Schema, writers: Schema, readers: Schema, path: str) -> Iterator[str]:
    writer, reader = _resolved(writer, writers), _resolved(reader, readers)
    if "anyOf" in writer and "properties" not in writer:
        for option in writer["anyOf"]:
            yield from _refused(option, reader, writers, readers, path)
        return
    if "anyOf" in reader and "properties" not in reader:
        attempts = [list(_refused(writer, option, writers, readers, path)) for option in reader["anyOf"]]
        if all(attempts):
            yield min(attempts, key=len)[0]
        return
    yield from _refused_values(writer, reader, path)
    if "items" in reader and "items" in writer:
        yield from _refused(writer["items"], reader["items"], writers, readers, f"{path}[]")
    if "properties" in reader:
        yield from _refused_fields(writer, reader, writers, readers, path)


def _refused_values(writer: Schema, reader: Schema, path: str) -> Iterator[str]:
    if "type" in reader and writer.get("type") != reader["type"]:
        yield f"{path} is {writer.get('type', 'anything')}, not {reader['type']}"
        return
    allowed = _values(reader)
    if allowed is not None:
        for value in _values(writer) or ["any value"]:
            if value not in allowed:
                yield f"{path} may be {value}"
    for bound in _LOWER:
        if bound in reader and (bound not in writer or writer[bound] < reader[bound]):
            yield f"{path} may be under its {bound} {reader[bound]}"
    for bound in _UPPER:
        if bound in reader and (bound not in writer or writer[bound] > reader[bound]):
            yield f"{path} may be over its {bound} {reader[bound]}"
    for form in ("pattern", "format"):
        if form in reader and writer.get(form) != reader[form]:
            yield f"{path} may be of another {form}"


def _refused_fields(writer: Schema, reader: Schema, writers: Schema, readers: Schema, path: str) -> Iterator[str]:
    certain = set(writer.get("required", ()))
    for name in reader.get("required", ()):
        if name not in certain:
            yield f"{path}.{name} may be missing"
    if "anyOf" in reader and writer.get("anyOf") != reader["anyOf"]:
        yield f"{path} may lack one of the fields of which one is required"
    for name, field in reader["properties"].items():
        if name in writer.get("properties", {}):
            yield from _refused(writer["properties"][name], field, writers, readers, f"{path}.{name}")


def _removed(yesterday: Schema, today: Schema) -> list[str]:
    return sorted(_fields(yesterday, yesterday, "$") - _fields(today, today, "$"))


def _fields(schema: Schema, whole: Schema, path: str) -> set[str]:
    schema = _resolved(schema, whole)
    found: set[str] = set()
    for option in schema.get("anyOf", ()):
        found |= _fields(option, whole, path)
    if "items" in schema:
        found |= _fields(schema["items"], whole, f"{path}[]")
    for name, field in schema.get("properties", {}).items():
        found |= {f"{path}.{name}"} | _fields(field, whole, f"{path}.{name}")
    return found


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def _resolved(schema: Schema, whole: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    definition: Schema = whole["$defs"][reference.removeprefix("#/$defs/")]
    return {**definition, **{key: value for key, value in schema.items() if key != "$ref"}}
