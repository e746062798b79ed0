"""The console without Kafka: records go to its handler on a real mongod, HTTP to the real application."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from contracts.program import load
from eventing.batch import Batch, Failure, Record
from eventing.clock import Clock, system_now
from eventing.looking import Cluster
from eventing.mongo import Database, connect
from eventing.service import EVENTING_INDEXES, Service
from eventing.testing import Topics, at_positions, batch_of
from services.console.app import build
from services.console.asked import Console
from services.console.handlers import on_record
from services.console.neighbours import Neighbours
from services.console.settings import Settings
from services.console.signin import Users
from services.console.store import Store, indexes
from services.console.watch import Watch
from tests.console.fakes import Bodies, Services
from tests.paging import pages

PROGRAMS_FOLDER = Path(__file__).parents[2] / "programs"
PROGRAMS = load(PROGRAMS_FOLDER)
KEYS = "portal=portal-key,staff=staff-key,operator=operator-key,viewer=viewer-key"
PASSWORD = "correct horse battery"
NAMES = ("enrollment", "clockhours", "notifications")
_browsers = count()  # each has an address of its own: guesses are counted by it


@pytest.fixture(scope="session")
def users_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person for each role, named after it."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    file = tmp_path_factory.mktemp("users") / "users.toml"
    roles = ("viewer", "staff", "operator")
    file.write_text("".join(f'[users.{role}]\npassword = "{quick}"\nroles = ["{role}"]\n' for role in roles))
    return file


@pytest.fixture
async def database(mongo: str) -> AsyncIterator[Database]:
    with connect(mongo, f"console-{uuid4().hex[:12]}") as fresh:
        await fresh.ensure({**EVENTING_INDEXES, **indexes(Settings().keep)})
        yield fresh
        await fresh.client.drop_database(fresh.name)


@dataclass
class World:
    """The console with everything around it: records in, pages out."""

    database: Database
    settings: Settings
    users: Users
    services: Services = field(default_factory=Services)
    bodies: Bodies = field(default_factory=Bodies)
    written: Topics = field(default_factory=Topics)

    def __post_init__(self) -> None:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.services))
        self.neighbours = Neighbours({name: [f"http://{name}"] for name in NAMES}, self.settings.key_of, client)
        self.store = Store(self.database)
        cluster = cast(Cluster, self.bodies)
        watch = Watch(self.neighbours, cluster, self.store)
        self.console = Console(self.settings, self.store, self.neighbours, cluster, watch, Clock(), PROGRAMS)
        service = Service("console", self.database, Clock(), {})
        self.api: FastAPI = build(service, self.console, self.users)

    def record(self, topic: str, key: str, type: str, data: Any = None, **more: Any) -> Record:
        """The next record of a topic, taken by Kafka just now."""
        from dataclasses import replace

        cause = more.pop("cause", None)
        at = more.pop("at", None) or system_now()
        one = self.written.record(topic, key, type, data if data is not None else {"educator_id": key}, **more)
        event = one.event
        if cause is not None:
            event = replace(event, causationid=cause.event.id, causationsource=cause.event.source)
        return replace(one, timestamp=at, event=event)

    async def hear(self, *records: Record | Failure) -> None:
        """Record these, all in one batch."""
        readable = [one for one in records if isinstance(one, Record)]
        self.bodies.hold(readable)
        first: dict[tuple[str, int], int] = {}
        for one in records:
            first.setdefault((one.topic, one.partition), one.offset)
        batch = Batch(tuple(records), first) if len(readable) != len(records) else batch_of(readable)
        await at_positions(self.database, batch)
        await on_record(batch, self.database, self.settings, system_now())

    def browser(self) -> "Browser":
        number = next(_browsers)
        transport = httpx.ASGITransport(app=self.api, client=(f"10.0.{number // 250}.{number % 250 + 1}", 1))
        return Browser(httpx.AsyncClient(transport=transport, base_url="http://console"))

    async def as_(self, role: str) -> "Browser":
        """A browser in which a person of this role is signed in."""
        browser = self.browser()
        answer = await browser.sign_in(role)
        assert answer.status_code == 303, answer.text
        return browser

    def program(self, key: str) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {key}"}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.api), base_url="http://console", headers=headers
        )

    async def pages(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """All pages of a list, as staff read it."""

        async def ask(**after: str) -> dict[str, Any]:
            page: dict[str, Any] = (await self.program("staff-key").get(path, params={**params, **after})).json()
            return page

        return await pages(ask)

    async def audit(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.database["audit"].find({}).sort("_id", 1).to_list(None)
        return found


@dataclass
class Browser:
    """What a person's browser does: keeps cookies, and sends forms with the token that the page gave."""

    http: httpx.AsyncClient

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(path, **more)

    async def sign_in(self, name: str, password: str = PASSWORD, goes_to: str = "") -> httpx.Response:
        page = await self.http.get("/sign-in", params={"next": goes_to} if goes_to else {})
        form = {"csrf": token_in(page.text), "user": name, "password": password, "next": goes_to}
        return await self.http.post("/sign-in", data=form)

    async def post(self, path: str, **form: str) -> httpx.Response:
        """Send a form of ours, with a reason unless it has one."""
        page = await self.http.get("/")
        return await self.http.post(path, data={"csrf": token_in(page.text), "reason": "because", **form})


def token_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None, page[:500]
    return found[1]


@pytest.fixture
def world(database: Database, users_file: Path) -> World:
    settings = Settings(keys=KEYS, secret="a secret of tests", console_users=users_file)  # type: ignore[arg-type]
    return World(database, settings, Users(users_file))
