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
class Lanes:
    """A service's parked lanes; not `whole` where there are more than it was asked for."""

    lanes: tuple[Parked, ...]
    whole: bool


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
        listed = await self._listed(ENROLLMENT, "/unmatched", "staff")
        return None if listed is None else len(listed[0])

    async def parked(self) -> dict[str, Lanes]:
        """The parked lanes of each service that answered."""
        found: dict[str, Lanes] = {}
        for name in self.urls:
            listed = await self._listed(name, "/admin/parked", "operator") if name != "notifications" else None
            if listed is not None:
                items, whole = listed
                codes = {str(item.get("key", "")): _code(item) for item in reversed(items)}
                found[name] = Lanes(tuple(Parked(key, code) for key, code in codes.items()), whole)
        return found

    async def _listed(self, service: str, path: str, role: str) -> tuple[list[dict[str, Any]], bool] | None:
        """The list's first items, and whether they are all of it."""
        url, key = self.urls.get(service), self.keys.get(role)
        if url is None or key is None:
            return None
        try:
            answer = await self.client.get(
                f"{url}{path}", params={"limit": MOST}, headers={"Authorization": f"Bearer {key}"}, timeout=SECONDS
            )
            answer.raise_for_status()
            found = answer.json()
            items, whole = found["items"], found.get("next") is None
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.info("neighbour_did_not_answer", service=service, error=type(error).__name__)
            return None
        return (items, whole) if isinstance(items, list) else None


def _code(item: Mapping[str, Any]) -> str:
    reason = item.get("reason")
    return str(reason.get("code", "")) if isinstance(reason, Mapping) else str(reason or "")
