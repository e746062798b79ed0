"""How messages and pages look and read: snapshots of the words, and a browser's word on the rest."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from services.notifications import checklist, examples, letters, pages, preview, rendering, views
from services.notifications.rendering import Links
from services.notifications.scene import Seat
from services.notifications.standing import Group
from services.notifications.state import Kind
from services.notifications.views import Progress
from tests.notifications.builders import NOON, PROGRAMS, YEAR

TEMPLATES = Path(rendering.FOLDER)
CHROMIUM = shutil.which("chromium")


@pytest.mark.parametrize("kind", Kind)
def test_each_message_reads_as_its_snapshot_beside_the_template_says(kind: Kind) -> None:
    """After a wanted change: `python -m services.notifications.preview --snapshots`."""
    kept = (TEMPLATES / f"{kind}.snapshot.txt").read_text(encoding="utf-8")
    assert preview.snapshot(preview.rendered(PROGRAMS)[kind]) == kept


@pytest.mark.parametrize("kind", Kind)
def test_text_and_html_say_the_same(kind: Kind) -> None:
    """Each word of the text part that is not a mere frame is in the HTML, too."""
    message = preview.rendered(PROGRAMS)[kind]
    shown = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", message.html)))
    said = set(re.findall(r"[A-Za-z]{4,}", message.text.split("\n--\n")[0]))
    missing = said - set(re.findall(r"[A-Za-z]{4,}", shown)) - {"https", "portal", "mailto", "courses"}
    assert missing - set(re.findall(r"[A-Za-z]{4,}", message.html)) == set()


@pytest.mark.parametrize("kind", Kind)
def test_only_reminders_offer_to_stop_reminders(kind: Kind) -> None:
    message = preview.rendered(PROGRAMS)[kind]
    assert (preview.UNSUBSCRIBE in message.html) == kind.is_reminder
    assert (preview.UNSUBSCRIBE in message.text) == kind.is_reminder


@pytest.mark.parametrize("kind", Kind)
def test_opening_a_message_fetches_nothing_from_anywhere(kind: Kind) -> None:
    """No font, picture, style sheet or script: nobody hears of it when an educator reads her mail."""
    html = preview.rendered(PROGRAMS)[kind].html
    assert re.findall(r"<(?:link|img|script|iframe|base|object|video|source)\b|@import|url\(|\bsrc=", html) == []


def test_the_gallery_shows_every_message(tmp_path: Path) -> None:
    assert preview.main([str(tmp_path), "programs"]) == 0
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert all(f'src="{kind}.html"' in index for kind in Kind)


def progress_page() -> str:
    """The page of an educator who has some of everything."""
    scene = next(s for s in examples.scenes(PROGRAMS) if s.message.kind is Kind.SESSION_REMINDER)
    group = Group(scene.group.members)
    assert YEAR is not None
    online = f"https://meetings.example.org/join/{'19a' * 60}"  # as the portal has it for a session online
    seat = Seat(replace(examples.WORKSHOP, location=online), 0, cancelled=False, calendar_of="E-1")
    eligible = [entry.id for entry in YEAR.micro_credentials if entry.eligible][:3]
    lists = [checklist.of(id_, group, examples.SESSIONS, PROGRAMS, NOON) for id_ in eligible]
    shown = Progress(
        "Rosa", YEAR, "Tuesday, March 5, 2024", tuple(lists), checklist.next_action(lists[0], "https://x.example.org"),
        "18 clock hours", tuple(views.designations(group, PROGRAMS)), 1, (views.coming(seat, YEAR),), (seat,), "E-1",
        "Tuesday, April 2, 2024, 12:00 PM",
    )  # fmt: skip
    return bytes(pages.page("progress", shown=shown, token="t", stop_url="https://x.example.org/s").body).decode()


def test_axe_finds_nothing_on_the_pages_for_educators_and_progress_prints_on_one(tmp_path: Path) -> None:
    """In a process of its own: playwright's loop and ours do not go together."""
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    (tmp_path / "progress.html").write_text(progress_page(), encoding="utf-8")
    for name in ("gone", "unknown", "unsubscribe"):
        (tmp_path / f"{name}.html").write_bytes(bytes(pages.page(name, program=YEAR, done=None).body))
    messages = preview.rendered(PROGRAMS)
    (tmp_path / "mail.html").write_text(messages[Kind.HOURS_HELD].html, encoding="utf-8")
    looked = subprocess.run(
        [sys.executable, "-m", "tests.notifications.looking", CHROMIUM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert len(PdfReader(BytesIO((tmp_path / "progress.pdf").read_bytes())).pages) == 1


def test_why_a_session_is_cancelled_is_said_in_a_line_of_its_own() -> None:
    """Whoever types a reason seldom ends it with a full stop."""
    scene = next(s for s in examples.scenes(PROGRAMS) if s.message.kind is Kind.SESSION_CANCELLED)
    sessions = {id_: replace(session, reason="snow") for id_, session in scene.sessions.items()}
    message = rendering.render(letters.write(replace(scene, sessions=sessions)), Links(preview.PROGRESS))
    assert "\n  Why:   snow\n" in message.text
    assert "<td>snow</td>" in message.html


def test_links_are_escaped_where_they_stand() -> None:
    letter = next(preview.letters_of(PROGRAMS))
    html = rendering.render(letter, Links('https://x.example.org/"><script>', None)).html
    assert "<script>" not in html
