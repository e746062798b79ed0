"""The committed examples, and small ways to spoil one."""

import json
from pathlib import Path
from typing import Any

from contracts.generate import EXAMPLES


def example(name: str, folder: Path = EXAMPLES) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_bytes())
    return document


def portal_data(type_: str, **changes: Any) -> dict[str, Any]:
    """Example data of a portal type, with some fields changed."""
    return {**example(f"portal.{type_}"), **changes}


def webhook(type_: str, **changes: Any) -> bytes:
    """An example webhook's body, with some fields of its data changed."""
    document = example(f"nea.{type_}")
    document["data"].update(changes)
    return json.dumps(document).encode()


def without(document: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in fields}
