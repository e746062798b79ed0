"""Builds every object once, and holds the subscription table. Importing it opens nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import httpx
from fastapi import FastAPI

from contracts import program, topics
from contracts.program import Programs
from eventing import mongo
from eventing.clock import Clock
from eventing.consumer import Consumer, Subscription
from eventing.http import Keys
from eventing.mongo import Database
from eventing.relay import Relay
from eventing.service import Service
from eventing.timer import Timer
from services.notifications import metrics
from services.notifications.api import build_api
from services.notifications.handlers import on_educators, on_sessions
from services.notifications.links import Linker
from services.notifications.neighbours import Neighbours
from services.notifications.sender import Options, Sender
from services.notifications.settings import Settings
from services.notifications.smtp import Server
from services.notifications.store import INDEXES
from services.notifications.timers import on_digest, on_parked, on_planned, on_programme_changed, on_reminders
from services.notifications.writing import Writer

if TYPE_CHECKING:
    from services.notifications.signature import Signature

NAME = "notifications"

SUBSCRIPTIONS = (
    Subscription(topics.EDUCATORS, topics.ENROLLMENT, topics.CLOCKHOURS, on_educators),
    Subscription(topics.SESSIONS, on_sessions),
)

LINGER_MS = 100  # an e-mail may wait as long; what leads to it meanwhile is one transaction (decision 0906)
REMINDER_SECONDS = 2.0
DIGEST_SECONDS = 30.0
PARKED_SECONDS = 15.0


@asynccontextmanager
async def opened(settings: Settings, programs: Programs | None = None) -> AsyncIterator[FastAPI]:
    """The service's application, which starts and stops all of it in its lifespan. Raises ProgramError.

    Closed in reverse order.
    """
    programs = programs or program.load(settings.programs)
    clock = Clock(settings.clock_file)
    linker = Linker(settings.public_url.rstrip("/"), settings.secret.get_secret_value().encode())
    async with AsyncExitStack() as stack:
        uri = settings.mongo.get_secret_value()
        database = stack.enter_context(mongo.connect(uri, settings.database, app=NAME))
        urls = {name: first for name, (first, *_) in settings.addresses.items()}
        neighbours = Neighbours(await stack.enter_async_context(httpx.AsyncClient()), urls, settings.key_of)
        context = (database, programs, settings.portal_url)
        service = Service(
            name=NAME,
            database=database,
            clock=clock,
            indexes=INDEXES,
            consumer=Consumer(
                settings.kafka_settings,
                NAME,
                SUBSCRIPTIONS,
                database,
                *context,
                clock=clock,
                linger_ms=LINGER_MS,
                parking_limit=settings.parking_limit,
            ),
            loops=(
                Relay(settings.kafka_settings, database),
                *_timers(settings, database, programs, clock, neighbours),
                _sender(settings, database, programs, clock, linker),
            ),
            prepare=(partial(on_programme_changed, database, programs),),
            gauges=(partial(metrics.refresh, clock),),
            digest=programs.digest,
        )
        yield build_api(
            service, Keys(settings.keys.get_secret_value(), settings.keys_file), programs, linker, settings.portal_url
        )


def _sender(settings: Settings, database: Database, programs: Programs, clock: Clock, linker: Linker) -> Sender:
    host, port = settings.smtp_address
    server = Server(
        host,
        port,
        settings.smtp_tls,
        settings.smtp_user,
        settings.smtp_password.get_secret_value(),
        settings.smtp_timeout,
        settings.smtp_connections,
    )
    options = Options(settings.instance, settings.mail_domain_rate, settings.mail_retry_seconds)
    writer = Writer(settings.mail_from, linker, programs, settings.portal_url, _signature(settings))
    return Sender(database, server, writer, clock, options)


def _signature(settings: Settings) -> "Signature | None":
    if settings.dkim_key is None:
        return None
    from services.notifications.signature import Signature

    return Signature.read(settings.dkim_key, settings.dkim_domain, settings.dkim_selector)


def _timers(
    settings: Settings, database: Database, programs: Programs, clock: Clock, neighbours: Neighbours
) -> tuple[Timer, ...]:
    async def due() -> bool:
        context = database, programs, settings.portal_url, clock()
        return await on_planned(*context) or await on_reminders(*context)

    async def digest() -> bool:
        return await on_digest(database, programs, neighbours, clock())

    async def parked() -> bool:
        return await on_parked(database, programs, neighbours, clock())

    timer = partial(Timer, database=database, clock=clock, instance=settings.instance)
    return (
        timer("reminders", REMINDER_SECONDS, due),
        timer("digest", DIGEST_SECONDS, digest),
        timer("parked", PARKED_SECONDS, parked),
    )
