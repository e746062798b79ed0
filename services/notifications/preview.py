"""The gallery: every message with example data, on one page. `python -m services.notifications.preview OUTDIR`."""

import html
import sys
from collections.abc import Iterator
from pathlib import Path

from contracts import program
from contracts.program import Programs
from services.notifications import examples, letters, rendering, staff
from services.notifications.rendering import Links, Rendered
from services.notifications.scene import Letter
from services.notifications.state import Kind

PROGRESS = "https://notifications.example.org/progress/example"
UNSUBSCRIBE = "https://notifications.example.org/unsubscribe/example"


def letters_of(programs: Programs) -> Iterator[Letter]:
    """One letter of each kind."""
    for scene in examples.scenes(programs):
        yield letters.write(scene)
    yield from staff.examples(programs)


def rendered(programs: Programs) -> dict[Kind, Rendered]:
    return {letter.kind: rendering.render(letter, _links(letter.kind)) for letter in letters_of(programs)}


def _links(kind: Kind) -> Links:
    if kind.is_for_staff:
        return Links()
    return Links(PROGRESS, UNSUBSCRIBE if kind.is_reminder else None)


def snapshot(message: Rendered) -> str:
    """What a message says, as it is kept beside its template: the subject and the text part."""
    return f"Subject: {message.subject}\n\n{message.text}"


def write_snapshots(programs: Programs) -> None:
    for kind, message in rendered(programs).items():
        (rendering.FOLDER / f"{kind}.snapshot.txt").write_text(snapshot(message), encoding="utf-8")


def write(folder: Path, programs: Programs) -> Path:
    """Write each message as KIND.html and KIND.txt, and index.html that shows them all. Returns the index."""
    folder.mkdir(parents=True, exist_ok=True)
    messages = rendered(programs)
    for kind, message in messages.items():
        (folder / f"{kind}.html").write_text(message.html, encoding="utf-8")
        (folder / f"{kind}.txt").write_text(snapshot(message), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(_index(messages), encoding="utf-8")
    return index


def _index(messages: dict[Kind, Rendered]) -> str:
    parts = [_PAGE]
    parts += [f"<nav><ul>{''.join(f'<li><a href=#{k}>{k}</a></li>' for k in messages)}</ul></nav>"]
    for kind, message in messages.items():
        frames = "".join(
            f'<figure><iframe title="{kind}, {scheme}, {width}" src="{kind}.html" width="{width}" height="720" '
            f'style="color-scheme:{scheme}" loading="lazy"></iframe>'
            f"<figcaption>{scheme}, {width} px</figcaption></figure>"
            for scheme, width in (("light", 640), ("dark", 640), ("light", 360), ("dark", 360))
        )
        text = f"<details><summary>Text part</summary><pre>{html.escape(message.text)}</pre></details>"
        subject = html.escape(message.subject)
        parts.append(f'<section id="{kind}"><h2>{kind}</h2><p>Subject: <b>{subject}</b></p>{frames}{text}</section>')
    return "\n".join(parts)


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Messages</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1360px; padding: 0 1rem; }
nav ul { columns: 4 12rem; padding: 0; list-style: none; } figure { display: inline-block; margin: 0 1rem 1rem 0; }
iframe { border: 1px solid #999; border-radius: 4px; } pre { white-space: pre-wrap; max-width: 46rem; }
</style><h1>Every message, with example data</h1>"""


def main(arguments: list[str] | None = None) -> int:
    """Write the gallery. `arguments`: the folder, and where the programme files are (programs/ unless told).

    With --snapshots: write down beside the templates how each message reads now.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--snapshots"]:
        write_snapshots(program.load("programs"))
        return 0
    if not 1 <= len(given) <= 2:
        sys.stderr.write("Say where: python -m services.notifications.preview FOLDER [PROGRAMS]\n")
        return 2
    index = write(Path(given[0]), program.load(given[1] if len(given) == 2 else "programs"))
    sys.stdout.write(f"{index}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
