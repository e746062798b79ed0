"""W3C trace context (traceparent) through outbox and topics, and OpenTelemetry spans (spans.py) to go with it.

One trace runs from the intake to the e-mail. An event's span id is derived from its id, so a unit of work that is done
again says the same; its span, child of its cause's, lasts from the record's arrival to the commit. Spans are exported
only where the standard variables ask for it (OTEL_EXPORTER_OTLP_ENDPOINT); without them nothing here costs anything,
nor is the SDK imported.
"""

import re
import time
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from eventing.envelope import Event, decode
from eventing.settings import traces_wanted

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from eventing.spans import Spans

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


class Tracing:
    """Exports one span for each event, or nothing at all."""

    def __init__(self) -> None:
        self._spans: Spans | None = None

    def export(self, service: str, exporter: "SpanExporter | None" = None) -> None:
        """From now on, export; to OTLP over HTTP as the standard variables say, or to the exporter given."""
        from eventing.spans import Spans

        self._spans = Spans(service, exporter)

    def export_where_asked(self, service: str) -> None:
        """Export where the standard variables name a collector; once a process."""
        if self._spans is None and traces_wanted():
            self.export(service)

    def accepted(self, values: Iterable[bytes | None], began_ns: int) -> None:
        """The span of each event that an intake has accepted, where the trace begins with it."""
        if self._spans is None:
            return
        for value in filter(None, values):
            event = decode(value, (), "")
            if event.traceparent == begun(None, event.source, event.id):
                self._spans.record(event, None, began_ns)

    def published(self, events: Iterable[tuple[Event, str | None]], began_ns: int) -> None:
        """The spans of what a unit published, each under its cause."""
        if self._spans is not None:
            for event, parent in events:
                self._spans.record(event, parent, began_ns)

    def flush(self) -> None:
        if self._spans is not None:
            self._spans.flush()


TRACING = Tracing()
now_ns = time.time_ns
