"""Builds every object once, and holds the subscription table. Importing it opens nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from contracts import program, topics
from contracts.program import Programs
from eventing import mongo
from eventing.clock import Clock
from eventing.consumer import Consumer, Subscription
from eventing.http import Keys
from eventing.relay import Relay
from eventing.service import Service
from eventing.timer import Timer
from services.clockhours import metrics
from services.clockhours.api import build_api
from services.clockhours.handlers import on_educators, on_enrollment, on_sessions
from services.clockhours.settings import Settings
from services.clockhours.store import INDEXES
from services.clockhours.timers import on_held_too_long, on_programme_changed

NAME = "clockhours"

SUBSCRIPTIONS = (
    Subscription(topics.ENROLLMENT, on_enrollment),
    Subscription(topics.SESSIONS, on_sessions),
    Subscription(topics.EDUCATORS, on_educators),
)

HELD_SECONDS = 30.0
PROGRAMME_SECONDS = 60.0


@asynccontextmanager
async def opened(settings: Settings, programs: Programs | None = None) -> AsyncIterator[FastAPI]:
    """The service's application, which starts and stops all of it in its lifespan. Raises ProgramError.

    Closed in reverse order.
    """
    programs = programs or program.load(settings.programs)
    clock = Clock(settings.clock_file)
    async with AsyncExitStack() as stack:
        uri = settings.mongo.get_secret_value()
        database = stack.enter_context(mongo.connect(uri, settings.database, app=NAME))
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
                database,
                programs,
                clock=clock,
                parking_limit=settings.parking_limit,
            ),
            loops=(
                Relay(settings.kafka_settings, database),
                *_timers(settings, database, programs, clock),
            ),
            gauges=(metrics.refresh,),
            digest=programs.digest,
        )
        yield build_api(service, Keys(settings.keys.get_secret_value(), settings.keys_file), programs)


def _timers(settings: Settings, database: mongo.Database, programs: Programs, clock: Clock) -> tuple[Timer, ...]:
    async def held_too_long() -> bool:
        return await on_held_too_long(database, programs, clock())

    async def programme_changed() -> bool:
        return await on_programme_changed(database, programs, clock())

    timer = partial(Timer, database=database, clock=clock, instance=settings.instance)
    return (
        timer("held_too_long", HELD_SECONDS, held_too_long),
        # Begins once the service runs: educators of a large programme are judged anew beside what comes in.
        timer("programme_changed", PROGRAMME_SECONDS, programme_changed),
    )
