"""The console as a whole: what it reads, what it shows, built once. Importing it opens nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from contracts import topics
from contracts.program import load
from eventing import mongo
from eventing.admin import build_api
from eventing.clock import Clock
from eventing.consumer import Consumer, Subscription
from eventing.http import Keys
from eventing.looking import Cluster
from eventing.service import Service
from eventing.timer import Timer
from services.console import neighbours as next_door
from services.console.api import Doors
from services.console.asked import Console
from services.console.dress import Dress
from services.console.entrance import Entrance
from services.console.handlers import on_record
from services.console.live import Live
from services.console.neighbours import Neighbours
from services.console.people import People
from services.console.repairs import Repairing
from services.console.settings import Settings
from services.console.signin import SignIn, Users
from services.console.site import ACTIONS, DOWNLOADS, PAGES
from services.console.store import Store, indexes
from services.console.watch import Watch

if TYPE_CHECKING:
    from services.console.oidc import OpenId

SUBSCRIPTIONS = (Subscription(*topics.ALL, on_record),)
LINGER_MS = 250  # nothing waits for the console: what comes within a moment costs one transaction


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, with everything behind it; closed in reverse order."""
    programs = load(settings.programs)
    users = Users(settings.console_users)
    async with AsyncExitStack() as stack:
        clock = Clock(settings.clock_file)
        database = stack.enter_context(mongo.connect(settings.mongo.get_secret_value(), settings.database))
        client = await stack.enter_async_context(next_door.client())
        cluster = Cluster(settings.kafka_settings)
        stack.push_async_callback(cluster.close)
        store = Store(database)
        # The console is a neighbour of its own: its parked records are shown beside the others'.
        addresses = settings.addresses | {"console": [f"http://{_reachable(settings.host)}:{settings.port}"]}
        neighbours = Neighbours(addresses, settings.key_of, client)
        watch = Watch(neighbours, cluster, store)
        mend = Repairing(database, neighbours).step
        repairing = Timer("repairs", 1.0, mend, database=database, clock=clock, instance=settings.instance)
        consumer = Consumer(
            settings.kafka_settings, "console", SUBSCRIPTIONS, database, database, settings, clock=clock,
            linger_ms=LINGER_MS, parking_limit=settings.parking_limit,
        )  # fmt: skip
        service = Service(
            "console", database, clock, indexes(settings.keep), consumer,
            loops=[watch, repairing], digest=programs.digest,
        )  # fmt: skip
        console = Console(settings, store, neighbours, cluster, watch, clock, programs)
        yield build(service, console, users)


def build(service: Service, console: Console, users: Users) -> FastAPI:
    """The HTTP of the console around a service."""
    settings = console.settings
    keys = Keys(settings.keys.get_secret_value(), settings.keys_file)
    api = build_api(service, keys, title="WEA clock hours: console")
    dress = Dress(console.programs.current(console.clock()).zone)
    people = People(settings, SignIn.of(users, service.database))
    doors = Doors(api, console, people, keys, dress)
    Entrance(doors, people, service.database, dress, _openid(settings)).open(api)
    Live(doors, console, dress).open(api)
    for download in DOWNLOADS:
        doors.download(download)
    for page in PAGES:
        doors.page(page)
    for action in ACTIONS:
        doors.action(action)
    doors.nothing_else()
    return api


def _openid(settings: Settings) -> "OpenId | None":
    if not settings.oidc_issuer:
        return None
    from services.console.oidc import OpenId

    return OpenId(settings)


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound
