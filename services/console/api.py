"""HTTP: each view as a page and as JSON, each act from a form and from JSON."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts import strict_json
from contracts.strict_json import StrictJsonError
from eventing.http import Keys, ProblemError, problem
from eventing.transient import RefusedError, TransientError
from services.console import metrics
from services.console.asked import Action, Asked, Console, Done, Download, Page
from services.console.audit import noted_act, noted_download
from services.console.dress import STATIC, Dress, security_headers
from services.console.neighbours import AwayError, RefusedByServiceError
from services.console.people import People
from services.console.policy import May, masked, may
from services.console.state import Role, Who

log = structlog.get_logger(__name__)

LARGEST_FORM = 256 * 1024
FORM = "application/x-www-form-urlencoded"
ROLES = {role.value: frozenset({role}) for role in Role}
Answering = Callable[[Request], Awaitable[Response]]


class SignInFirstError(Exception):
    """Nobody is signed in."""


class Doors:
    """Adds pages and actions to the application, each twice: for people and for programs."""

    def __init__(self, api: FastAPI, console: Console, people: People, keys: Keys, dress: Dress) -> None:
        self._api, self._console, self._people, self._keys, self._dress = api, console, people, keys, dress
        api.mount("/static", StaticFiles(directory=STATIC), name="static")
        api.add_middleware(SecurityHeaders)

    def page(self, page: Page) -> None:
        async def for_people(request: Request) -> Response:
            who = await self.person(request, page.may)
            with metrics.PAGE_SECONDS.labels(page.path).time():
                content = await self._seen(page, _asked(who, request))
                return self.html(page.template, who, request, **content)

        async def for_programs(request: Request) -> Response:
            return _json(await self._seen(page, _asked(self._program(request, page.may), request)))

        self._add(page.path, self.guarded(for_people), "GET")
        self._add_api(page.path, for_programs, "GET", page.view.__doc__)

    def download(self, download: Download) -> None:
        async def for_people(request: Request) -> Response:
            asked = _asked(await self.person(request, download.may), request)
            await noted_download(self._console.store.db, asked, download.name)
            return await download.answer(self._console, asked)

        async def for_programs(request: Request) -> Response:
            asked = _asked(self._program(request, download.may), request)
            await noted_download(self._console.store.db, asked, download.name)
            return await download.answer(self._console, asked)

        self._add(download.path, self.guarded(for_people), "GET")
        self._add_api(download.path, for_programs, "GET", download.answer.__doc__)

    def action(self, action: Action) -> None:
        async def for_people(request: Request) -> Response:
            who = await self.person(request)
            form = await self.form(request)
            self._people.check_post(request, form, who)
            if not may(who, action.may):
                raise ProblemError(403, "wrong_role", f"This needs another role than {', '.join(sorted(who.roles))}.")
            done = await self._act(action, Asked(who, request.path_params, dict(form)))
            template = "_done.html" if request.headers.get("hx-request") else "done.html"
            return self.html(template, who, request, done=done)

        async def for_programs(request: Request) -> Response:
            who = self._program(request, action.may)
            done = await self._act(action, Asked(who, request.path_params, await _body(request)))
            return _json(_done(done))

        self._add(action.path, self.guarded(for_people), "POST")
        self._add_api(action.path, for_programs, "POST", action.act.__doc__)

    def nothing_else(self) -> None:
        """Any other address is a page that says so; for programs a problem document. It stands after all the others."""

        nothing = ProblemError(404, "no_such_page", "There is no such page.")

        async def for_people(_: Request) -> Response:
            raise nothing  # no sign-in first: a browser asks by itself for what it would like to find, icons and robots

        async def for_programs(_: Request) -> Response:
            return problem(nothing)

        self._add("/api/{path:path}", for_programs, "GET")
        self._add("/{path:path}", self.guarded(for_people), "GET")

    async def person(self, request: Request, needs: May = May.LOOK) -> Who:
        """Who is signed in. Raises SignInFirstError, or ProblemError 403."""
        who = await self._people.who(request)
        if who is None:
            raise SignInFirstError
        if not may(who, needs):
            raise ProblemError(403, "wrong_role", f"This needs another role than {', '.join(sorted(who.roles))}.")
        return who

    async def form(self, request: Request) -> Any:
        """The fields of a form as our pages send it. Another kind may name any charset of Python's to be read by."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise ProblemError(415, "unsupported_media_type", f"A form is {FORM}.")
        if int(request.headers.get("content-length") or LARGEST_FORM + 1) > LARGEST_FORM:
            raise ProblemError(413, "too_large", "That is more than a form may hold.")
        return await request.form(max_files=0, max_fields=100)

    def html(self, template: str, who: Who | None, request: Request, status: int = 200, **content: Any) -> Response:
        allowed = {what.value for what in May if who is not None and may(who, what)}
        text = self._dress.page(template, who=who, allowed=allowed, here=request.url, **content)
        return HTMLResponse(text, status, headers={"cache-control": "no-store"})

    def guarded(self, answering: Answering) -> Answering:
        """A page instead of a problem document; the sign-in page where nobody is signed in."""

        async def answer(request: Request) -> Response:
            try:
                return await answering(request)
            except SignInFirstError:
                return _to_sign_in(request)
            except Exception as error:
                found = as_problem(error)
                if found.status == 500:
                    log.exception("page_failed", page=request.scope["route"].path)
                who = await self._who_if_known(request)
                template = "_done.html" if request.headers.get("hx-request") else "error.html"
                done = Done(found.detail or found.code, ok=False)
                return self.html(template, who, request, found.status, done=done, answered=found.status)

        return answer

    def _program(self, request: Request, needs: May) -> Who:
        """Who holds the key. Raises ProblemError 401 or 403."""
        caller = self._keys.check(request.headers.get("authorization"), *ROLES)
        who = Who(caller.name, ROLES[caller.role])
        if not may(who, needs):
            raise ProblemError(403, "wrong_role", "This asks for a key of another role.")
        return who

    async def _seen(self, page: Page, asked: Asked) -> dict[str, Any]:
        """What the view shows to this one: personal data is hidden here, so no view can forget it."""
        content = await page.view(self._console, asked)
        return content if asked.may(May.SEE_PEOPLE) else masked(content)

    async def _act(self, action: Action, asked: Asked) -> Done:
        asked.required("reason")
        if not asked.dry_run:
            await noted_act(self._console.store.db, asked, action.path)
        done = await action.act(self._console, asked)
        if asked.may(May.SEE_PEOPLE):
            return done
        return Done(done.sentence, done.ok, done.dry_run, done.link, done.undo, masked(done.facts))

    async def _who_if_known(self, request: Request) -> Who | None:
        try:
            return await self._people.who(request)
        except (TransientError, RefusedError):
            return None

    def _add(self, path: str, answering: Answering, method: str) -> None:
        self._api.add_api_route(path, answering, methods=[method], include_in_schema=False, response_model=None)

    def _add_api(self, path: str, answering: Answering, method: str, doc: str | None) -> None:
        async def answer(request: Request) -> Response:
            try:
                return await answering(request)
            except (ProblemError, RefusedByServiceError, AwayError, RefusedError) as error:
                return problem(as_problem(error))

        name = f"{method.lower()}_{path}"
        self._api.add_api_route(
            "/api/overview" if path == "/" else f"/api{path}",
            answer, methods=[method], name=name, description=doc or "", tags=["console"], response_model=None,
        )  # fmt: skip


