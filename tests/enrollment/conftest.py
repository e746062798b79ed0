"""Enrollment on a real mongod, without Kafka: records in, the outbox out."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from contracts import events, topics
from eventing.batch import Batch
from eventing.mongo import Database, connect
from eventing.service import EVENTING_INDEXES
from eventing.testing import Published, Topics, at_positions, batch_of
from services.enrollment.books import check
from services.enrollment.claims import claim_id
from services.enrollment.handlers import on_intake
from services.enrollment.intake import Committer, Intake
from services.enrollment.store import INDEXES
from tests.enrollment.builders import NOW, PROGRAMS, PSEUDONYMS, Said
from tests.enrollment.intakes import Doors

INBOX = topics.INBOX.name


def read(type_: str, data: dict[str, Any]) -> Any:
    return events.read(type_, data) if data else None


@dataclass
class Enrollment:
    """What a test says and sees."""

    database: Database
    topics: Topics = field(default_factory=lambda: Topics(partitions=1000))  # hardly two keys on one
    programs: Any = PROGRAMS

    def __post_init__(self) -> None:
        self._published = Published(self.database, read)

    async def given(self, *facts: Said, topic: str = INBOX) -> None:
        """Let it hear these facts in one batch, and forget what it published."""
        await self.when(*facts, topic=topic)
        await self.published()

    async def when(self, *facts: Said, topic: str = INBOX) -> None:
        await self.consume(self.batch(*facts, topic=topic))

    def batch(self, *facts: Said, topic: str = INBOX) -> Batch:
        return batch_of([fact.record(self.topics, topic) for fact in facts])

    async def consume(self, batch: Batch) -> None:
        await at_positions(self.database, batch)
        await on_intake(batch, self.database, self.programs, PSEUDONYMS, NOW)

    async def published(self) -> list[Any]:
        """All events since the last call, as contract objects; None is a tombstone."""
        return await self._published()

    async def names(self) -> list[str]:
        return [type(told).__name__ for told in await self.published()]

    async def outcome(self, fact: Said) -> str | None:
        row = await self.database["facts"].find_one({"_id": claim_id(fact.source, fact.id)})
        return str(row["outcome"]) if row else None

    async def books(self) -> dict[str, Any]:
        found, _ = await check(self.database)
        return found

    async def document(self, collection: str, id_: str) -> dict[str, Any]:
        return await self.database[collection].find_one({"_id": id_}) or {}


@pytest.fixture(scope="session")
async def emptied(mongo: str) -> AsyncIterator[Database]:
    """One database for all these tests: making its indexes takes longer than a test."""
    with connect(mongo, f"enrollment-{uuid4().hex[:12]}") as fresh:
        await fresh.ensure({**EVENTING_INDEXES, **INDEXES})
        yield fresh
        await fresh.client.drop_database(fresh.name)


@pytest.fixture
async def database(emptied: Database) -> Database:
    for collection in {**EVENTING_INDEXES, **INDEXES}:
        await emptied[collection].delete_many({})
    return Database(emptied.client, emptied.name)


@pytest.fixture
def enrollment(database: Database) -> Enrollment:
    return Enrollment(database)


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    intake = Intake(patience=1.0)
    running = [asyncio.create_task(Committer(intake, database, name).run()) for name in ("one", "two")]
    yield Doors(database, intake)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
