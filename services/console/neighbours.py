"""The other services, asked over HTTP with the system's keys.

Whoever is slow or away costs a page at most a second, and after a few such answers nothing for a while (a circuit).
At most a few questions are open with each, so that a console in trouble is no trouble to others.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import orjson

READ_SECONDS = 1.0
ACT_SECONDS = 30.0
AT_ONCE = 8
FAILURES_ALLOWED = 3
PAUSE_SECONDS = 5.0


class AwayError(Exception):
    """A service does not answer, or is left in peace because it did not."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


class RefusedByServiceError(Exception):
    """A service answered with a problem."""

    def __init__(self, service: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(service, status)
        self.service, self.status, self.problem = service, status, problem

    @property
    def code(self) -> str:
        return str(self.problem.get("code", self.status))

    @property
    def sentence(self) -> str:
        return str(self.problem.get("detail") or self.problem.get("title") or self.status)


@dataclass(slots=True)
class Circuit:
    """Closed while a service answers; open, and asking nobody, for a while after it failed a few times in a row."""

    failures: int = 0
    until: float = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self.until

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= FAILURES_ALLOWED:
            self.until = time.monotonic() + PAUSE_SECONDS

    def answered(self) -> None:
        self.failures, self.until = 0, 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer that is not JSON: a PDF, metrics."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Neighbour:
    """One service, by the address of each of its processes; reads go to the first that answers."""

    name: str
    urls: list[str]
    client: httpx.AsyncClient
    keys: Mapping[str, str]
    circuits: dict[str, Circuit] = field(default_factory=dict)
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def get(self, path: str, role: str | None = None, **params: Any) -> Any:
        """The JSON at `path`. Raises AwayError, RefusedByServiceError."""
        return self._json(await self.ask("GET", path, role, params=params))

    async def post(self, path: str, role: str, body: Any, *, content_type: str = "application/json") -> Any:
        """Do something there. Raises as `get`."""
        headers = {"content-type": content_type}
        return self._json(
            await self.ask("POST", path, role, content=orjson.dumps(body), headers=headers, seconds=ACT_SECONDS)
        )

    async def ask(
        self, method: str, path: str, role: str | None = None, *, seconds: float = READ_SECONDS, **request: Any
    ) -> Answer:
        """One request, to each process in turn until one answers. An act goes to one process only."""
        last: AwayError | None = None
        urls = sorted(self.urls, key=self._has_failed)  # whoever is away comes last
        for url in urls if method == "GET" else urls[:1]:
            try:
                return await self.ask_process(url, method, path, role, seconds=seconds, **request)
            except AwayError as away:
                last = away
        raise last or AwayError(self.name)

    async def ask_process(
        self,
        url: str,
        method: str,
        path: str,
        role: str | None = None,
        *,
        seconds: float = READ_SECONDS,
        **request: Any,
    ) -> Answer:
        """One request to one process. Raises AwayError; whatever was answered is returned."""
        circuit = self.circuits.setdefault(url, Circuit())
        if circuit.is_open or (role is not None and role not in self.keys):
            raise AwayError(self.name)
        headers = dict(request.pop("headers", {}))
        if role is not None:
            headers["authorization"] = f"Bearer {self.keys[role]}"
        params = {name: value for name, value in request.pop("params", {}).items() if value not in (None, "")}
        try:
            async with asyncio.timeout(seconds), self.turn:
                answer = await self.client.request(method, url + path, headers=headers, params=params, **request)
        except (httpx.HTTPError, TimeoutError, OSError):
            circuit.failed()
            raise AwayError(self.name) from None
        circuit.answered()
        return Answer(answer.status_code, answer.headers, answer.content)

    def _has_failed(self, url: str) -> bool:
        return url in self.circuits and self.circuits[url].failures > 0

    def _json(self, answer: Answer) -> Any:
        try:
            content = orjson.loads(answer.body) if answer.body else None
        except orjson.JSONDecodeError:
            content = None
        if answer.status >= 400:
            raise RefusedByServiceError(self.name, answer.status, content if isinstance(content, dict) else {})
        return content


class Neighbours(Mapping[str, Neighbour]):
    """All of them. One that has no address is away."""

    def __init__(self, addresses: Mapping[str, list[str]], keys: Mapping[str, str], client: httpx.AsyncClient) -> None:
        self._all = {name: Neighbour(name, urls, client, keys) for name, urls in addresses.items()}
        self._client, self._keys = client, keys

    def __getitem__(self, name: str) -> Neighbour:
        return self._all.get(name) or Neighbour(name, [], self._client, self._keys)

    def __iter__(self) -> Any:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def client() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=20)
    return httpx.AsyncClient(timeout=ACT_SECONDS, trust_env=False, limits=limits, follow_redirects=False)


def path(*parts: str) -> str:
    """A path of parts, each quoted: an id may hold a slash."""
    return "/" + "/".join(quote(part, safe="") for part in parts)
