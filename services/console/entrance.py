"""Signing in and out: by password, or by OpenID Connect where that is set up."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from eventing.audit import record_action
from eventing.http import Caller, ProblemError
from eventing.mongo import Database
from services.console import metrics
from services.console.api import Doors
from services.console.dress import Dress
from services.console.people import People, inside
from services.console.signin import LockedError, OpenIdError
from services.console.state import Who

if TYPE_CHECKING:
    from services.console.oidc import OpenId

WRONG = "That name and password do not fit together."
LOCKED = "Too many tries. Wait a quarter of an hour."


class Entrance:
    """The pages of signing in. Every try is audited, by the name that was given; while it is locked, the first."""

    def __init__(self, doors: Doors, people: People, database: Database, dress: Dress, openid: "OpenId | None") -> None:
        self._doors, self._people, self._database = doors, people, database
        self._dress, self._openid = dress, openid

    def open(self, api: FastAPI) -> None:
        guarded = self._doors.guarded
        for path, answering, method in (
            ("/sign-in", self._form, "GET"),
            ("/sign-in", self._sign_in, "POST"),
            ("/sign-out", self._sign_out, "POST"),
            ("/sign-in/openid", self._to_openid, "GET"),
            ("/sign-in/openid/back", self._from_openid, "GET"),
        ):
            api.add_api_route(path, guarded(answering), methods=[method], include_in_schema=False, response_model=None)

    async def _form(self, request: Request) -> Response:
        if await self._people.who(request) is not None:
            return RedirectResponse(inside(request.query_params.get("next")), 303)
        return self._page(request, inside(request.query_params.get("next")))

    async def _sign_in(self, request: Request) -> Response:
        form = await self._doors.form(request)
        self._people.check_form(request, form)
        goes_to = inside(str(form.get("next", "")))
        name = str(form.get("user", ""))[:200]
        try:
            who = await self._people.sign_in(request, form)
        except LockedError as lock:
            if lock.just_now:  # the others are counted only: nobody without a name fills the disk with tries
                await self._noted(name, "sign-in", "locked")
            else:
                metrics.SIGN_INS.labels("locked").inc()
            return self._page(request, goes_to, LOCKED, 429)
        if who is None:
            await self._noted(name, "sign-in", "refused")
            return self._page(request, goes_to, WRONG, 401)
        await self._noted(who.name, "sign-in", "password")
        return await self._people.begin(who, goes_to, by_password=True)

    async def _sign_out(self, request: Request) -> Response:
        who = await self._doors.person(request)
        self._people.check_post(request, await self._doors.form(request), who)
        return await self._people.end(request)

    async def _to_openid(self, request: Request) -> Response:
        if self._openid is None:
            raise ProblemError(404, "not_found", "OpenID Connect is not set up here.")
        goes_to = inside(request.query_params.get("next"))
        try:
            address, kept = await self._openid.begin(goes_to)
        except OpenIdError as refused:
            return self._page(request, goes_to, refused.sentence, 503)
        response = RedirectResponse(address, 303)
        self._people.keep_openid(response, kept)
        return response

    async def _from_openid(self, request: Request) -> Response:
        if self._openid is None:
            raise ProblemError(404, "not_found", "OpenID Connect is not set up here.")
        try:
            who, goes_to = await self._openid.finish(request.query_params, self._people.openid_kept(request))
        except OpenIdError as refused:
            await self._noted("unknown", "sign-in", f"openid refused: {refused.reason}")
            return self._page(request, "/", refused.sentence, 403)
        await self._noted(who.name, "sign-in", "openid")
        return await self._people.begin(who, goes_to)

    async def _noted(self, name: str, action: str, how: str) -> None:
        metrics.SIGN_INS.labels(how.split()[0] if not how.startswith("openid refused") else "refused").inc()
        await record_action(self._database, Caller("person", name), action, name, how)

    def _page(self, request: Request, goes_to: str, wrong: str = "", status: int = 200) -> Response:
        cookies: dict[str, str] = {}
        who: Who | None = None
        content: dict[str, Any] = {
            "proof": self._people.form_proof(cookies), "goes_to": goes_to, "wrong": wrong, "here": request.url,
            "openid": f"/sign-in/openid?next={quote(goes_to, safe='')}" if self._openid else "",
            "passwords": self._people.has_passwords or not self._openid, "user": request.query_params.get("user", ""),
        }  # fmt: skip
        response = HTMLResponse(
            self._dress.page("sign_in.html", who=who, allowed=set(), **content),
            status,
            headers={"cache-control": "no-store"},
        )
        for name, value in cookies.items():
            self._people.set_cookie(response, name, value)
        return response
