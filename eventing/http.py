"""HTTP as every service speaks it: RFC 9457 problems, bearer keys with roles, cursor pages."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import orjson
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import HTTPBearer
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from eventing.describing import BEARER, PROBLEM
from eventing.keys import KeyBook
from eventing.transient import TransientError

Row = TypeVar("Row")

TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Request took too long",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not as described",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available now",
}


class ProblemError(Exception):
    """An answer that is not a success, as an RFC 9457 problem. `code` names the refusal for programs."""

    def __init__(
        self, status: int, code: str, detail: str = "", *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.more = status, code, detail, more
        self.headers = dict(headers or {})


def problem(error: ProblemError) -> Response:
    """The problem as a response."""
    return Response(problem_body(error), error.status, headers=error.headers, media_type=PROBLEM)


def problem_body(error: ProblemError) -> bytes:
    body = {"type": "about:blank", "title": TITLES.get(error.status, "Error"), "status": error.status}
    body |= {"code": error.code} | ({"detail": error.detail} if error.detail else {}) | error.more
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


def install_problems(api: FastAPI) -> None:
    """Make every error of this application a problem, validation and unknown paths included."""

    async def from_problem(_: Request, error: Exception) -> Response:
        return problem(cast(ProblemError, error))

    async def from_validation(_: Request, error: Exception) -> Response:
        errors = cast(RequestValidationError, error).errors()
        fields = [_fault(one) for one in errors]
        return problem(ProblemError(422, "invalid", "Some fields are not as described.", errors=fields))

    async def from_http(_: Request, error: Exception) -> Response:
        refused = cast(HTTPException, error)
        code = {404: "not_found", 405: "method_not_allowed"}.get(refused.status_code, "refused")
        return problem(ProblemError(refused.status_code, code, str(refused.detail), headers=refused.headers))

    async def from_transient(_: Request, __: Exception) -> Response:
        return problem(ProblemError(503, "not_available", "Try again in a moment.", headers={"Retry-After": "2"}))

    async def from_fault(_: Request, __: Exception) -> Response:
        return problem(ProblemError(500, "internal_error"))  # and Starlette raises it on, for the log

    api.add_exception_handler(ProblemError, from_problem)
    api.add_exception_handler(RequestValidationError, from_validation)
    api.add_exception_handler(HTTPException, from_http)
    api.add_exception_handler(TransientError, from_transient)
    api.add_exception_handler(Exception, from_fault)


def _fault(error: Mapping[str, Any]) -> dict[str, str]:
    """Where it is wrong and what it should be; of what is no JSON, why it is none."""
    reason = error["ctx"]["error"] if error["type"] == "json_invalid" else error["msg"]
    return {"field": ".".join(str(part) for part in error["loc"]), "reason": reason}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a role, and a fingerprint of the key for the audit trail."""

    role: str
    key_id: str

    @property
    def name(self) -> str:
        return f"{self.role}:{self.key_id}"


class Keys:
    """Bearer keys by role (keys.py)."""

    def __init__(self, text: str, file: Path | None = None) -> None:
        self._book = KeyBook(text, file)

    def caller(self, authorization: str | None) -> Caller | None:
        """Who holds this `Authorization` header's key."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return None
        found = self._book.role_of(key.strip())
        return None if found is None else Caller(*found)

    def check(self, authorization: str | None, *roles: str) -> Caller:
        """Raises ProblemError 401 for no or a wrong key, 403 for another role."""
        caller = self.caller(authorization)
        if caller is None:
            raise ProblemError(
                401, "no_valid_key", "Send Authorization: Bearer KEY.", headers={"WWW-Authenticate": "Bearer"}
            )
        if caller.role not in roles:
            raise ProblemError(403, "wrong_role", f"This asks for the role {' or '.join(roles)}.")
        return caller


class Requires(SecurityBase):
    """A FastAPI dependency: the caller, who must hold one of these roles. OpenAPI says where it is asked for."""

    def __init__(self, keys: Keys, *roles: str) -> None:
        self._keys, self._roles = keys, roles
        self.model, self.scheme_name = HTTPBearer(), BEARER

    async def __call__(self, request: Request) -> Caller:
        return self._keys.check(request.headers.get("authorization"), *self._roles)


class _SaidOnce(Request):
    """A request whose JSON says each thing once: of a repeated key nobody could tell which one was meant."""

    async def json(self) -> Any:
        return json.loads(await self.body(), object_pairs_hook=_each_once)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise json.JSONDecodeError("A key is repeated", "", 0)
    return value


class KeyFirst(APIRoute):
    """A route that asks for the key first: FastAPI parses the body before any dependency, and answers for it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        asked = [one.call for one in self.dependant.dependencies if isinstance(one.call, Requires)]

        async def key_first(request: Request) -> Response:
            for caller in asked:
                await caller(request)
            return await answer(_SaidOnce(request.scope, request.receive))

        return key_first


class Reasoned(BaseModel):
    """The body of every action of staff and operators."""

    model_config = ConfigDict(frozen=True)

    reason: str = Field(min_length=1, max_length=1000)


def unknown_cursor() -> ProblemError:
    return ProblemError(422, "unknown_cursor", "Use `next` as it was given.")


@dataclass(frozen=True, slots=True)
class Page:
    """`?limit=&after=` of a list."""

    limit: int = 100
    after: str | None = None

    @property
    def cursor(self) -> Any:
        """What the last page's `next` held. Raises ProblemError 422 for one that we did not give."""
        if self.after is None:
            return None
        try:
            return orjson.loads(urlsafe_b64decode(self.after.encode()))
        except ValueError:
            raise unknown_cursor() from None

    @property
    def id(self) -> str | None:
        """The cursor of a list that is ordered by id. Raises ProblemError 422 for another list's."""
        given = self.cursor
        if given is not None and not isinstance(given, str):
            raise unknown_cursor()
        return given

    @property
    def number(self) -> int:
        """The cursor of a list that is ordered by number; 0 at its beginning. ProblemError 422 for another list's."""
        given = 0 if self.after is None else self.cursor
        if not isinstance(given, int) or not 0 <= given < 2**63:
            raise unknown_cursor()
        return given

    @property
    def moment(self) -> tuple[datetime, str] | None:
        """The cursor of a list that is ordered by time and id. Raises ProblemError 422 for another list's."""
        if (given := self.cursor) is None:
            return None
        try:
            moment, id_ = datetime.fromisoformat(given[0]), str(given[1])
            if moment.tzinfo is not None:
                moment = moment.astimezone(UTC)
        except (TypeError, ValueError, LookupError, OverflowError):  # or its offset leads out of the calendar
            raise unknown_cursor() from None
        if moment.tzinfo is None:
            raise unknown_cursor()
        return moment, id_

    @property
    def to_read(self) -> int:
        """How many rows to ask for: one more than are shown tells whether there is a next page."""
        return self.limit + 1

    def cut(self, rows: list[Row]) -> tuple[list[Row], Row | None]:
        """The rows of this page, and the last of them where more were read: what `next` is made of."""
        shown = rows[: self.limit]
        return shown, shown[-1] if len(rows) > self.limit else None


async def page(
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many items")] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before, as it was given")] = None,
) -> Page:
    """A FastAPI dependency that reads `limit` and `after`."""
    return Page(limit, after or None)


def cursor(value: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(value)).decode()


def listing(items: Sequence[Any], next_value: Any | None) -> dict[str, Any]:
    """The form of every list: {"items": […], "next": cursor or null}."""
    return {"items": list(items), "next": None if next_value is None else cursor(next_value)}
