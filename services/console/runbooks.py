"""The runbooks of docs/runbooks/, beside what they mend."""

from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from eventing.http import ProblemError
from services.console.asked import Asked, Console
from services.console.state import JsonObject

PACKAGE = Path(__file__).parent
# A wheel carries them beside this module; in a checkout they lie in docs/.
FOLDERS = (PACKAGE / "runbooks", PACKAGE.parent.parent / "docs" / "runbooks")
MARKDOWN = MarkdownIt("commonmark", {"html": False})


def files() -> dict[str, Path]:
    return {file.stem: file for folder in reversed(FOLDERS) for file in folder.glob("*.md")}


async def runbook(console: Console, asked: Asked) -> JsonObject:
    """What an alert means, how to look, how to mend: one page each."""
    file = files().get(asked.parts["runbook"])
    if file is None:
        raise ProblemError(404, "not_found", "There is no such runbook.")
    text = file.read_text()
    return {"runbook": file.stem, "text": text, "page": Markup(MARKDOWN.render(text)), "all": sorted(files())}  # noqa: S704
