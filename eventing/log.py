"""Structured logs: ids and reason codes, one JSON object a line (or plain text for people), to standard error.

Of an exception a log says its kind and its place in the code. Its text and its frames' variables quote the record that
our code stumbled over, and a log is kept where no erasure comes.
"""

import logging
import sys
import traceback
from typing import Any, TextIO

import structlog

from eventing.transient import RefusedError, TransientError


def configure(service: str, form: str = "json") -> None:
    """Once, by `__main__`. `form` is json or text."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if form == "text":
        colors = sys.stderr.isatty()
        last: list[structlog.typing.Processor] = [
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_write_raised)
        ]
    else:
        last = [structlog.processors.ExceptionRenderer(_raised), structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    _take_in_libraries([*shared, structlog.stdlib.add_logger_name], last)


def _take_in_libraries(first: list[structlog.typing.Processor], last: list[structlog.typing.Processor]) -> None:
    """What libraries log, from warnings on, in the same form: who reads our lines reads theirs."""
    handler = logging.StreamHandler(sys.stderr)
    form = structlog.stdlib.ProcessorFormatter
    handler.setFormatter(form(foreign_pre_chain=first, processors=[form.remove_processors_meta, *last]))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    faststream = logging.getLogger("faststream")  # it comes with a coloured handler of its own
    faststream.handlers.clear()
    faststream.propagate = True
    faststream.setLevel(logging.ERROR)  # it warns at each start that it makes no topics, which is as we told it


def _write_raised(to: TextIO, exc_info: Any) -> None:
    """As a traceback reads: the innermost frame last, each exception after its frames."""
    for raised in _raised(exc_info):
        to.writelines(f"\n  {frame}" for frame in raised["frames"])
        to.write(f"\n{raised['type']}: {raised['text']}".rstrip(": "))


def _raised(exc_info: Any) -> list[dict[str, Any]]:
    return _described(exc_info[1])


def _described(error: BaseException | None) -> list[dict[str, Any]]:
    """The exception, then each that led to it or that it is a group of."""
    if error is None:
        return []
    frames = traceback.extract_tb(error.__traceback__)
    # Of our own errors that are made of codes, the text is what there is to know.
    text = str(error) if isinstance(error, RefusedError | TransientError) else ""
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    found = [{"type": type(error).__name__, "text": text, "frames": places}]
    for member in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        found += _described(member)
    return found + _described(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
