"""What `wea up` started stays up, and what it started it stops."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.waiting import PATIENCE_SECONDS, until
from tests.wea.conftest import FakeSystem, failed_with_a_sentence, wea
from wea import child as child_module
from wea import record
from wea.child import Child, NotStartedError, Spec, listens
from wea.errors import UserError
from wea.plan import Options, plan
from wea.programs import programs_folder
from wea.servers.ports import is_free
from wea.state import State
from wea.supervisor import System, _all
from wea.warm import Warm


def all_gone(processes: list[record.Process]) -> bool:
    return not any(process.find() for process in processes)


def runs_again(system: FakeSystem, name: str, before: int) -> bool:
    return system.pid(name) not in (None, before)


def test_whatever_dies_is_started_again(steady: FakeSystem) -> None:
    for name in ("fake-a", "fake-b-2", "smtp"):
        before = steady.kill(name)
        until(partial(runs_again, steady, name, before), f"{name} runs again")


def test_status_shows_where_everything_is(steady: FakeSystem) -> None:
    until(lambda: len(steady.run().processes) == 4, "all four run")
    found = json.loads(wea("status", "--json", "--state", str(steady.state.path)).stdout)
    assert list(found) == ["services", "kafka", "mongo", "smtp", "mail_dir", "keys", "nea_webhook_secret", "now"]
    assert len(found["services"]["fake-b"]["pids"]) == 2
    assert found["services"]["fake-a"] == {"url": found["services"]["fake-a"]["url"], "pids": [steady.pid("fake-a")]}
    assert found["keys"].keys() == {"portal", "staff", "operator"}
    assert found["nea_webhook_secret"].startswith("whsec_")
    assert found["mail_dir"] == str(steady.state.mail)


def test_a_second_up_on_the_same_state_is_refused(steady: FakeSystem, servers: dict[str, str]) -> None:
    before = steady.run().supervisor
    for detach in ([], ["--detach"]):
        said = failed_with_a_sentence(wea("up", "--state", str(steady.state.path), *detach, **servers))
        assert "already" in said
    assert steady.run().supervisor == before
    assert before.find() is not None


def test_secrets_are_for_their_owner_alone(steady: FakeSystem) -> None:
    for name in ("secrets.json", "run.json", "mongo.key"):
        assert (steady.state.path / name).stat().st_mode & 0o077 == 0


def test_control_c_stops_everything(fake: FakeSystem) -> None:
    started = fake.run().processes
    assert len(started) == 4
    fake.process.send_signal(signal.SIGINT)
    assert fake.process.wait(20) == 0
    assert all_gone(started)
    assert record.load(fake.state) is None
    assert wea("status", "--state", str(fake.state.path)).returncode == 1


def test_down_stops_a_running_system(fake: FakeSystem) -> None:
    started = fake.run().processes
    assert wea("down", "--state", str(fake.state.path)).returncode == 0
    assert fake.process.wait(20) == 0
    assert all_gone(started)


def test_down_after_a_crash_ends_what_it_started_and_only_that(fake: FakeSystem) -> None:
    fake.process.kill()
    fake.process.wait()
    run = fake.run()
    assert not all_gone(run.processes), "a crash leaves its children"

    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        # The id of one of ours was given to somebody else.
        reused = record.Process("fake-a", stranger.pid, record.start_time(stranger.pid) - 60, "fake-a")
        run.processes.append(reused)
        run.save(fake.state)
        assert wea("down", "--state", str(fake.state.path)).returncode == 0
        assert stranger.poll() is None
        stranger.kill()
    assert all_gone(run.processes)
    assert record.load(fake.state) is None


def test_up_after_a_crash_clears_up_first(fake: FakeSystem, servers: dict[str, str]) -> None:
    fake.process.kill()
    fake.process.wait()
    left = fake.run().processes
    again = FakeSystem(fake.state.path, servers).until_ready()
    try:
        assert all_gone(left)
        assert "a crash had left" in again.said()
    finally:
        again.stop()


def test_a_taken_port_is_replaced_and_the_others_stay(fake: FakeSystem, servers: dict[str, str]) -> None:
    before = json.loads((fake.state.path / "ports.json").read_text())
    fake.stop()
    until(lambda: is_free(before["fake-a"]), "the port is free")
    with socket.create_server(("127.0.0.1", before["fake-a"])):
        again = FakeSystem(fake.state.path, servers).until_ready()
        try:
            after = json.loads((fake.state.path / "ports.json").read_text())
        finally:
            again.stop()
    assert after["fake-a"] != before["fake-a"]
    assert {**after, "fake-a": 0} == {**before, "fake-a": 0}


def test_keys_survive_down_and_up(fake: FakeSystem, servers: dict[str, str]) -> None:
    before = fake.run().status["keys"]
    fake.stop()
    again = FakeSystem(fake.state.path, servers).until_ready()
    try:
        assert again.run().status["keys"] == before
    finally:
        again.stop()


def test_a_service_that_does_not_start_takes_the_rest_down(tmp_path: Path, servers: dict[str, str]) -> None:
    system = FakeSystem(tmp_path / "state", servers, "tests.wea.no_such_module")
    assert system.process.wait(20) == 2
    last = system.said().strip().splitlines()[-1]
    assert "does not start" in last
    assert "No module named" in last
    assert record.load(system.state) is None
    children = {child.pid for child in psutil.Process(os.getpid()).children(recursive=True)}
    assert system.process.pid not in children


def test_a_stranger_who_answers_on_the_port_is_not_taken_for_ours() -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        with socket.create_server(("127.0.0.1", 0)) as ours:
            port = ours.getsockname()[1]
            assert listens(os.getpid(), port)
            assert not listens(stranger.pid, port)
        assert not listens(os.getpid(), port)
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_start_that_is_given_up_waits_for_a_server_that_is_being_prepared(
    tmp_path: Path, servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next one, with other ports, would format the same folder beside it."""
    done = list[str]()

    class Slow:
        name = "slow"

        def prepare(self) -> None:
            time.sleep(0.5)
            done.append("prepared")

        def command(self) -> list[str]:
            raise AssertionError

        def ready(self) -> bool:
            return False

    async def port_is_taken() -> None:
        await asyncio.sleep(0.1)
        raise UserError("the port was taken")

    for name, value in servers.items():
        monkeypatch.setenv(name, value)
    state = State(tmp_path / "state")
    state.create()
    system = System(plan(state, Options(programs_folder())), Warm([], {}), lambda _: None)
    with pytest.raises(UserError, match="taken"):
        await _all(system._start_server(Slow(), 1), port_is_taken())
    assert done == ["prepared"]


