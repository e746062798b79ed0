"""Every verb has --help, and --json where it prints."""

from collections.abc import Iterator
from contextlib import nullcontext
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.wea.conftest import failed_with_a_sentence, wea
from wea.cli import app
from wea.state import State


def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for each, one in below.items():
        yield from leaves(one, f"{name} {each}")


VERBS = dict(leaves(typer.main.get_command(app), "wea"))


def test_the_verbs_are_found() -> None:
    assert {"wea up", "wea env", "wea clock set", "wea parked skip"} <= VERBS.keys()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_help_and_json(verb: str) -> None:
    options = {option for parameter in VERBS[verb].params for option in parameter.opts}
    assert VERBS[verb].help
    assert "--json" in options


KEY, DETAIL = "E-[/1] " + "x" * 60, "field [red] is required [/]"


@pytest.mark.parametrize("verb", ["parked", "quarantine"])
def test_a_service_that_is_away_is_said_beside_an_empty_list(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Console:
        def get(self, *_: Any, **__: Any) -> Any:
            return {"items": [], "away": ["enrollment"]}

    monkeypatch.setattr("wea.verbs_console.running", lambda _: nullcontext(Console()))
    said = wea(verb, "list").stdout
    assert "enrollment does not answer" in said
    assert " in those that answer." in said, "of the one that does not nobody knows"


@pytest.mark.parametrize("verb", ["skip", "edit"])
def test_a_parked_record_that_is_taken_out_or_edited_can_be_named(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, Any] = {}

    class Console:
        def post(self, _service: str, _path: str, body: dict[str, Any], _role: str) -> Any:
            said.update(body)
            return {"done": "Done.", "ok": True, "dry_run": False}

    monkeypatch.setattr("wea.verbs_console.running", lambda _: nullcontext(Console()))
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"{}")))
    more = ["--data", "-"] if verb == "edit" else []
    done = wea("parked", verb, "clockhours", "E-1", "--event-id", "w1", "--reason", "x", *more)
    assert (done.returncode, said.get("event_id")) == (0, "w1"), done.stderr


def test_a_lag_that_is_old_because_kafka_is_away_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Console:
        def get(self, *_: Any, **__: Any) -> Any:
            row = {"group": "enrollment", "topic": "wea.portal.v1", "lag": 0, "oldest_seconds": 0}
            return {"items": [row], "kafka_away": True}

    monkeypatch.setattr("wea.verbs_console.running", lambda _: nullcontext(Console()))
    assert "Kafka does not answer: shown as it was last seen." in wea("lag").stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"name": "Peña"}'.encode("latin-1"), "is not JSON"),
        (b"{", "is not JSON"),
        ('{"name": "Peña"}'.encode("utf-8-sig"), "nothing runs"),
        ('{"name": "Peña"}'.encode("utf-16"), "nothing runs"),
    ],
)
def test_the_data_of_an_edit_is_read_in_any_encoding_of_json_or_refused_in_a_sentence(
    content: bytes, said: str, tmp_path: Path
) -> None:
    State(tmp_path / "state").create()
    file = tmp_path / "data.json"
    file.write_bytes(content)
    options = ["--data", str(file), "--reason", "x", "--state", str(tmp_path / "state")]
    assert said in failed_with_a_sentence(wea("parked", "edit", "clockhours", "E-1", *options))


class Console:
    """Answers as the console does of a key and a reason that look like markup."""

    def get(self, _: str, path: str, *__: str, **___: Any) -> Any:
        reason = {"code": "invalid", "detail": DETAIL}
        head = {"key": KEY, "type": "t[/b]", "event_id": "e[/i]", "place": "p-1-1", "parked_at": "now", "at": "now"}
        group = {"service": "clockhours", "fingerprint": "0123456789ab", "reason": reason, "lanes": 1, "records": 1}
        if path.endswith("by-key"):
            return {"head": head | {"reason": reason, "value": {}}, "behind": []}
        return {"items": [head | group | {"heads": [head]}], "away": []}

    def post(self, *_: Any) -> Any:
        return {"ok": True, "dry_run": False, "done": f"1 applied under {KEY}: {DETAIL}", "events": ["[/x]"]}


@pytest.mark.parametrize(
    ("verb", "whole"),
    [
        (("tail",), (KEY, "t[/b]")),
        (("timeline", "E-1"), (KEY, "t[/b]")),
        (("parked", "list"), (KEY, DETAIL, "0123456789ab")),
        (("parked", "show", "clockhours", KEY), (DETAIL, "e[/i]")),
        (("parked", "retry", "clockhours", KEY, "--reason", "x"), (KEY, DETAIL, "[/x]")),
    ],
)
def test_what_others_wrote_is_shown_whole_and_never_read_as_markup(
    verb: tuple[str, ...], whole: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wea.verbs_console.running", lambda _: nullcontext(Console()))
    monkeypatch.setenv("COLUMNS", "80")
    said = wea(*verb).stdout
    assert [text for text in whole if text not in said] == []


def test_following_shows_every_record_though_more_come_in_a_second_than_it_began_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Console:
        records = 10

        def get(self, *_: Any, limit: int, **__: Any) -> Any:
            if self.records > 100:
                raise KeyboardInterrupt
            here, self.records = self.records, self.records + 60
            newest = range(here - 1, max(-1, here - 1 - limit), -1)
            return {"items": [{"place": f"place-{n:03}", "at": "now", "type": "t", "key": "k"} for n in newest]}

    monkeypatch.setattr("wea.verbs_console.running", lambda _: nullcontext(Console()))
    monkeypatch.setattr("wea.verbs_console.FOLLOW_SECONDS", 0)
    said = wea("tail", "--follow", "--limit", "5").stdout
    assert [n for n in range(5, 70) if f"place-{n:03}" not in said] == []
    assert "place-004" not in said
