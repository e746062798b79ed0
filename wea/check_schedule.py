"""`wea check --every`: the proof of the books on a schedule, its result as metrics for Prometheus.

On a system at work something is always under way. So a fault counts here only if every look of a run finds it, from the
first to the last, `wait_seconds` apart.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from prometheus_client import Gauge, start_http_server

from wea.api import System
from wea.check import look
from wea.errors import UserError

LOOKS_APART_SECONDS = 2.0
AGAIN_SECONDS = 60.0  # after a run that could not be made: whoever is started beside us is ready by then

# What the last run found wrong, by book: services, outboxes, sequences, enrollment, clockhours. 0: it adds up.
FAULTS = Gauge("wea_check_faults", "Faults that the last check of the books found", ["book"])
# When a run last came to its end, and when one last found nothing, in seconds since 1970. 0: never.
LAST_RUN = Gauge("wea_check_last_run_timestamp_seconds", "When the books were last checked")
LAST_CLEAN = Gauge("wea_check_last_clean_timestamp_seconds", "When the books were last found right")

Books = dict[str, list[str]]


def serve(port: int, host: str) -> None:
    """Show the metrics at /metrics."""
    start_http_server(port, host)


def keep_checking(
    system: System, every: timedelta, wait_seconds: float, tell: Callable[[str], None], times: int | None = None
) -> None:
    """Check for good, or so many `times`. A run that ends early, for a service is away, is told and soon made again."""
    while times is None or times > 0:
        began, pause = time.monotonic(), every.total_seconds()
        try:
            record(lasting(system, wait_seconds), tell)
        except UserError as failure:
            tell(f"not checked: {failure}")
            pause = min(pause, AGAIN_SECONDS)
        if times is not None:
            times -= 1
        if times != 0:
            time.sleep(max(0.0, pause - (time.monotonic() - began)))


def lasting(system: System, wait_seconds: float) -> Books:
    """The faults that every look finds, book by book. Ends as soon as there are none."""
    deadline = time.monotonic() + wait_seconds
    found = look(system).books
    while any(found.values()) and time.monotonic() < deadline:
        time.sleep(min(LOOKS_APART_SECONDS, wait_seconds))
        found = still_there(found, look(system).books)
    return found


def still_there(before: Books, now: Books) -> Books:
    """Of the faults of now, those that were there before; an age that has grown makes no other fault."""
    known = {book: set(map(_essence, problems)) for book, problems in before.items()}
    return {
        book: [problem for problem in problems if _essence(problem) in known.get(book, set())]
        for book, problems in now.items()
    }


def _essence(problem: str) -> str:
    return problem.partition(" since ")[0]


def record(found: Books, tell: Callable[[str], None]) -> None:
    now = time.time()
    for book, problems in found.items():
        FAULTS.labels(book).set(len(problems))
        for problem in problems:
            tell(problem)
    LAST_RUN.set(now)
    if not any(found.values()):
        LAST_CLEAN.set(now)
        tell("the books are right")
