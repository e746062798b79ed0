"""Requests to the intakes as plain ASGI: read within limits of size and time, answered as JSON or as a problem.

Not FastAPI routes: those are four times slower, and would read a body before anyone has asked who sends it.
"""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from eventing.bodies import GoneError, Receive, Scope, Send, body
from eventing.describing import PROBLEM
from eventing.http import ProblemError, problem_body
from services.enrollment import metrics
from services.enrollment.intake import UnavailableError

log = structlog.get_logger(__name__)

ACCEPTED = b'{"status":"accepted"}'
ACCEPTED_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ACCEPTED)).encode())]


class Received:
    """One request. Its body is read when it is asked for."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self._scope = scope
        self._receive = receive
        # Names are in small letters already (ASGI 3.0); of several values the last one is read.
        self.header_list = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self.headers: Mapping[str, str] = dict(self.header_list)

    def must_be_post(self) -> None:
        if self.method != "POST":
            raise ProblemError(405, "method_not_allowed", "Only POST.", headers={"Allow": "POST"})

    async def body(self, most: int) -> bytes:
        """The whole body. Raises ProblemError 413 over `most` bytes, 408 if it does not come in time."""
        return await body(self._scope, self._receive, most, self.headers.get("content-length", ""))


class Door:
    """An ASGI application for one path: POST only, 202 or a problem."""

    def __init__(self, name: str, accept: Callable[[Received], Awaitable[None]]) -> None:
        self._name, self._accept = name, accept
        self._accepted = metrics.ANSWERS.labels(name, "202")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, headers, body = await self._answer(Received(scope, receive))
        except GoneError:
            return
        if status == 202:
            self._accepted.inc()
            raw = ACCEPTED_HEADERS
        else:
            metrics.ANSWERS.labels(self._name, str(status)).inc()
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            raw.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        try:
            request.must_be_post()
            await self._accept(request)
        except ProblemError as refused:
            return _refusal(refused)
        except UnavailableError:
            return _refusal(ProblemError(503, "not_available", "Try again in a moment.", headers={"Retry-After": "2"}))
        except GoneError:
            raise
        except Exception:
            log.exception("intake_failed", intake=self._name)
            return _refusal(ProblemError(500, "internal_error"))
        return 202, {}, ACCEPTED


def _refusal(refused: ProblemError) -> tuple[int, dict[str, str], bytes]:
    return refused.status, {"Content-Type": PROBLEM, **refused.headers}, problem_body(refused)


def too_many(seconds: int) -> ProblemError:
    return ProblemError(429, "too_many_requests", "Over the rate of this key.", headers={"Retry-After": str(seconds)})
