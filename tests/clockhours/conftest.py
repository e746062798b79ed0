"""The service without Kafka: records go to the real handlers on a real mongod, HTTP to the real application."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts import events, topics
from contracts.event import EventData
from contracts.program import Programs
from eventing.batch import Batch, Record
from eventing.http import Keys
from eventing.mongo import Database, connect
from eventing.reader import Reader
from eventing.service import EVENTING_INDEXES, Service
from eventing.testing import Published, Topics, at_positions, batch_of
from services.clockhours import handlers, timers
from services.clockhours.api import build_api
from services.clockhours.store import INDEXES
from tests.clockhours.builders import NOW, PROGRAMS
from tests.clocks import SetClock
from tests.paging import pages

READER = Reader.of("clockhours", topics.ALL)
KEYS = "portal=portal-key,staff=staff-key,operator=operator-key"


@dataclass
class Clockhours:
    """The service as tests speak to it: facts in, events and answers out."""

    database: Database
    programs: Programs = PROGRAMS
    clock: SetClock = field(default_factory=lambda: SetClock(NOW))
    written: Topics = field(default_factory=Topics)

    def __post_init__(self) -> None:
        self.published = Published(self.database, events.read)

    def records(self, *facts: EventData) -> list[Record]:
        """The facts as records of their topics, sequences counted per key."""
        return [self.written.record(fact.TOPIC.name, fact.key, fact.TYPE, fact) for fact in facts]

    async def when(self, *facts: EventData) -> None:
        """Hear of these, all in one batch a topic."""
        await self.hear(self.records(*facts))

    async def given(self, *facts: EventData) -> None:
        """Have heard of these already: what they publish is no longer news."""
        await self.when(*facts)
        await self.published()

    async def hear(self, records: Sequence[Record]) -> None:
        """Read these records, which follow on what was read before."""
        by_topic: dict[str, list[Record]] = {}
        for record in records:
            by_topic.setdefault(record.topic, []).append(record)
        for topic, part in by_topic.items():
            await self.apply(topic, batch_of(part, reader=READER))

    async def apply(self, topic: str, batch: Batch) -> None:
        """Hand a batch to the handler of its topic, as the consumer would."""
        await at_positions(self.database, batch)
        by_topic = {
            topics.ENROLLMENT.name: handlers.on_enrollment,
            topics.SESSIONS.name: handlers.on_sessions,
            topics.EDUCATORS.name: handlers.on_educators,
        }
        await by_topic[topic](batch, self.database, self.programs, self.clock())

    async def tick(self) -> None:
        """Let the timers look at what is due."""
        while await timers.on_held_too_long(self.database, self.programs, self.clock()):
            pass
        while await timers.on_programme_changed(self.database, self.programs, self.clock()):
            pass

    def asked_by(self, role: str | None) -> httpx.AsyncClient:
        """A client of the service's HTTP with that role's key."""
        service = Service("clockhours", self.database, self.clock, INDEXES)
        api = build_api(service, Keys(KEYS), self.programs)
        headers = {"Authorization": f"Bearer {role}-key"} if role else {}
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://clockhours", headers=headers)

    async def get(self, path: str, role: str = "staff", **params: Any) -> httpx.Response:
        async with self.asked_by(role) as client:
            return await client.get(path, params=params)

    async def pages(self, path: str, role: str = "staff", **params: Any) -> list[dict[str, Any]]:
        async def ask(**after: str) -> dict[str, Any]:
            page: dict[str, Any] = (await self.get(path, role, **params, **after)).json()
            return page

        return await pages(ask)

    async def post(self, path: str, body: Any, role: str = "staff") -> httpx.Response:
        async with self.asked_by(role) as client:
            return await client.post(path, json=body)

    async def clock_hours(self, who: str) -> dict[str, Any]:
        answer = await self.get(f"/educators/{who}/clock-hours", "portal")
        assert answer.status_code == 200, answer.text
        record: dict[str, Any] = answer.json()
        return record

    async def exceptions(self, **params: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.get("/exceptions", **params)).json()["items"]
        return items

    async def books(self) -> list[dict[str, Any]]:
        """What is wrong with the books, but that nobody relays here."""
        found: list[dict[str, Any]] = (await self.get("/admin/books", "operator")).json()["problems"]
        return [one for one in found if one["problem"] != "outbox_not_empty"]


@pytest.fixture(scope="session")
async def emptied(mongo: str) -> AsyncIterator[Database]:
    """One database for all tests, with all indexes: building them takes longer than any test."""
    with connect(mongo, f"clockhours-{uuid4().hex[:12]}") as database:
        await database.ensure({**EVENTING_INDEXES, **INDEXES})
        yield database
        await database.client.drop_database(database.name)


@pytest.fixture
async def clockhours(emptied: Database) -> AsyncIterator[Clockhours]:
    yield Clockhours(emptied)
    for collection in {**EVENTING_INDEXES, **INDEXES}:
        await emptied[collection].delete_many({})
