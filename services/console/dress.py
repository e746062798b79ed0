"""Views as pages: the templates, and how times, hours and ids are written in them."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import jinja2
import orjson
from markupsafe import Markup, escape

from contracts.hours import shown
from services.console.reasons import CASES

HERE = Path(__file__).parent
STATIC = HERE / "static"


class Dress:
    """Renders templates. Times are shown in the programme's zone, with UTC beside them for whoever points there."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # a look at every file for every page costs more than the page
        )
        self._templates.filters.update(
            when=self.when, hours=hours, age=age, plain=plain, short=short, pretty=pretty, q=quoted, words=words
        )
        self._templates.globals.update(bars=bars, token=lambda: secrets.token_urlsafe(12), cases=CASES, zone=zone.key)

    def page(self, template: str, **content: Any) -> str:
        return self._templates.get_template(template).render(**content)

    def when(self, moment: datetime | str | None, form: str = "%b %d, %Y %H:%M:%S") -> Markup:
        """A moment as a <time>. Text as services send it is read first."""
        if isinstance(moment, str):
            try:
                moment = datetime.fromisoformat(moment)
            except ValueError:
                return escape(moment)
        if moment is None:
            return Markup("–")
        utc = moment.isoformat()
        local = moment.astimezone(self._zone).strftime(form)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(utc, utc, local)


def hours(minutes: int | None) -> str:
    return "–" if minutes is None else shown(minutes)


def age(seconds: float | None) -> str:
    from services.console.policy import age as said

    return "–" if seconds is None else said(timedelta(seconds=seconds))


def plain(type: str) -> str:
    """`org.washingtonea.CredentialAwarded.v1` as people say it."""
    return type.removeprefix("org.washingtonea.").removesuffix(".v1")


def words(code: object) -> str:
    """`on_time_submission` as words."""
    return str(code).replace("_", " ").replace("micro credential", "micro-credential")


def short(text: str | None, length: int = 40) -> str:
    text = text or ""
    return text if len(text) <= length else text[: length - 1] + "…"


def pretty(content: Any) -> str:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z, default=str).decode()


def quoted(text: object) -> str:
    """For a part of a path or a query."""
    return quote(str(text), safe="")


def bars(values: list[int], width: int = 120, height: int = 24) -> Markup:
    """A sparkline: one bar a minute, as SVG without styles of its own."""
    most = max([1, *values])
    step = width / max(1, len(values))
    parts = [
        Markup('<rect x="{}" y="{}" width="{}" height="{}"/>').format(
            round(i * step, 2),
            round(height - height * value / most, 2),
            round(step * 0.8, 2),
            round(height * value / most, 2),
        )
        for i, value in enumerate(values)
        if value
    ]
    label = f"{sum(values)} in the last hour, at most {max([0, *values])} a minute"
    return Markup('<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, label, Markup("").join(parts)
    )


def security_headers() -> Mapping[str, str]:
    """Nothing from elsewhere, nothing inline, no framing."""
    return {
        "content-security-policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }
