"""The AsyncAPI document: `python -m wea.asyncapi [--check]` writes or compares contracts/asyncapi.json.

Who reads what comes from FastStream, asked for the subscribers that run (each service's own subscription table); what
is said comes from the models in contracts/. So it cannot promise what nobody reads, or a shape that nobody has.
"""

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from contracts import events, topics
from contracts.event import EventData
from contracts.topics import Topic
from eventing.clock import system_now
from eventing.consumer import Consumer, subscribed
from eventing.kafka import KafkaSettings
from eventing.mongo import connect
from wea import fleet

FILE = Path(__file__).parents[1] / "contracts" / "asyncapi.json"
SCHEMAS = "#/components/schemas/"
VERSION = "1.0.0"


def document() -> dict[str, Any]:
    """The whole document, as JSON."""
    schemas = _schemas()
    channels = {topic.name: _channel(topic) for topic in topics.ALL}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Clock hours for NEA micro-credentials",
            "version": VERSION,
            "description": "CloudEvents 1.0 on Kafka, structured JSON. Ordered per key; `sequence` counts from 1.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": {**_receiving(), **_sending()},
        "components": {"messages": _messages(), "schemas": schemas},
    }


def _receiving() -> dict[str, Any]:
    """What each service's running subscribers read, as FastStream tells it."""
    operations = {}
    for service in fleet.SERVICES:
        app = importlib.import_module(f"{service.module}.app")
        with connect("mongodb://127.0.0.1", service.database) as database:
            consumer = Consumer(
                KafkaSettings("127.0.0.1:9092"), service.name, app.SUBSCRIPTIONS, database, clock=system_now
            )
        for name in subscribed(consumer):
            operations[f"{service.name} reads {name}"] = {"action": "receive", "channel": _ref(f"#/channels/{name}")}
    return operations


def _sending() -> dict[str, Any]:
    return {
        f"{topic.owner} writes {topic.name}": {"action": "send", "channel": _ref(f"#/channels/{topic.name}")}
        for topic in topics.ALL
    }


def _channel(topic: Topic) -> dict[str, Any]:
    kept = "without limit" if topic.retention is None else f"{topic.retention.days} days"
    about = "compacted" if topic.compacted else f"kept {kept}"
    settings: dict[str, Any] = {"cleanup.policy": ["compact" if topic.compacted else "delete"]}
    if topic.retention is not None:
        settings["retention.ms"] = int(topic.retention.total_seconds() * 1000)
    return {
        "address": topic.name,
        "description": f"Keyed by {topic.key}; {about}.",
        "messages": {name: _ref(f"#/components/messages/{name}") for name in _said_on(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": settings,
                "bindingVersion": "0.4.0",
            }
        },
    }


def _said_on(topic: Topic) -> list[str]:
    said = [model.__name__ for model in events.MODELS.values() if model.TOPIC is topic]
    return said or ["AcceptedEvent"]


def _messages() -> dict[str, Any]:
    accepted = {
        "name": "AcceptedEvent",
        "summary": "An event of the portal or of NEA, as it was accepted: bare type, no sequence.",
        "payload": {"allOf": [_ref(f"{SCHEMAS}Envelope")]},
    }
    return {"AcceptedEvent": accepted} | {m.__name__: _message(m) for m in events.MODELS.values()}


def _message(model: type[EventData]) -> dict[str, Any]:
    about = {"type": {"const": model.TYPE}, "data": _ref(SCHEMAS + model.__name__)}
    return {
        "name": model.TYPE,
        "title": model.__name__,
        "summary": " ".join((model.__doc__ or model.__name__).split()),
        "payload": {"allOf": [_ref(f"{SCHEMAS}Envelope"), {"type": "object", "properties": about}]},
    }


def _schemas() -> dict[str, Any]:
    wanted = [(model, "validation") for model in events.MODELS.values()]
    _, found = models_json_schema(wanted, ref_template=SCHEMAS + "{model}")  # type: ignore[arg-type]
    text = {"type": "string"}
    envelope = {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "partitionkey", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": {"type": "string", "format": "uri-reference"},
            "type": text,
            "time": {"type": "string", "format": "date-time"},
            "partitionkey": text,
            "sequence": {"type": "string", "pattern": "^[0-9]+$"},
            "causationid": text,
            "causationsource": text,
            "traceparent": text,
            "data": {"type": "object"},
        },
    }
    return {"Envelope": envelope, **found["$defs"]}


def _ref(target: str) -> Mapping[str, str]:
    return {"$ref": target}


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with --check exit with 1 if it is not as it would be written."""
    if "--check" in arguments:
        if not FILE.exists() or FILE.read_text() != text():
            sys.stderr.write("contracts/asyncapi.json is not what the services say: run `make schemas`.\n")
            return 1
        return 0
    FILE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
