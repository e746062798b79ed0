"""From a letter to its words: subject, text and HTML.

MJML is compiled once, with Jinja's marks still in it; what people have typed meets only the compiled HTML, where all of
it is escaped. The text parts are templates of their own, not stripped HTML.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mrml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.notifications import words
from services.notifications.scene import Letter
from services.notifications.state import Kind

FOLDER = Path(__file__).with_name("templates")
SLOT = "<!-- content -->"
_INDENTED = re.compile(r"\s*\n\s*")  # nothing here is preformatted: a tenth of each mail would be indentation


@dataclass(frozen=True, slots=True)
class Links:
    """The personal links of one e-mail; a reminder has one to stop reminders."""

    progress: str | None = None
    unsubscribe: str | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


def render(letter: Letter, links: Links) -> Rendered:
    """Raises jinja2.TemplateError where a template names what the letter has not."""
    given: dict[str, Any] = {
        "first_name": letter.first_name,
        "program": letter.program,
        "about": letter.about,
        "contact": letter.contact,
        "action": letter.action,
        "checklists": letter.checklists,
        "progress_url": links.progress,
        "unsubscribe_url": links.unsubscribe,
    }
    text, html = _templates(letter.kind)
    subject = _one_line("".join(text.blocks["subject"](text.new_context(given))))
    written = _tidy(text.render(given))
    given |= {"subject": subject, "preheader": _preheader(written, greeted=bool(letter.first_name))}
    return Rendered(subject, written, html.render(given))


def _preheader(text: str, *, greeted: bool) -> str:
    """What a mailbox shows beside the subject: the first paragraph after the greeting."""
    paragraphs = text.split("\n\n", 2)
    return words.shortened(paragraphs[min(int(greeted), len(paragraphs) - 1)], 160)


def subject(letter: Letter) -> str:
    text, _ = _templates(letter.kind)
    given: Mapping[str, Any] = {"first_name": letter.first_name, "program": letter.program, "about": letter.about}
    return _one_line("".join(text.blocks["subject"](text.new_context(dict(given)))))


@cache
def _templates(kind: Kind) -> tuple[Template, Template]:
    text, html = _environments()
    return text.get_template(f"{kind}.txt"), html.from_string(_compiled(kind))


@cache
def _environments() -> tuple[Environment, Environment]:
    loader = FileSystemLoader(FOLDER)
    # Plain text has nothing to escape; the HTML environment escapes everything.
    text = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    html = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    for environment, pieces in ((text, "_pieces.txt"), (html, "_pieces.html")):
        environment.filters |= _FILTERS
        environment.globals["pieces"] = environment.get_template(pieces).module
    return text, html


def _compiled(kind: Kind) -> str:
    layout = (FOLDER / "_layout.mjml").read_text(encoding="utf-8")
    content = (FOLDER / f"{kind}.mjml").read_text(encoding="utf-8")
    # No fonts: mrml would have every mail fetch Roboto, which our stack names, from Google.
    made: str = mrml.to_html(layout.replace(SLOT, content), render_options=mrml.RenderOptions(fonts={})).content
    return _INDENTED.sub("\n", made)


def _one_line(text: str) -> str:
    return words.shortened(text, 200)


def _tidy(text: str) -> str:
    """At most one empty line in a row."""
    lines: list[str] = []
    for line in (line.rstrip() for line in text.strip().splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"


def _shown(url: str) -> str:
    """An address as people read it: without its scheme."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}".rstrip("/")


def _sentence(text: str) -> str:
    """With a capital at its start, and nothing else changed: NEA stays NEA."""
    return text[:1].upper() + text[1:]


_FILTERS: Mapping[str, Callable[..., str]] = {
    "clock_hours": words.clock_hours,
    "day": words.day,
    "sentence": _sentence,
    "shown": _shown,
}
