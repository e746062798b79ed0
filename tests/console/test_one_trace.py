"""From NEA's webhook to the e-mail: one trace, through three services, two topics each and three outboxes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
import orjson
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr
from standardwebhooks import Webhook

from contracts import topics
from eventing import tracing
from eventing.kafka import KafkaSettings, ensure_topics
from eventing.mongo import connect
from services.clockhours import app as clockhours
from services.clockhours.settings import Settings as ClockhoursSettings
from services.enrollment import app as enrollment
from services.enrollment.settings import Settings as EnrollmentSettings
from services.notifications import app as notifications
from services.notifications.settings import Settings as NotificationsSettings
from tests.console.conftest import PROGRAMS_FOLDER
from tests.notifications.mail_server import MailServer, mail_server
from tests.waiting import until_true

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = "2024-04-20T17:00:00Z"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    fresh, exporter = tracing.Tracing(), InMemorySpanExporter()
    fresh.export("all three", exporter)
    monkeypatch.setattr(tracing, "TRACING", fresh)
    yield exporter
    fresh.flush()


@asynccontextmanager
async def three_services(kafka: str, mongo: str, mail: MailServer, clock: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Enrollment, clockhours and notifications as they run, in this process. Yields a client of enrollment."""
    prefix = f"{uuid4().hex[:8]}."
    await ensure_topics(KafkaSettings(kafka, prefix), topics.ALL)
    common: dict[str, Any] = {
        "kafka": kafka, "kafka_prefix": prefix, "mongo": mongo, "programs": PROGRAMS_FOLDER,
        "keys": "portal=p,staff=s,operator=o", "secret": "a secret", "clock_file": clock,
    }  # fmt: skip
    databases = {name: f"trace-{name}-{uuid4().hex[:8]}" for name in ("enrollment", "clockhours", "notifications")}
    async with AsyncExitStack() as stack:
        front = await stack.enter_async_context(
            enrollment.opened(
                EnrollmentSettings(**common, database=databases["enrollment"], nea_secrets=SecretStr(SECRET))
            )
        )
        ledger = await stack.enter_async_context(
            clockhours.opened(ClockhoursSettings(**common, database=databases["clockhours"]))
        )
        letters = await stack.enter_async_context(
            notifications.opened(
                NotificationsSettings(**common, database=databases["notifications"], smtp=f"127.0.0.1:{mail.port}")
            )
        )
        apis = {"enrollment": cast(Any, front).api, "clockhours": ledger, "notifications": letters}
        for api in apis.values():
            await stack.enter_async_context(cast(FastAPI, api).router.lifespan_context(api))
        for api in apis.values():
            await until_true(lambda api=api: _ready(api))  # type: ignore[misc]
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app=cast(Any, front)), base_url="http://enrollment")
        yield await stack.enter_async_context(http)
    for name in databases.values():
        with connect(mongo, name) as database:
            await database.client.drop_database(name)


async def _ready(api: FastAPI) -> bool:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://any") as http:
        return (await http.get("/health/ready")).status_code == 200


async def webhook(http: httpx.AsyncClient, id: str, type: str, **data: Any) -> None:
    learner = {"learner": {"nea_member_id": "N-1"}, "micro_credential_id": "NEA_TRA1"}
    body = orjson.dumps({"type": type, "timestamp": AT, "data": learner | data}).decode()
    now = datetime.now(UTC)
    headers = {
        "webhook-id": id, "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(id, now, body), "content-type": "application/json",
    }  # fmt: skip
    assert (await http.post("/webhooks/nea", content=body, headers=headers)).status_code == 202


async def test_one_trace_runs_from_the_webhook_to_the_email(
    kafka: str, mongo: str, exporter: InMemorySpanExporter, tmp_path: Path
) -> None:
    clock = tmp_path / "clock.json"  # programme time is when it all happened: nobody is written to of old news
    offset = (datetime.fromisoformat(AT) - datetime.now(UTC)).total_seconds()
    clock.write_bytes(orjson.dumps({"offset_seconds": offset, "version": 1}))
    profile = {"educator_id": "E-1", "name": "Rosa", "email": "rosa@example.org", "nea_member_id": "N-1"}
    event = {
        "specversion": "1.0",
        "id": "p1",
        "source": "/portal",
        "type": "educator.updated",
        "time": AT,
        "data": profile,
    }

    def spans_of(webhook_id: str) -> list[ReadableSpan]:
        """The spans of the trace that began with this webhook."""
        tracing.TRACING.flush()
        spans = exporter.get_finished_spans()
        first = [s for s in spans if (s.attributes or {}).get("cloudevents.event_id") == webhook_id]
        return [
            s
            for s in spans
            if first and s.context and first[0].context and s.context.trace_id == first[0].context.trace_id
        ]

    async with mail_server() as mail, three_services(kafka, mongo, mail, clock) as http:
        headers = {"authorization": "Bearer p", "content-type": "application/cloudevents+json"}
        assert (await http.post("/portal/events", content=orjson.dumps(event), headers=headers)).status_code == 202

        async def welcomed() -> bool:
            return "NotificationSent" in {span.name for span in spans_of("p1")}

        # Topics have no order among them: a submission heard before the profile would be mailed because of the profile.
        await until_true(welcomed)
        await webhook(http, "w1", "micro_credential.submitted", submission_id="S", attempt=1, submitted_at=AT)

        async def mailed() -> bool:
            return "NotificationSent" in {span.name for span in spans_of("w1")}

        await until_true(mailed)
    spans = {span.name: span for span in spans_of("w1")}
    assert {"submitted", "CredentialSubmitted", "NotificationSent"} <= spans.keys()
    ids = {span.context.span_id for span in spans.values() if span.context}
    roots = [name for name, span in spans.items() if span.parent is None]
    assert roots == ["submitted"]
    assert all(span.parent.span_id in ids for span in spans.values() if span.parent)
