"""The committed schemas, topic table and examples are those of the models."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from contracts import generate
from tests.contracts.examples import example


def test_the_committed_files_are_as_they_would_be_written() -> None:
    assert generate.stale() == [], "run: python -m contracts.generate"


def test_a_changed_a_missing_and_an_orphaned_file_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "HERE", tmp_path)
    monkeypatch.setattr(generate, "SCHEMAS", tmp_path / "schemas")
    monkeypatch.setattr(generate, "TOPICS", tmp_path / "TOPICS.md")
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "schemas" / "old.json").write_text("{}")
    (tmp_path / "schemas" / "cloudevent.json").write_text("{}")
    (tmp_path / "TOPICS.md").unlink()
    assert generate.stale() == ["TOPICS.md", "schemas/cloudevent.json", "schemas/old.json"]
    assert generate.main(["--check"]) == 1
    assert generate.main([]) == 0
    assert generate.stale() == []


def test_an_unknown_option_is_a_users_error() -> None:
    assert generate.main(["--chek"]) == 2


def test_every_model_has_one_example_and_no_example_is_an_orphan() -> None:
    assert {path.stem for path in generate.EXAMPLES.glob("*")} == set(generate.MODELS)


def test_each_schema_is_one_and_takes_its_example() -> None:
    for name in generate.MODELS:
        schema = json.loads((generate.SCHEMAS / f"{name}.json").read_bytes())
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(example(name))


def test_each_model_takes_its_example() -> None:
    for name, model in generate.MODELS.items():
        assert model.model_validate(example(name))


def test_no_schema_and_no_model_takes_an_empty_object() -> None:
    for name, model in generate.MODELS.items():
        assert not Draft202012Validator(generate.schema(name)).is_valid({}), name
        with pytest.raises(ValidationError):
            model.model_validate({})