async def test_a_port_that_was_taken_is_known_though_whoever_had_it_is_gone_when_all_have_given_up(
    tmp_path: Path,
) -> None:
    async def ready() -> bool:
        return False

    command, environment = [sys.executable, "-c", "raise SystemExit('address in use')"], dict(os.environ)
    with socket.create_server(("127.0.0.1", 0)) as other:
        spec = Spec("sink", command, environment, ready, other.getsockname()[1], starts_allowed=1)
        child = Child(spec, tmp_path / "log", lambda: None, Warm([], {}))
        child.start()
        with pytest.raises(NotStartedError, match="address in use") as failure:
            await child.until_ready(60)
    await asyncio.sleep(1)  # others give up: the keeper has tried once more meanwhile, and the port is free
    await child.stop()
    assert failure.value.port_taken_from == "sink"


async def test_a_log_that_grows_for_months_begins_anew_and_the_one_before_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ready() -> bool:
        return False

    monkeypatch.setattr(child_module, "LARGEST_LOG", 1000)
    monkeypatch.setattr(child_module, "LOG_LOOKED_AT_SECONDS", 0.05)
    log, told = tmp_path / "log", "import time\nfor n in range(10**6): print(f'{n:09}', flush=True), time.sleep(0.001)"
    spec = Spec("talker", [sys.executable, "-c", told], dict(os.environ), ready, 1)
    child = Child(spec, log, lambda: None, Warm([], {}))
    child.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ((tmp_path / "log.1").exists() and 0 < log.stat().st_size < 1000):
                await asyncio.sleep(0.02)
        assert child.exits == 0
    finally:
        await child.stop()
