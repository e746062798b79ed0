"""HTTP in: check, call, answer."""

from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from contracts.fields import Name, Reason
from contracts.kinds import ExceptionKind, ExceptionStatus
from contracts.program import Programs
from eventing.admin import build_api as build_common
from eventing.http import Caller, Keys, Page, ProblemError, Requires, cursor, page
from eventing.service import Service
from services.clockhours import books, export, staff, transcript, views
from services.clockhours.answers import BooksView, ClockHoursView, ExceptionsPage, ExceptionView, TranscriptView
from services.clockhours.state import Verdict


class Ruling(BaseModel):
    """Who decided, and why."""

    model_config = ConfigDict(frozen=True)

    by: Name
    reason: Reason


def build_api(service: Service, keys: Keys, programs: Programs) -> FastAPI:
    """Everything that section 6 of the design promises of clockhours, and the books."""
    api = build_common(service, keys, title="WEA clock hours: the ledger")
    _educators(api, service, keys, programs)
    _exceptions(api, service, keys, programs)
    _exports(api, service, keys, programs)
    return api


def _educators(api: FastAPI, service: Service, keys: Keys, programs: Programs) -> None:
    Reader = Annotated[Caller, Depends(Requires(keys, "portal", "staff"))]  # noqa: N806
    database, clock = service.database, service.clock

    @api.get("/educators/{educator_id:path}/clock-hours", tags=["educators"])
    async def clock_hours(educator_id: str, _: Reader) -> ClockHoursView:
        """Hours granted, hours held and why. 200 with zeros for an id never seen."""
        return await views.clock_hours(database, educator_id, programs, clock())

    @api.get("/educators/{educator_id:path}/transcript", tags=["educators"])
    async def transcript_json(educator_id: str, _: Reader) -> TranscriptView:
        """The current transcript: issued anew, with a new number, when the record says something else than before."""
        return await transcript.issue(database, educator_id, programs, clock())

    @api.get(
        "/educators/{educator_id:path}/transcript.pdf",
        tags=["educators"],
        response_class=Response,
        responses={200: {"content": {"application/pdf": {}}}},
    )
    async def transcript_pdf(educator_id: str, _: Reader) -> Response:
        """The same, to print and sign."""
        issued = await transcript.issue(database, educator_id, programs, clock())
        headers = {
            "Content-Disposition": f'inline; filename="transcript-{issued.number}.pdf"',
            "Cache-Control": "no-store",
        }
        return Response(await transcript.pdf(issued, programs), media_type="application/pdf", headers=headers)


def _exceptions(api: FastAPI, service: Service, keys: Keys, programs: Programs) -> None:
    Staff = Annotated[Caller, Depends(Requires(keys, "staff"))]  # noqa: N806
    database, clock = service.database, service.clock

    @api.get("/exceptions", tags=["exceptions"])
    async def exceptions(
        _: Staff,
        at: Annotated[Page, Depends(page)],
        status: Annotated[ExceptionStatus | None, Query()] = None,
        kind: Annotated[ExceptionKind | None, Query()] = None,
        educator_id: Annotated[str | None, Query()] = None,
    ) -> ExceptionsPage:
        """Cases for staff, the oldest first. An educator's are those of all accounts that are this educator."""
        items, after = await views.exceptions(
            database, at, status=status, kind=kind, educator_id=educator_id, now=clock()
        )
        return ExceptionsPage(items=tuple(items), next=None if after is None else cursor(after))

    @api.post("/exceptions/{exception_id}/accept", tags=["exceptions"])
    async def accept(exception_id: str, body: Ruling, caller: Staff) -> ExceptionView:
        """Count a late attempt as on time. 409 for every other kind, and after the opposite verdict."""
        return await _rule(exception_id, ExceptionStatus.ACCEPTED, body, caller)

    @api.post("/exceptions/{exception_id}/dismiss", tags=["exceptions"])
    async def dismiss(exception_id: str, body: Ruling, caller: Staff) -> ExceptionView:
        """Leave it as it is: somebody has looked. 409 after the opposite verdict."""
        return await _rule(exception_id, ExceptionStatus.DISMISSED, body, caller)

    async def _rule(exception_id: str, status: ExceptionStatus, body: Ruling, caller: Caller) -> ExceptionView:
        verdict = Verdict(exception_id, status)
        return await staff.rule(database, programs, clock(), verdict, by=body.by, reason=body.reason, caller=caller)


def _exports(api: FastAPI, service: Service, keys: Keys, programs: Programs) -> None:
    Staff = Annotated[Caller, Depends(Requires(keys, "staff"))]  # noqa: N806
    Operator = Annotated[Caller, Depends(Requires(keys, "operator"))]  # noqa: N806
    database = service.database

    @api.get(
        "/exports/{program_year}.csv",
        tags=["exports"],
        response_class=Response,
        responses={200: {"content": {"text/csv": {}}}},
    )
    async def year(program_year: str, _: Staff, bom: Annotated[bool, Query()] = False) -> StreamingResponse:
        """The year's ledger for the state, as CSV. `bom=true` adds the byte order mark that Excel asks for."""
        if programs.year(program_year) is None and not await export.has_entries(database, program_year):
            raise ProblemError(404, "not_found", "No programme year of this id is loaded or in the ledger.")
        known = programs.year(program_year)
        name = known.id if known and known.id.isascii() else "export"
        return StreamingResponse(
            export.rows(database, program_year, programs, bom=bom),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="clock-hours-{name}.csv"'},
        )

    @api.get("/admin/books", tags=["operators"])
    async def check(_: Operator, at: Annotated[Page, Depends(page)], request: Request) -> BooksView:
        """Recompute the books and say what is wrong with them: of all educators, or with `limit` a page of them."""
        most = at.limit if "limit" in request.query_params else None
        view, more = await books.check(database, programs, service.clock(), after=at.id or "", most=most)
        return view.model_copy(update={"next": None if more is None else cursor(more)})
