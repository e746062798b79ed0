"""Programme time is moved for all processes at once, and only when that is meant."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.wea.conftest import FakeSystem, failed_with_a_sentence, wea
from wea.clock import ProgrammeClock
from wea.errors import UserError
from wea.state import State
from wea.times import duration, moment

LOCAL = ZoneInfo("America/Los_Angeles")


def clock(system: FakeSystem, *arguments: str) -> datetime:
    done = wea("clock", *arguments, "--json", "--state", str(system.state.path))
    assert done.returncode == 0, done.stderr
    return datetime.fromisoformat(json.loads(done.stdout)["now"])


def test_set_and_advance_return_when_every_process_has_the_time(steady: FakeSystem) -> None:
    clock(steady, "set", "2030-04-20T09:30:00Z")
    now = clock(steady, "advance", "3d")
    assert timedelta(0) <= now - datetime(2030, 4, 23, 9, 30, tzinfo=UTC) < timedelta(minutes=1)

    version = json.loads(steady.state.clock.read_text())["version"]
    acks = steady.state.path / "clock.json.acks"
    for process in steady.run().processes:
        if process.service is not None:
            assert int((acks / str(process.pid)).read_text()) == version


def test_each_of_several_advances_at_once_counts(steady: FakeSystem) -> None:
    began = clock(steady, "set", "2030-05-01T00:00:00Z")
    with ThreadPoolExecutor(8) as several:
        list(several.map(ProgrammeClock(steady.state).advance, [timedelta(hours=1)] * 24))
    assert timedelta(0) <= clock(steady, "advance", "0s") - began - timedelta(hours=24) < timedelta(minutes=1)


def test_backwards_needs_force(steady: FakeSystem) -> None:
    clock(steady, "set", "2031-01-01")
    state = str(steady.state.path)
    assert "--force" in failed_with_a_sentence(wea("clock", "set", "2030-12-31", "--state", state))
    assert clock(steady, "set", "2030-12-31", "--force").year == 2030


def test_production_refuses_to_move_time(steady: FakeSystem) -> None:
    state = str(steady.state.path)
    for verb in (["set", "2040-01-01"], ["advance", "1d"]):
        said = failed_with_a_sentence(wea("clock", *verb, "--state", state, WEA_ENV="production"))
        assert "production" in said


def test_the_demo_is_not_played_on_a_production_system_whose_time_is_past_it_already(steady: FakeSystem) -> None:
    said = failed_with_a_sentence(wea("demo", "--state", str(steady.state.path), WEA_ENV="production"))
    assert "not played in production" in said


@pytest.mark.parametrize(
    "verb",
    [
        ["set", "next tuesday"],
        ["set", "9999-01-01"],
        ["advance", "3 days"],
        ["advance", "999999w"],
        ["advance", "100000d"],
    ],
)
def test_what_is_no_time_is_said(steady: FakeSystem, verb: list[str]) -> None:
    failed_with_a_sentence(wea("clock", *verb, "--state", str(steady.state.path)))


def test_a_local_date_is_midnight_in_the_programmes_zone() -> None:
    assert moment("2024-04-27", LOCAL) == datetime(2024, 4, 27, 7, tzinfo=UTC)
    assert moment("2024-01-10T09:30", LOCAL) == datetime(2024, 1, 10, 17, 30, tzinfo=UTC)
    assert moment("2024-04-27T00:00:00-07:00", ZoneInfo("UTC")) == datetime(2024, 4, 27, 7, tzinfo=UTC)


def test_durations() -> None:
    found = [duration(text) for text in ("30s", "5m", "12h", "3d", "2w")]
    assert found == [
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(hours=12),
        timedelta(days=3),
        timedelta(weeks=2),
    ]


@pytest.mark.parametrize("text", ["", "3", "d", "-3d", "3 d", "1e3d", "99999999999d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UserError):
        duration(text)


def test_as_of_begins_a_new_state_and_only_moves_an_old_one_forward(tmp_path: Path) -> None:
    programme = ProgrammeClock(State(tmp_path))
    spring = datetime(2024, 3, 1, tzinfo=UTC)
    programme.begin(spring)
    assert timedelta(0) <= programme.now() - spring < timedelta(seconds=5)

    programme.begin(spring - timedelta(days=1))
    assert programme.now() >= spring

    programme.begin(spring + timedelta(days=9))
    assert programme.now() >= spring + timedelta(days=9)
