"""The AsyncAPI document: valid, fresh, and telling of each topic who writes and who reads it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contracts import events, topics
from wea import asyncapi

SCHEMA = Path(__file__).parent / "vendor" / "asyncapi-3.0.0.json"  # of the AsyncAPI initiative, Apache-2.0


@cache
def document() -> dict[str, Any]:
    return asyncapi.document()


def test_it_is_valid_asyncapi() -> None:
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(document())


def test_an_invalid_one_would_be_noticed() -> None:
    spoilt = {**document(), "channels": {"x": {"adress": "x"}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(spoilt)


def test_the_committed_file_is_what_the_services_say_now() -> None:
    assert asyncapi.FILE.read_text() == asyncapi.text()


@pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.name)
def test_each_topic_is_read_by_those_that_the_registry_names(topic: topics.Topic) -> None:
    reading = {name.split()[0] for name, told in document()["operations"].items()
               if told["action"] == "receive" and told["channel"]["$ref"].endswith(f"/{topic.name}")}  # fmt: skip
    assert reading == set(topic.readers)


def test_every_event_is_a_message_of_its_topic() -> None:
    for model in events.MODELS.values():
        assert model.__name__ in document()["channels"][model.TOPIC.name]["messages"]
