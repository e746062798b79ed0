"""The service without Kafka: records go to the real handlers on a real mongod, mail to a mail server of the test's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts import events, topics
from contracts.event import EventData
from contracts.program import Programs
from eventing.batch import Record
from eventing.http import Keys
from eventing.mongo import Database, connect
from eventing.reader import Reader
from eventing.service import EVENTING_INDEXES, Service
from eventing.testing import Published, Topics, at_positions, batch_of
from services.notifications import handlers, timers
from services.notifications.api import build_api
from services.notifications.links import Linker
from services.notifications.sender import Options, Sender
from services.notifications.smtp import Server
from services.notifications.store import INDEXES
from services.notifications.writing import Writer
from tests.clocks import SetClock
from tests.notifications.builders import NOON, PROGRAMS
from tests.notifications.mail_server import MailServer, mail_server
from tests.waiting import PATIENCE_SECONDS

PORTAL = "https://portal.example.org/courses"
PUBLIC = "https://notifications.example.org"
FROM = "WEA micro-credentials <microcredentials@example.org>"
READER = Reader.of("notifications", topics.ALL)
KEYS = "portal=portal-key,staff=staff-key,operator=operator-key"


@dataclass
class Notifications:
    """The service as tests speak to it: facts in; mail, events and answers out."""

    database: Database
    mail: MailServer
    programs: Programs = PROGRAMS
    clock: SetClock = field(default_factory=lambda: SetClock(NOON))
    written: Topics = field(default_factory=Topics)
    timeout: float = 30.0

    def __post_init__(self) -> None:
        self.published = Published(self.database, events.read)
        self.linker = Linker(PUBLIC, b"secret")

    def records(self, *facts: EventData) -> list[Record]:
        return [self.written.record(fact.TOPIC.name, fact.key, fact.TYPE, fact, time=self.clock()) for fact in facts]

    async def hear(self, *facts: EventData) -> None:
        """Hear of these, in batches as the consumer would hand them over."""
        await self.apply(self.records(*facts))

    def again(self, records: Sequence[Record]) -> list[Record]:
        """The same records as a relay repeats them: further on in their topics."""
        repeated = []
        for record in records:
            offset = self.written._offsets[record.topic, record.partition]
            self.written._offsets[record.topic, record.partition] += 1
            repeated.append(replace(record, offset=offset))
        return repeated

    async def apply(self, records: Sequence[Record]) -> None:
        parts: list[list[Record]] = []
        for record in records:
            if not parts or _handler(parts[-1][0]) is not _handler(record):
                parts.append([])
            parts[-1].append(record)
        for part in parts:
            batch = batch_of(part, reader=READER)
            await at_positions(self.database, batch)
            await _handler(part[0])(batch, self.database, self.programs, PORTAL, self.clock())

    async def tick(self) -> None:
        """Let the reminders be looked at."""
        while await timers.on_reminders(self.database, self.programs, PORTAL, self.clock()):
            pass

    def sender(self, **options: Any) -> Sender:
        server = Server("127.0.0.1", self.mail.port, timeout=self.timeout, connections=4)
        writer = Writer(FROM, self.linker, self.programs, PORTAL)
        return Sender(self.database, server, writer, self.clock, Options(**{"retry_seconds": 0.02, **options}))

    @contextlib.asynccontextmanager
    async def sending(self, **options: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(self.sender(**options).run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def send(self, **options: Any) -> None:
        """Send until nothing that is due is left."""
        async with self.sending(**options):
            await self.until_settled()

    async def until_settled(self) -> None:
        due = {"status": {"$in": ["queued", "sending"]}, "due_at": {"$lte": self.clock()}}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.database["messages"].count_documents(due):
                await asyncio.sleep(0.02)

    async def states(self) -> dict[str, str]:
        """The status of each message, by kind."""
        found = await self.database["messages"].find({}).sort([("created_at", 1), ("_id", 1)]).to_list(None)
        return {row["kind"]: row["status"] for row in found}

    async def message(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.database["messages"].find_one({"kind": kind})
        assert found is not None, f"no message of kind {kind}"
        return found

    def asked_by(self, role: str | None) -> httpx.AsyncClient:
        """An HTTP client of the real application."""
        service = Service("notifications", self.database, self.clock, INDEXES)
        api = build_api(service, Keys(KEYS), self.programs, self.linker, PORTAL)
        headers = {"Authorization": f"Bearer {role}-key"} if role else {}
        return httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=PUBLIC, headers=headers)


def _handler(record: Record) -> Any:
    return handlers.on_sessions if record.topic == topics.SESSIONS.name else handlers.on_educators


@pytest.fixture(scope="session")
async def database(mongo: str) -> AsyncIterator[Database]:
    """One database for all tests: building its indexes takes longer than a test."""
    name = f"test_notifications_{uuid4().hex[:12]}"
    with connect(mongo, name) as made:
        await made.ensure({**EVENTING_INDEXES, **INDEXES})
        try:
            yield made
        finally:
            await made.client.drop_database(name)


@pytest.fixture
async def notifications(database: Database) -> AsyncIterator[Notifications]:
    for collection in {**EVENTING_INDEXES, **INDEXES}:
        await database[collection].delete_many({})
    async with mail_server() as server:
        yield Notifications(database, server)
