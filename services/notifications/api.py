"""HTTP in: check, call, answer."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from contracts.program import Programs
from eventing.admin import build_api as build_common
from eventing.http import Caller, Keys, Page, ProblemError, Reasoned, Requires, cursor, page
from eventing.mongo import faults
from eventing.service import Service
from services.notifications import acting, invitation, links, pages, views
from services.notifications.links import GoneError, Linker
from services.notifications.state import Educator, Kind, Status
from services.notifications.views import (
    MessagesPage,
    MessageView,
    SwitchView,
    TasksPage,
    TaskView,
    WholeMessage,
)

# What an educator's link may be answered with too: a page that says so.
PAGES: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such link", "content": {"text/html": {}}},
    410: {"description": "Void", "content": {"text/html": {}}},
}


class Resolution(Reasoned):
    """Who saw to it, and how."""

    by: str = Field(min_length=1, max_length=300)


def build_api(service: Service, keys: Keys, programs: Programs, linker: Linker, portal_url: str) -> FastAPI:
    """Everything that section 6 of the design promises of notifications, and the staff's tasks."""
    api = build_common(service, keys, title="WEA notifications: what educators are told")
    _messages(api, service, keys)
    _switch(api, service, keys)
    _tasks(api, service, keys)
    _progress(api, service, programs, linker, portal_url)
    _unsubscribe(api, service, programs, linker)
    return api


def _messages(api: FastAPI, service: Service, keys: Keys) -> None:
    Staff = Annotated[Caller, Depends(Requires(keys, "staff"))]  # noqa: N806
    database = service.database

    @api.get("/messages", tags=["messages"])
    async def messages(
        _: Staff,
        at: Annotated[Page, Depends(page)],
        educator_id: Annotated[str | None, Query()] = None,
        kind: Annotated[Kind | None, Query()] = None,
        status: Annotated[Status | None, Query()] = None,
    ) -> MessagesPage:
        """The newest first. An educator's are those of all accounts that are this educator."""
        items, after = await views.messages(database, at, educator_id=educator_id, kind=kind, status=status)
        return MessagesPage(items=tuple(items), next=None if after is None else cursor(after))

    @api.get("/messages/{message_id}", tags=["messages"])
    async def message(message_id: str, _: Staff) -> WholeMessage:
        """One message as it was sent, without its personal links."""
        with faults():
            found = await database["messages"].find_one({"_id": message_id})
        if found is None:
            raise ProblemError(404, "not_found", "No message has this id.")
        return views.whole_message(found)

    @api.post("/messages/{message_id}/resend", tags=["messages"])
    async def resend(message_id: str, body: Reasoned, caller: Staff) -> MessageView:
        """Send it again, as things stand now, however old its cause. Safe to repeat with the same reason."""
        return views.message_view(await acting.resend(database, message_id, caller, body.reason, service.clock()))


def _switch(api: FastAPI, service: Service, keys: Keys) -> None:
    Operator = Annotated[Caller, Depends(Requires(keys, "operator"))]  # noqa: N806
    Looker = Annotated[Caller, Depends(Requires(keys, "operator", "staff"))]  # noqa: N806
    database = service.database

    @api.get("/mail", tags=["operators"])
    async def switch(_: Looker) -> SwitchView:
        """Is all mail stopped?"""
        return await views.switch(database)

    @api.post("/mail/stop", tags=["operators"])
    async def stop(body: Reasoned, caller: Operator) -> SwitchView:
        """Stop all mail. What is being handed over is finished; everything else waits in the queue."""
        await acting.turn(database, caller, body.reason, service.clock(), stopped=True)
        return await views.switch(database)

    @api.post("/mail/start", tags=["operators"])
    async def start(body: Reasoned, caller: Operator) -> SwitchView:
        """Let mail go out again. What has lost its cause, or is older than 7 days, is dropped then."""
        await acting.turn(database, caller, body.reason, service.clock(), stopped=False)
        return await views.switch(database)


def _tasks(api: FastAPI, service: Service, keys: Keys) -> None:
    Staff = Annotated[Caller, Depends(Requires(keys, "staff"))]  # noqa: N806
    database = service.database

    @api.get("/tasks", tags=["tasks"])
    async def tasks(
        _: Staff,
        at: Annotated[Page, Depends(page)],
        status: Annotated[str | None, Query(pattern="^(open|resolved)$")] = None,
    ) -> TasksPage:
        """Addresses that refuse mail, and what else needs somebody. The oldest first."""
        items, after = await views.tasks(database, at, status)
        return TasksPage(items=tuple(items), next=None if after is None else cursor(after))

    @api.post("/tasks/{task_id}/resolve", tags=["tasks"])
    async def resolve(task_id: str, body: Resolution, caller: Staff) -> TaskView:
        """It is seen to. An address that refused mail gets mail again."""
        document = await acting.resolve(database, task_id, caller, body.by, body.reason, service.clock())
        return views.task_view(document)


def _progress(api: FastAPI, service: Service, programs: Programs, linker: Linker, portal_url: str) -> None:
    database, clock = service.database, service.clock

    async def holder(token: str) -> Educator | HTMLResponse:
        try:
            educator = await links.holder_of(database, token, clock())
        except GoneError:
            return pages.page("gone", 410, program=programs.current(clock()))
        return educator or pages.page("unknown", 404, program=programs.current(clock()))

    @api.get("/progress/{token}", tags=["educators"], response_class=HTMLResponse, responses=PAGES)
    async def progress(token: str) -> HTMLResponse:
        """Steps, hours and dates on one page, for whoever has the link."""
        found = await holder(token)
        if isinstance(found, HTMLResponse):
            return found
        shown = await views.progress(database, found, programs, portal_url, clock())
        return pages.page("progress", shown=shown, token=token, stop_url=linker.unsubscribe(shown.educator_id))

    @api.get("/progress/{token}/sessions.ics", tags=["educators"], response_class=Response, responses=PAGES)
    async def calendar(token: str) -> Response:
        """The sessions ahead, for a calendar."""
        found = await holder(token)
        if isinstance(found, HTMLResponse):
            return found
        shown = await views.progress(database, found, programs, portal_url, clock())
        content = invitation.published(list(shown.seats), shown.program, clock())
        headers = {**pages.HEADERS, "Content-Disposition": 'attachment; filename="sessions.ics"'}
        return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


def _unsubscribe(api: FastAPI, service: Service, programs: Programs, linker: Linker) -> None:
    database, clock = service.database, service.clock

    @api.get("/unsubscribe/{token}", tags=["educators"], response_class=HTMLResponse, responses=PAGES)
    async def ask(token: str) -> HTMLResponse:
        """A page with one button: following a link changes nothing, for scanners of mail follow links too."""
        if linker.educator_of(token) is None:
            return pages.page("unknown", 404, program=programs.current(clock()))
        return pages.page("unsubscribe", program=programs.current(clock()), done=None)

    @api.post("/unsubscribe/{token}", tags=["educators"], response_class=HTMLResponse, responses=PAGES)
    async def unsubscribe(token: str, again: Annotated[bool, Query()] = False) -> HTMLResponse:
        """Stop reminders (RFC 8058, one click), or with `again` take them up."""
        educator_id = linker.educator_of(token)
        if educator_id is None:
            return pages.page("unknown", 404, program=programs.current(clock()))
        known = await acting.want_reminders(database, educator_id, programs, clock(), wanted=again)
        if not known:
            return pages.page("gone", 410, program=programs.current(clock()))
        return pages.page("unsubscribe", program=programs.current(clock()), done="again" if again else "stopped")
