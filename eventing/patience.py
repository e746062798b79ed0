"""uvicorn's HTTP protocol with an end to its patience: who is too slow with a request's headers gets 408.

uvicorn itself waits for ever, so a few slow clients could hold every connection. The body's time is the application's.
It also keeps as many headers as come, so a few quick clients could fill the memory: who sends too many gets 413. What
is no HTTP gets 400, in the form in which we answer everything.
"""

import asyncio
import re
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from eventing.describing import PROBLEM
from eventing.http import ProblemError, problem_body

HEADER_SECONDS = 10.0
MOST_BYTES = 256 * 1024  # of headers, or trailers, beyond what came at once with the first of them
HEAD_ENDS = b"\r\n\r\n"
UPGRADE = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)
# An extension of the ASGI scope: all of the body is here, receive() will not wait for it.
BODY_IS_HERE: Final[dict[str, dict[object, object]]] = {"wea.body_is_here": {}}


class PatientProtocol(HttpToolsProtocol):
    """Counts from the opening, and from the first byte of each further request, to the end of its headers."""

    _limit: asyncio.TimerHandle | None = None
    _begun = _in_body = False
    _beside = 0  # bytes since the last that began a request, ended its headers, or were of its body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._beside += len(data)
        super().data_received(data if self._begun or self._in_body else _as_it_is(data))
        if self._beside > MOST_BYTES:
            self._too_large()
        elif self._begun and self._limit is None:  # nearly all come whole, and need no timer
            self._start()

    def on_message_begin(self) -> None:
        self._begun, self._beside = True, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._begun:  # trailers come after the body, and are not to be taken for headers (RFC 9110, 6.5.1)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop()
        self._begun, self._in_body, self._beside = False, True, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._beside = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        self.scope["extensions"] = BODY_IS_HERE
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self.transport.write(_NO_HTTP)
        self.transport.close()

    def _start(self) -> None:
        self._limit = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _too_slow(self) -> None:
        self._limit = None
        if self.transport.is_closing():
            return
        if self._begun:  # half a request: say why; nothing at all: just close
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def _too_large(self) -> None:
        self._stop()
        if self._begun or (self.cycle and not self.cycle.response_started):  # trailers may come after the answer
            self.transport.write(_TOO_LARGE)
        self.transport.close()


def _as_it_is(data: bytes) -> bytes:
    """The same without an offer to speak another protocol, which a server may ignore (RFC 9110, 7.8).

    httptools takes it for agreed, and the body for the other protocol: Java's client offers HTTP/2 with each POST.
    Of a head that comes in pieces nothing is taken out: from half a line, or from what is body already, it would change
    where the request ends.
    """
    head, end, rest = data.partition(HEAD_ENDS)
    return UPGRADE.sub(b"", head) + end + rest if end and UPGRADE.search(head) else data


def _answer(line: str, problem: ProblemError) -> bytes:
    body = problem_body(problem)
    head = f"HTTP/1.1 {line}\r\ncontent-type: {PROBLEM}\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"connection: close\r\n\r\n" + body


_TOO_SLOW = _answer("408 Request Timeout", ProblemError(408, "too_slow", "The request took too long to come."))
_NO_HTTP = _answer("400 Bad Request", ProblemError(400, "not_http", "This is no HTTP request that can be read."))
_TOO_LARGE = _answer("413 Content Too Large", ProblemError(413, "too_large", "These are too many headers."))
