"""Yesterday's bytes with today's models, today's bytes with yesterday's schemas; and the checker seen red."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from contracts import generate
from contracts.compatibility import breaks, refused
from tests.contracts.examples import example

SCHEMAS = generate.YESTERDAY / "schemas"
EXAMPLES = generate.YESTERDAY / "examples"
FROZEN = sorted(path.stem for path in SCHEMAS.glob("*.json"))


def yesterdays_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_bytes())
    return schema


def test_nothing_that_was_said_yesterday_is_unknown_today() -> None:
    assert FROZEN
    assert set(FROZEN) <= set(generate.MODELS)


def test_todays_models_read_yesterdays_bytes() -> None:
    for name in FROZEN:
        assert generate.MODELS[name].model_validate(example(name, EXAMPLES))


def test_yesterdays_readers_read_todays_bytes() -> None:
    for name in generate.PUBLISHED.keys() & FROZEN:
        written = generate.MODELS[name].model_validate(example(name)).model_dump(mode="json")
        Draft202012Validator(yesterdays_schema(name)).validate(written)


def test_no_change_since_yesterday_breaks_anyone() -> None:
    found = {name: broken_since(yesterdays_schema(name), name) for name in FROZEN}
    assert {name: reasons for name, reasons in found.items() if reasons} == {}


def broken_since(yesterday: Mapping[str, Any], name: str) -> list[str]:
    return breaks(yesterday, generate.schema(name), published=name in generate.PUBLISHED)


AWARDED = "org.washingtonea.ClockHoursAwarded.v1"


def todays(name: str) -> dict[str, Any]:
    """Today's schema, to be spoilt."""
    return copy.deepcopy(dict(generate.schema(name)))


def changed(name: str, **fields: Any) -> dict[str, Any]:
    """Today's schema with some fields changed (None: removed)."""
    schema = todays(name)
    for field, value in fields.items():
        if value is None:
            del schema["properties"][field]
            schema["required"] = [required for required in schema["required"] if required != field]
        else:
            schema["properties"][field] = value
    return schema


def broken(name: str, schema: dict[str, Any]) -> list[str]:
    return breaks(generate.schema(name), schema, published=name in generate.PUBLISHED)


def test_a_removed_field_breaks() -> None:
    assert "removed: $.session_id" in broken(AWARDED, changed(AWARDED, session_id=None))
    assert broken(AWARDED, changed(AWARDED, minutes=None)) == [
        "yesterday's readers refuse it: $.minutes may be missing",
        "removed: $.minutes",
    ]


def test_a_new_required_field_breaks_and_an_optional_one_does_not() -> None:
    schema = changed(AWARDED, colour={"type": "string"})
    assert broken(AWARDED, schema) == []
    schema["required"].append("colour")
    assert broken(AWARDED, schema) == ["today refuses what was written yesterday: $.colour may be missing"]


def test_a_field_that_becomes_required_or_optional_breaks() -> None:
    schema = changed(AWARDED)
    schema["required"].append("session_id")
    assert broken(AWARDED, schema) == ["today refuses what was written yesterday: $.session_id may be missing"]
    schema = changed(AWARDED)
    schema["required"].remove("minutes")
    assert broken(AWARDED, schema) == ["yesterday's readers refuse it: $.minutes may be missing"]


def test_another_type_breaks() -> None:
    found = broken(AWARDED, changed(AWARDED, minutes={"type": "string"}))
    assert found[0] == "today refuses what was written yesterday: $.minutes is integer, not string"
    assert broken(AWARDED, changed(AWARDED, session_id={"type": "string"}))[0].endswith(
        "$.session_id is null, not string"
    )


def test_a_narrowed_enum_breaks_and_a_widened_one_breaks_only_readers_of_what_we_publish() -> None:
    narrowed = todays(AWARDED)
    narrowed["$defs"]["EntryKind"]["enum"].remove("workshop")
    assert broken(AWARDED, narrowed) == ["today refuses what was written yesterday: $.kind may be workshop"]
    widened = todays(AWARDED)
    widened["$defs"]["EntryKind"]["enum"].append("course")
    assert broken(AWARDED, widened) == ["yesterday's readers refuse it: $.kind may be course"]
    taken_in = todays("portal.session.attended")
    taken_in["$defs"]["SessionKind"]["enum"].append("course")
    assert broken("portal.session.attended", taken_in) == []


def test_narrowed_bounds_break() -> None:
    attended = "portal.session.attended"
    narrower = {"type": "integer", "minimum": 1, "maximum": 1000}
    assert broken(attended, changed(attended, minutes=narrower)) == [
        "today refuses what was written yesterday: $.minutes may be under its minimum 1",
        "today refuses what was written yesterday: $.minutes may be over its maximum 1000",
    ]
    assert broken(attended, changed(attended, minutes={"type": "integer", "minimum": -5})) == []


def test_changes_deep_inside_are_found() -> None:
    name = "nea.micro_credential.revoked"
    schema = todays(name)
    del schema["$defs"]["Learner"]["anyOf"]
    assert broken(name, schema) == []
    schema = todays(name)
    schema["$defs"]["Learner"]["required"] = ["nea_member_id"]
    assert broken(name, schema) == [
        "today refuses what was written yesterday: $.data.learner.nea_member_id may be missing"
    ]
    profile = "org.washingtonea.EducatorProfile.v1"
    assert broken(profile, changed(profile, roles={"type": "array", "items": {"type": "integer"}})) != []


def test_what_does_not_change_breaks_nobody() -> None:
    for name in generate.MODELS:
        assert refused(generate.schema(name), generate.schema(name)) == []
