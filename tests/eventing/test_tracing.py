"""One span for each event, child of what led to it."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from eventing import tracing
from eventing.batch import Cause
from eventing.clock import system_now
from eventing.mongo import Database
from eventing.testing import batch_of
from eventing.tracing import Tracing
from eventing.unit import UnitOfWork
from tests.eventing.conftest import COUNTED

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Spans of this test, in memory."""
    fresh, exporter = Tracing(), InMemorySpanExporter()
    fresh.export("toy", exporter)
    monkeypatch.setattr(tracing, "TRACING", fresh)
    yield exporter
    fresh.flush()


async def test_a_published_events_span_is_a_child_of_its_causes(
    database: Database, exporter: InMemorySpanExporter
) -> None:
    async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
        unit.publish(COUNTED, "org.example.Counted.v1", "k", {}, Cause("c", "/test", PARENT))
        await unit.write()
    tracing.TRACING.flush()
    (span,) = exporter.get_finished_spans()
    (event,) = unit.published
    assert span.context is not None
    assert span.parent is not None
    assert span.name == "Counted"
    assert f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01" == event.traceparent
    assert f"{span.parent.span_id:016x}" == PARENT[36:52]


async def test_a_unit_that_does_not_commit_leaves_no_span(database: Database, exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ZeroDivisionError):
        async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
            unit.publish(COUNTED, "org.example.Counted.v1", "k", {}, Cause("c", "/test", PARENT))
            await unit.write()
            raise ZeroDivisionError
    tracing.TRACING.flush()
    assert exporter.get_finished_spans() == ()
