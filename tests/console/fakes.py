"""The other services and Kafka, as far as the console asks them: what we do not start in these tests."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from eventing.batch import Failure, Partition, Record
from eventing.looking import Place
from eventing.transient import TransientError

Answer = Callable[[httpx.Request], Any]


@dataclass
class Services:
    """Answers by (method, service, path); what was not told answers 404. Remembers what it was asked to do."""

    answers: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    asked: list[tuple[str, str, str, Any]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)

    def tell(self, method: str, service: str, path: str, answer: Any) -> None:
        """`answer` is JSON, an httpx.Response, or a function of the request."""
        self.answers[method, service, path] = answer

    def posts(self) -> list[tuple[str, str, Any]]:
        """Service, path and body of every POST so far."""
        return [(service, path, body) for method, service, path, body in self.asked if method == "POST"]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        service, path = request.url.host, request.url.path
        if service in self.away:
            raise httpx.ConnectError("away")
        if service in self.slow:
            await asyncio.sleep(30)
        body = orjson.loads(request.content) if request.content else None
        self.asked.append((request.method, service, path, body))
        answer = self.answers.get((request.method, service, path))
        if callable(answer):
            answer = answer(request)
        if answer is None:
            return httpx.Response(404, json={"status": 404, "code": "not_found", "title": "Not found"})
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, content=orjson.dumps(answer))


@dataclass
class Bodies:
    """Kafka's records by place. Passes for eventing.looking.Cluster."""

    held: dict[Place, Record | Failure] = field(default_factory=dict)
    away: bool = False

    def hold(self, records: Iterable[Record]) -> None:
        self.held |= {(one.topic, one.partition, one.offset): one for one in records}

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        raise TransientError("away")

    async def members(self, _: object) -> int:
        raise TransientError("away")

    async def records(self, places: Iterable[Place]) -> dict[Place, Record | Failure]:
        if self.away:
            raise TransientError("away")
        return {place: self.held[place] for place in places if place in self.held}
