"""The other services, asked over their own HTTP for what staff should hear of: what is unmatched, what is parked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog

log = structlog.get_logger(__name__)

ENROLLMENT = "enrollment"
MOST = 1000
SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Parked:
    """A key whose records wait, and why the first of them does."""

    key: str
    code: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Their addresses, and a key of each role. Without an address or a key, nothing is asked and nothing known.

    `client` is one for the life of the process: each new one reads the machine's certificates, 50 ms of work.
    """

    client: httpx.AsyncClient
    urls: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)  # by role

    async def unmatched(self) -> int | None:
        """How many learners wait for a profile; None where nobody says."""
        items = await self._items(ENROLLMENT, "/unmatched", "staff")
        return None if items is None else len(items)

    async def parked(self) -> dict[str, list[Parked]]:
        """The parked lanes of each service that answered."""
        found: dict[str, list[Parked]] = {}
        for name in self.urls:
            items = await self._items(name, "/admin/parked", "operator") if name != "notifications" else None
            if items is not None:
                lanes = {str(item.get("key", "")): _code(item) for item in reversed(items)}
                found[name] = [Parked(key, code) for key, code in lanes.items()]
        return found

    async def _items(self, service: str, path: str, role: str) -> list[dict[str, Any]] | None:
        url, key = self.urls.get(service), self.keys.get(role)
        if url is None or key is None:
            return None
        try:
            answer = await self.client.get(
                f"{url}{path}", params={"limit": MOST}, headers={"Authorization": f"Bearer {key}"}, timeout=SECONDS
            )
            answer.raise_for_status()
            items = answer.json()["items"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.info("neighbour_did_not_answer", service=service, error=type(error).__name__)
            return None
        return list(items) if isinstance(items, list) else None


def _code(item: Mapping[str, Any]) -> str:
    reason = item.get("reason")
    return str(reason.get("code", "")) if isinstance(reason, Mapping) else str(reason or "")
