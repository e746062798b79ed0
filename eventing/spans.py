"""OpenTelemetry spans of events, under the ids that their traceparent has. Imported only where spans are exported."""

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from eventing.envelope import Event
from eventing.tracing import PATTERN


class _GivenIds(IdGenerator):
    """Hands out the ids that the next span must have."""

    def __init__(self) -> None:
        self.trace_id = self.span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class Spans:
    """One process's spans, to OTLP over HTTP as the standard variables say, or to the exporter given."""

    def __init__(self, service: str, exporter: SpanExporter | None) -> None:
        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter()
        self._ids = _GivenIds()
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("eventing")

    def record(self, event: Event, parent: str | None, began_ns: int) -> None:
        """The span of one event: accepted by an intake, or published by a unit of work that has just committed."""
        mine = PATTERN.match(event.traceparent or "")
        if mine is None:
            return
        self._ids.trace_id, self._ids.span_id = int(mine[1], 16), int(mine[2], 16)
        under = PATTERN.match(parent or "")
        where = _context(under[1], under[2]) if under and under[1] == mine[1] else Context()
        about = {
            "messaging.system": "kafka",
            "cloudevents.event_id": event.id,
            "cloudevents.event_type": event.type,
            "cloudevents.event_source": event.source,
        }
        name = event.type.removesuffix(".v1").rsplit(".", 1)[-1]
        span = self._tracer.start_span(name, where, SpanKind.PRODUCER, about, start_time=began_ns)
        span.end()

    def flush(self) -> None:
        self._provider.force_flush()


def _context(trace: str, span: str) -> Context:
    parent = SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(parent), Context())
