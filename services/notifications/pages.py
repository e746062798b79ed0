"""Pages for educators: progress, stopping reminders. HTML without scripts; nothing of it is kept or told to others."""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notifications import words

FOLDER = Path(__file__).with_name("templates") / "pages"
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
}


def page(name: str, status: int = 200, **given: Any) -> HTMLResponse:
    return HTMLResponse(_pages().get_template(f"{name}.html").render(given), status, headers=HEADERS)


@cache
def _pages() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"clock_hours": words.clock_hours, "day": words.day}
    return pages
