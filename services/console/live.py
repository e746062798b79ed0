"""Pages that follow what happens: a fragment again whenever it has changed, by Server-Sent Events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from eventing.clock import system_now
from eventing.http import ProblemError
from eventing.service import STOPPING
from eventing.transient import RefusedError, TransientError
from services.console.api import Doors
from services.console.asked import Asked, Console
from services.console.dress import Dress
from services.console.overview import overview
from services.console.policy import May, masked
from services.console.state import JsonObject, Who
from services.console.streams import fresh

EVERY_SECONDS = 1.0
MOST_AT_ONCE = 100
LIVES_SECONDS = 600  # then the browser connects again, and is asked for its session again

Fragments = Callable[[Asked], AsyncIterator[str]]


class Live:
    """Open streams, so many and no more."""

    def __init__(self, doors: Doors, console: Console, dress: Dress) -> None:
        self._doors, self._console, self._dress = doors, console, dress
        self._open = 0

    def open(self, api: FastAPI) -> None:
        for path, fragments in (("/live/overview", self._overview), ("/live/tail", self._tail)):
            api.add_api_route(path, self._answering(fragments), methods=["GET"], include_in_schema=False)

    def _answering(self, fragments: Fragments) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            who = await self._doors.person(request)
            if self._open >= MOST_AT_ONCE:
                raise ProblemError(503, "too_many_live_pages", "Too many live pages are open.")
            asked = Asked(who, {}, dict(request.query_params))
            headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
            return StreamingResponse(self._counted(fragments(asked)), media_type="text/event-stream", headers=headers)

        return self._doors.guarded(answer)

    async def _counted(self, fragments: AsyncIterator[str]) -> AsyncIterator[str]:
        self._open += 1
        try:
            yield "retry: 2000\n\n"
            async for one in fragments:
                yield one
        except (TransientError, RefusedError):
            return  # the line has begun, so nothing can be answered: the browser connects again
        finally:
            self._open -= 1

    async def _overview(self, asked: Asked) -> AsyncIterator[str]:
        last = ""
        async for _ in _ticks():
            content = await overview(self._console, asked)
            text = self._fragment(
                "_overview.html", asked.who, content if asked.may(May.SEE_PEOPLE) else masked(content)
            )
            yield event("overview", text) if text != last else ": still here\n\n"
            last = text

    async def _tail(self, asked: Asked) -> AsyncIterator[str]:
        """Each record from ?since= on, once. Kafka's times are no order of arrival: a little more is told, and looked
        at again each time. Who has a record already, from the page or from before the line broke, knows it by place.
        """
        told: dict[str, None] = {}
        since = _moment(asked.text("since"))
        async for _ in _ticks():
            records = await fresh(self._console, asked, since)
            new = [one for one in records if one["place"] not in told]
            told.update(dict.fromkeys(one["place"] for one in new))
            for place in list(told)[:-2000]:
                del told[place]
            if not new:
                yield ": still here\n\n"
            for one in reversed(new):
                yield event("record", self._fragment("_rows.html", asked.who, {"items": [one]}))

    def _fragment(self, template: str, who: Who, content: JsonObject) -> str:
        return self._dress.page(template, who=who, **content)


def _moment(text: str | None) -> datetime:
    """What a page says it was made at; now, for whoever says nothing that can be read."""
    with contextlib.suppress(ValueError):
        if text and (moment := datetime.fromisoformat(text)).tzinfo:
            return moment
    return system_now()


async def _ticks() -> AsyncIterator[None]:
    """Again and again, until the process stops or it has lasted long enough."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + LIVES_SECONDS
    while not STOPPING.is_set() and loop.time() < ends:
        yield
        await asyncio.sleep(EVERY_SECONDS)


def event(name: str, text: str) -> str:
    """One Server-Sent Event; each line of the text is a line of data."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {name}\n{lines}\n"
