"""A request's body, read whole within limits of size and time: who is too slow gets 408, who sends too much 413."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from eventing.http import ProblemError, problem
from eventing.patience import BODY_IS_HERE

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS = 10.0
MOST_BYTES = 1024 * 1024  # of what staff and operators send: a parked record's new data is the most
WITHOUT_BODY = {"GET", "OPTIONS"}
CLOSE = {"Connection": "close"}


class GoneError(Exception):
    """The client has left; nobody waits for an answer."""


async def body(scope: Scope, receive: Receive, most: int, length: str) -> bytes:
    """The whole body. `length` is what the request says of it, empty where it does not.

    Raises ProblemError 413 over `most` bytes, 408 if it does not come in time; GoneError.
    """
    if length.isdecimal() and int(length[:20]) > most:
        raise _too_large(most)
    if scope.get("extensions") is BODY_IS_HERE:  # as nearly always: a limit of time costs more than reading
        return await _read(receive, most)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive, most)
    except TimeoutError:
        raise ProblemError(408, "too_slow", "The request took too long to come.", headers=CLOSE) from None


async def _read(receive: Receive, most: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise GoneError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise _too_large(most)
        if not message.get("more_body"):
            return b"".join(parts)


def _too_large(most: int) -> ProblemError:
    # The connection is left open: closed with the rest unread, it would be reset before the client saw why.
    return ProblemError(413, "too_large", f"At most {most // 1024} KiB.")


class Bounded:
    """ASGI middleware for applications that read a body before they ask anything, as FastAPI's do.

    They know no HEAD either: it is to them a GET, of whose answer the server leaves out the body.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "HEAD":
            scope = {**scope, "method": "GET"}
        if scope["type"] != "http" or scope["method"] in WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        try:
            length = dict(scope["headers"]).get(b"content-length", b"").decode("latin-1")
            whole: Message | None = {"type": "http.request", "body": await body(scope, receive, MOST_BYTES, length)}
        except GoneError:
            return
        except ProblemError as refused:
            await problem(refused)(scope, receive, send)
            return

        async def again() -> Message:
            nonlocal whole
            message, whole = whole, None
            return message or await receive()

        await self._app(scope, again, send)
