"""What the verbs of staff print: whole, in the programme's own time, and nothing but JSON where JSON is asked for."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.wea.conftest import wea

EVENING = "2024-03-13T00:30:00Z"  # the 12th in Washington
CASE = {
    "exception_id": "x1", "kind": "late_attempt", "educator_id": "E-1", "micro_credential_id": "NEA_TRA1",
    "session_id": None, "submission_id": "S-1", "attempt": 1, "status": "open", "opened_at": EVENING,
}  # fmt: skip
ENTRY = {
    "granted_at": EVENING, "kind": "orientation", "micro_credential_id": None, "session_id": "O-1", "minutes": 90,
    "reverses": None,
}  # fmt: skip
MESSAGE = {"message_id": "m-1", "created_at": EVENING, "kind": "welcome", "status": "sent", "subject": "Welcome, Rosa"}
FOUND = {"educator_id": "E-1", "name": "Rosa [b]", "email": "rosa@example.org", "nea_member_id": None, "alias_of": None}
PROFILE = {"name": "Rosa", "email": "rosa@example.org"}


class Services:
    """Answers as the services do, from memory. `asked`: what was looked for; `posted`: what was done."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.posted: list[tuple[str, Any]] = []

    def find(self, _: str, path: str, role: str = "staff") -> Any:
        return None if path != "/educators/E-1" else {"educator_id": "E-1", "profile": PROFILE, "aliases": []}

    def get(self, *_: Any, **__: Any) -> Any:
        return {"total_minutes": 90, "entries": [ENTRY], "held": [], "exceptions": [CASE]}

    def items(self, _: str, path: str, **query: Any) -> Any:
        if path == "/educators":
            self.asked.append(query)
            return iter([FOUND])
        return iter([CASE if path == "/exceptions" else MESSAGE])

    def post(self, _: str, path: str, body: Any) -> Any:
        again = (path, body) in self.posted
        self.posted.append((path, body))
        return {"status": "sent" if again else "queued"}


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    made = Services()
    monkeypatch.setattr("wea.verbs_staff.running", lambda _: nullcontext(made))
    return made


@pytest.mark.usefixtures("services")
def test_days_and_times_are_those_of_the_programme() -> None:
    """A session of the evening of March 12 is not granted on the 13th, by anybody's clock but Greenwich's."""
    shown = wea("educator", "show", "E-1").stdout
    assert "2024-03-12  orientation" in shown
    assert "2024-03-12 17:30 welcome sent: Welcome, Rosa" in shown
    assert "2024-03-12  late_attempt" in wea("exception", "list").stdout


def test_the_gallery_of_mails_says_json_and_nothing_else_wherever_one_stands(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = wea("mail", "preview", str(tmp_path / "gallery"), "--json")
    assert json.loads(done.stdout) == {"index": f"{tmp_path}/gallery/index.html"}
    assert wea("mail", "preview", str(tmp_path / "gallery")).stdout == f"{tmp_path}/gallery/index.html\n"
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ("rosa@example.org", [{"email": "rosa@example.org"}]),
        ("Rosa", [{"name": "Rosa"}, {"nea_member_id": "Rosa"}]),
        ("E-1", [{"name": "E-1"}, {"nea_member_id": "E-1"}]),
    ],
)
def test_an_educator_is_found_by_what_staff_know_of_her(
    services: Services, wanted: str, asked: list[dict[str, Any]]
) -> None:
    said = wea("educator", "find", wanted).stdout
    assert services.asked == asked
    assert said.count("E-1") == 1  # by her id and by her name, and yet once
    assert "rosa@example.org" in said


def test_a_mail_is_sent_again_by_the_id_that_show_tells(services: Services) -> None:
    assert "Welcome, Rosa  m-1" in wea("educator", "show", "E-1").stdout
    assert "will be sent again" in wea("mail", "resend", "m-1", "--reason", "she lost it").stdout
    assert services.posted == [("/messages/m-1/resend", {"reason": "she lost it"})]
    assert "Nothing changed" in wea("mail", "resend", "m-1", "--reason", "she lost it").stdout
