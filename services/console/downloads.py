"""Files that staff take away, as clockhours makes them: an educator's transcript, the year's export."""

import re

from fastapi.responses import Response

from eventing.http import ProblemError
from services.console.asked import Asked, Console
from services.console.neighbours import path

TRANSCRIPT_SECONDS, EXPORT_SECONDS = 20, 60
PLAIN = re.compile(r"[A-Za-z0-9._-]+")


async def transcript(console: Console, asked: Asked) -> Response:
    """The transcript as PDF, as clockhours issues it."""
    refusals = {404: "Nothing is known of this educator.", 410: "This educator's personal data was erased."}
    at = path("educators", asked.parts["id"]) + "/transcript.pdf"
    return await _file(console, at, "transcript.pdf", "application/pdf", TRANSCRIPT_SECONDS, refusals)


async def export(console: Console, asked: Asked) -> Response:
    """The year's ledger as CSV, for the state."""
    file = f"{asked.parts['program_year']}.csv"
    name = file if PLAIN.fullmatch(file) else "export.csv"  # a header takes no quotes, and nothing beyond ASCII
    refusals = {404: "No programme year of this id is loaded or in the ledger."}
    return await _file(console, path("exports", file), name, "text/csv; charset=utf-8", EXPORT_SECONDS, refusals)


async def _file(
    console: Console, at: str, name: str, media_type: str, seconds: float, refusals: dict[int, str]
) -> Response:
    answer = await console.neighbours["clockhours"].ask("GET", at, "staff", seconds=seconds)
    if answer.status != 200:
        raise ProblemError(answer.status, "no_file", refusals.get(answer.status, f"clockhours made no {name}."))
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(answer.body, media_type=media_type, headers=headers)
