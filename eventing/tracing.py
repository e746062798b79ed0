"""W3C trace context (traceparent) through outbox and topics, and OpenTelemetry spans to go with it.

One trace runs from the intake to the e-mail. An event's span id is derived from its id, so a unit of work that is done
again says the same; its span, child of its cause's, lasts from the record's arrival to the commit. Spans are exported
only where the standard variables ask for it (OTEL_EXPORTER_OTLP_ENDPOINT); without them nothing here costs anything.
"""

import re
import time
from collections.abc import Iterable
from hashlib import sha256

from opentelemetry import context as otel_context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer, set_span_in_context

from eventing.envelope import Event, decode
from eventing.settings import traces_wanted

PATTERN = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")


def child(parent: str | None, event_id: str) -> str:
    """The traceparent of an event: the trace of what led to it, a span of its own. Repeatable, as its id is."""
    digest = sha256(event_id.encode()).hexdigest()
    match = PATTERN.match(parent or "")
    trace, flags = (match[1], match[3]) if match else (digest[:32], "01")
    return f"00-{trace}-{digest[32:48]}-{flags}"


def begun(given: str | None, source: str, id: str) -> str:
    """The traceparent of an event from outside: its sender's, else the beginning of a trace of ours. Repeatable."""
    return given if given and PATTERN.match(given) else child(None, f"{source} {id}")


def trace_id(parent: str | None) -> str | None:
    match = PATTERN.match(parent or "")
    return match[1] if match else None


class _GivenIds(IdGenerator):
    """Hands out the ids that the next span must have."""

    def __init__(self) -> None:
        self.trace_id = self.span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class Tracing:
    """Exports one span for each event, or nothing at all."""

    def __init__(self) -> None:
        self._ids = _GivenIds()
        self._tracer: Tracer | None = None
        self._provider: TracerProvider | None = None

    def export(self, service: str, exporter: SpanExporter | None = None) -> None:
        """From now on, export; to OTLP over HTTP as the standard variables say, or to the exporter given."""
        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter()
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("eventing")

    def export_where_asked(self, service: str) -> None:
        """Export where the standard variables name a collector; once a process."""
        if self._tracer is None and traces_wanted():
            self.export(service)

    def accepted(self, values: Iterable[bytes | None], began_ns: int) -> None:
        """The span of each event that an intake has accepted, where the trace begins with it."""
        if self._tracer is None:
            return
        for value in filter(None, values):
            event = decode(value, (), "")
            if event.traceparent == begun(None, event.source, event.id):
                self.record(event, None, began_ns)

    def flush(self) -> None:
        if self._provider is not None:
            self._provider.force_flush()

    def record(self, event: Event, parent: str | None, began_ns: int) -> None:
        """The span of one event: accepted by an intake, or published by a unit of work that has just committed."""
        mine = PATTERN.match(event.traceparent or "")
        if self._tracer is None or mine is None:
            return
        self._ids.trace_id, self._ids.span_id = int(mine[1], 16), int(mine[2], 16)
        under = PATTERN.match(parent or "")
        where = _context(under[1], under[2]) if under and under[1] == mine[1] else otel_context.Context()
        about = {
            "messaging.system": "kafka",
            "cloudevents.event_id": event.id,
            "cloudevents.event_type": event.type,
            "cloudevents.event_source": event.source,
        }
        name = event.type.removesuffix(".v1").rsplit(".", 1)[-1]
        span = self._tracer.start_span(name, where, SpanKind.PRODUCER, about, start_time=began_ns)
        span.end()

    def published(self, events: Iterable[tuple[Event, str | None]], began_ns: int) -> None:
        """The spans of what a unit published, each under its cause."""
        if self._tracer is not None:
            for event, parent in events:
                self.record(event, parent, began_ns)


def _context(trace: str, span: str) -> otel_context.Context:
    parent = SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(parent), otel_context.Context())


TRACING = Tracing()
now_ns = time.time_ns
