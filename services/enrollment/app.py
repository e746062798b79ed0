"""Enrollment, built: every object once, and the table of what it reads. Importing this opens nothing."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI

from contracts import program, topics
from eventing.bodies import Receive, Scope, Send
from eventing.clock import Clock
from eventing.consumer import Consumer, Subscription
from eventing.http import Keys
from eventing.leases import process_name
from eventing.mongo import connect
from eventing.outbox import Claims
from eventing.relay import Relay
from eventing.service import Service
from eventing.timer import Timer
from services.enrollment import metrics
from services.enrollment.api import build
from services.enrollment.claims import COLLECTION
from services.enrollment.handlers import on_intake
from services.enrollment.intake import Committer, Intake
from services.enrollment.nea import Signatures
from services.enrollment.openapi import describe_intakes
from services.enrollment.portal_events import PortalEvents
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.rates import Rates
from services.enrollment.receiving import Door
from services.enrollment.settings import Settings
from services.enrollment.store import INDEXES, find_attended
from services.enrollment.timers import Attendees, Review
from services.enrollment.webhooks import Webhooks

SUBSCRIPTIONS = (Subscription(topics.INBOX, topics.PORTAL, on_intake),)


@dataclass(frozen=True, slots=True)
class Front:
    """The intakes are plain ASGI; everything else is FastAPI's."""

    doors: Mapping[str, Door]
    api: FastAPI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self.doors.get(scope["path"]) if scope["type"] == "http" else None
        await (door or self.api)(scope, receive, send)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Front]:
    """Build the service; close it in reverse order. Raises ProgramError for a wrong programme file."""
    programs = program.load(settings.programs)
    clock = Clock(settings.clock_file)
    pseudonyms = Pseudonyms(settings.secret.get_secret_value())
    keys = Keys(settings.keys.get_secret_value(), settings.keys_file)
    signatures = Signatures(settings.webhook_secrets)
    with connect(settings.mongo.get_secret_value(), settings.database, app="enrollment") as database:
        consumer = Consumer(
            settings.kafka_settings,
            "enrollment",
            SUBSCRIPTIONS,
            database,
            database,
            programs,
            pseudonyms,
            clock=clock,
            parking_limit=settings.parking_limit,
        )
        intake = Intake()
        name = process_name(settings.instance)
        review, attendees = (kind(database, programs, pseudonyms, clock) for kind in (Review, Attendees))

        async def judge_anew() -> bool:
            return await attendees.run() or await review.run()

        service = Service(
            "enrollment",
            database,
            clock,
            INDEXES,
            consumer,
            loops=(
                Committer(intake, database, f"{name}/1"),
                Committer(intake, database, f"{name}/2"),
                Relay(settings.kafka_settings, database, Claims(COLLECTION)),
                Relay(settings.kafka_settings, database),
                Timer("review", 2, judge_anew, database=database, clock=clock, instance=settings.instance),
            ),
            prepare=(partial(find_attended, database),),
            digest=programs.digest,
            gauges=(metrics.refresh,),
        )
        api = build(service, keys, programs, pseudonyms)
        describe_intakes(api)
        rates = Rates(settings.intake_rate, time.monotonic)
        webhooks = Webhooks(signatures, Rates(settings.webhook_rate, time.monotonic), pseudonyms, intake)
        doors = {
            "/portal/events": Door("portal", PortalEvents(keys, rates, intake).accept),
            "/webhooks/nea": Door("nea", webhooks.accept),
        }
        yield Front(doors, api)
