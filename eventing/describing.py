"""What FastAPI leaves out of a service's OpenAPI: that every refusal is a problem, and each path's parameters. Pure."""

import re
from typing import Any

PROBLEM = "application/problem+json"
BEARER = "bearer"  # the security scheme of everything that asks for a key
SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457. `code` names the refusal for programs; `errors` each field at fault.",
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
REFUSAL = {
    "description": "Refused, or not possible now: a problem",
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each operation's refusals and path parameters. Doing it again changes nothing."""
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = SCHEMA
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            responses.setdefault("default", REFUSAL)
            if "422" in responses:  # FastAPI describes its own form there, which nobody gets
                responses["422"] = REFUSAL
            known = operation.setdefault("parameters", [])
            named = {one["name"] for one in known if one["in"] == "path"}
            known += [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in re.findall(r"{([^}]+)}", path)
                if name not in named
            ]
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document