def as_problem(error: Exception) -> ProblemError:
    """Any refusal as one of ours, and a fault of our own without what it says."""
    match error:
        case ProblemError():
            return error
        case HTTPException():  # of a form that Starlette cannot read
            return ProblemError(error.status_code, "refused", error.detail)
        case RefusedByServiceError():
            status = error.status if error.status in {404, 409, 410, 413, 422, 429} else 502
            return ProblemError(status, error.code, f"{error.service} says: {error.sentence}", **_errors(error))
        case AwayError():
            return ProblemError(503, "service_away", f"{error.service} does not answer now. Try again in a moment.")
        case TransientError() | RefusedError():
            return ProblemError(503, "not_available", "The console's own database does not answer now.")
        case _:
            return ProblemError(500, "internal_error", "That failed here, and nothing that you sent is to blame.")


def _errors(error: RefusedByServiceError) -> dict[str, Any]:
    return {"errors": error.problem["errors"]} if "errors" in error.problem else {}


def _asked(who: Who, request: Request) -> Asked:
    return Asked(who, request.path_params, dict(request.query_params))


async def _body(request: Request) -> dict[str, Any]:
    if int(request.headers.get("content-length") or 0) > LARGEST_FORM:
        raise ProblemError(413, "too_large", "That is more than an act may hold.")
    try:
        content = strict_json.loads(await request.body() or b"{}")
    except StrictJsonError as error:
        raise ProblemError(400, error.reason.value, "Send JSON that says each thing once.") from None
    if not isinstance(content, dict):
        raise ProblemError(422, "invalid", "Send an object.")
    return dict(request.query_params) | content


def _done(done: Done) -> dict[str, Any]:
    return {
        "ok": done.ok, "done": done.sentence, "dry_run": done.dry_run, "link": done.link or None,
        "undo": done.undo or None, **done.facts,
    }  # fmt: skip


def _json(content: Any, status: int = 200) -> Response:
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z, default=str)
    return Response(body, status, media_type="application/json", headers={"cache-control": "no-store"})


def _to_sign_in(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    place = f"/sign-in?next={quote(wanted, safe='')}" if request.method == "GET" else "/sign-in"
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"hx-redirect": place})
    return Response(status_code=303, headers={"location": place})


# The OpenAPI page runs a script from elsewhere: as a page of no site, which has no part in anybody's session. What it
# reads is public.
APART = {
    "/docs": (b"content-security-policy", b"sandbox allow-scripts"),
    "/openapi.json": (b"access-control-allow-origin", b"*"),
}


class SecurityHeaders:
    """The security headers on everything; on the OpenAPI page its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in security_headers().items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = APART.get(scope.get("path", ""))
        added = self._headers if own is None else [own]

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, secured)
