"""Sign-in over HTTP: the form, the session's cookie, and the two proofs that a POST is meant."""

import hmac
import secrets
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer

from eventing.http import ProblemError
from services.console.settings import Settings
from services.console.signin import SESSION_LIFE, SignIn
from services.console.state import Begun, Who

FORM_LIFE_SECONDS = 3600


class People:
    """Cookies and proofs. `__Host-` names by https: no other host can set such a cookie."""

    def __init__(self, settings: Settings, signin: SignIn) -> None:
        self._settings, self._signin = settings, signin
        self._secure = settings.secure
        prefix = "__Host-" if self._secure else ""
        self._session, self._form = f"{prefix}wea_session", f"{prefix}wea_form"
        self._signer = URLSafeTimedSerializer(settings.secret.get_secret_value(), salt="console-sign-in")

    async def who(self, request: Request) -> Who | None:
        return await self._signin.who(request.cookies.get(self._session))

    def check_post(self, request: Request, form: Any, who: Who) -> None:
        """Refuse a POST that another site has made. Raises ProblemError 403."""
        self.check_site(request)
        if not hmac.compare_digest(str(form.get("csrf", "")).encode(errors="replace"), who.csrf.encode()):
            raise ProblemError(403, "form_not_ours", "This form is not of your session: load the page again.")

    def check_site(self, request: Request) -> None:
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise ProblemError(403, "form_not_ours", "This form came from another site.")
        origin = request.headers.get("origin")
        # Behind a proxy the browser's address is another than the one that was asked.
        ours = {request.headers.get("host"), urlsplit(self._settings.console_url).netloc or None}
        if origin and origin != "null" and urlsplit(origin).netloc not in ours:
            raise ProblemError(403, "form_not_ours", "This form came from another site.")

    def form_proof(self, response_cookies: dict[str, str]) -> str:
        """A proof for the sign-in form, which has no session yet: the same value in the form and in a cookie."""
        proof = self._signer.dumps(secrets.token_urlsafe(16))
        response_cookies[self._form] = proof
        return proof

    def check_form(self, request: Request, form: Any) -> None:
        proof, cookie = str(form.get("csrf", "")), request.cookies.get(self._form, "")
        self.check_site(request)
        try:
            self._signer.loads(proof, max_age=FORM_LIFE_SECONDS)
        except BadSignature:
            raise ProblemError(403, "form_not_ours", "This form is too old: load the page again.") from None
        if not hmac.compare_digest(proof.encode(errors="replace"), cookie.encode(errors="replace")):
            raise ProblemError(403, "form_not_ours", "Cookies are needed to sign in.")

    async def sign_in(self, request: Request, form: Any) -> Who | None:
        """The person behind the form's name and password. Raises LockedError."""
        address = request.client.host if request.client else "unknown"
        return await self._signin.by_password(str(form.get("user", "")), str(form.get("password", "")), address)

    async def begin(self, who: Who, goes_to: str, *, by_password: bool = False) -> Response:
        """A session, and on to the page that was wanted."""
        response = RedirectResponse(goes_to, 303)
        token = await self._signin.begin(who, by_password=by_password)
        life = int(SESSION_LIFE.total_seconds())
        self.set_cookie(response, self._session, token, life)
        response.delete_cookie(self._form, path="/", secure=self._secure, httponly=True)
        return response

    async def end(self, request: Request) -> Response:
        await self._signin.end(request.cookies.get(self._session))
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(self._session, path="/", secure=self._secure, httponly=True)
        return response

    @property
    def has_passwords(self) -> bool:
        return bool(self._signin.users)

    def keep_openid(self, response: Response, begun: Begun) -> None:
        self.set_cookie(response, f"{self._form}_openid", self._signer.dumps(asdict(begun)))

    def openid_kept(self, request: Request) -> Begun | None:
        try:
            kept = self._signer.loads(request.cookies.get(f"{self._form}_openid", ""), max_age=FORM_LIFE_SECONDS)
            return Begun(**kept)
        except (BadSignature, TypeError):
            return None

    def set_cookie(self, response: Response, name: str, value: str, seconds: int = FORM_LIFE_SECONDS) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax"
        )  # fmt: skip


def inside(wanted: str | None) -> str:
    """A page of ours to go on to after signing in; anything else is the overview."""
    if wanted and wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable():
        return wanted
    return "/"
