"""The intakes in the service's OpenAPI: they are no FastAPI routes, so they are described here."""

from typing import Any

from fastapi import FastAPI

from contracts import cloudevents, nea, portal
from eventing.describing import BEARER, REFUSAL

PORTAL_ANSWERS = {
    "202": "Durable; a repeat is the same without effect",
    "400": "Not JSON, or CloudEvents attributes missing or broken",
    "401": "No or a wrong key",
    "403": "Another role",
    "408": "The request came too slowly",
    "409": "This source and id came before with another type, time or data",
    "413": "Over 256 KiB; a batch over 1 MiB or 500 events",
    "415": "Neither CloudEvents JSON nor JSON with ce- headers",
    "422": "Type or data not as described, naming each field",
    "429": "Over the rate of the key, with Retry-After",
    "503": "Cannot be made durable now, with Retry-After",
}
NEA_ANSWERS = {
    "202": "Accepted; what cannot be used is kept for operators",
    "401": "Not authentic",
    "408": "The request came too slowly",
    "413": "Over 256 KiB",
    "429": "Too many, with Retry-After",
    "503": "Cannot be made durable now, with Retry-After",
}


def describe_intakes(api: FastAPI) -> None:
    """Add both intakes to what /docs shows."""
    routes = api.openapi

    def openapi() -> dict[str, Any]:
        document = routes()
        document["paths"].setdefault("/portal/events", {"post": _portal()})
        document["paths"].setdefault("/webhooks/nea", {"post": _nea()})
        return document

    api.openapi = openapi  # type: ignore[method-assign]


def _portal() -> dict[str, Any]:
    event = cloudevents.CloudEvent.model_json_schema()
    event["properties"] |= {"type": {"enum": sorted(portal.MODELS)}, "data": {"type": "object"}}
    content: dict[str, Any] = {
        cloudevents.STRUCTURED: {"schema": event},
        cloudevents.BATCH: {"schema": {"type": "array", "items": event, "maxItems": 500}},
        "application/json": {"schema": {"type": "object", "description": "The data; attributes in ce- headers"}},
    }
    operation = _operation("Events of the portal, as CloudEvents 1.0", "intake", content, PORTAL_ANSWERS)
    return operation | {"security": [{BEARER: []}]}


def _nea() -> dict[str, Any]:
    fields = {
        "type": {"enum": sorted(nea.MODELS)},
        "timestamp": {"type": "string", "format": "date-time"},
        "data": {"type": "object"},
    }
    body = {"type": "object", "required": sorted(fields), "properties": fields}
    content = {"application/json": {"schema": body}}
    return _operation("NEA's webhooks (Standard Webhooks)", "intake", content, NEA_ANSWERS)


def _operation(summary: str, tag: str, content: dict[str, Any], answers: dict[str, str]) -> dict[str, Any]:
    responses = {
        status: {"description": meaning} | ({} if status == "202" else {"content": REFUSAL["content"]})
        for status, meaning in answers.items()
    }
    return {
        "summary": summary,
        "tags": [tag],
        "requestBody": {"required": True, "content": content},
        "responses": responses,
    }
