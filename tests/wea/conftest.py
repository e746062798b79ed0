"""The real supervisor over fake services, on the session's servers: up in a second."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from tests.waiting import until
from wea import record
from wea.cli import main
from wea.state import State

ROOT = Path(__file__).parents[2]


class FakeSystem:
    """One run of tests/wea/fake_system.py."""

    def __init__(self, state: Path, environment: dict[str, str], *arguments: str) -> None:
        self.state = State(state)
        self._out = state.with_name(state.name + ".out")
        with self._out.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.wea.fake_system", str(state), *arguments],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def said(self) -> str:
        return self._out.read_text()

    def until_ready(self) -> "FakeSystem":
        until(lambda: self.process.poll() is not None or "READY" in self.said(), "the fake system is ready")
        assert self.process.poll() is None, self.said()
        return self

    def run(self) -> record.Run:
        run = record.load(self.state)
        assert run is not None
        return run

    def pid(self, name: str) -> int | None:
        return self.run().pid_of(name)

    def kill(self, name: str) -> int:
        pid = self.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(20)


@pytest.fixture(scope="session")
def servers(kafka: str, mongo: str) -> dict[str, str]:
    """The environment that makes `wea up` use the session's servers."""
    return {"WEA_KAFKA": kafka, "WEA_MONGO": mongo, "WEA_KAFKA_PREFIX": "fake-"}


@pytest.fixture
def fake(tmp_path: Path, servers: dict[str, str]) -> Iterator[FakeSystem]:
    """A fake system of the test's own: it may do to it what it likes."""
    system = FakeSystem(tmp_path / "state", servers).until_ready()
    yield system
    end(system)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory, servers: dict[str, str]) -> Iterator[FakeSystem]:
    """A fake system that the tests of a module share, and leave running."""
    system = FakeSystem(tmp_path_factory.mktemp("steady") / "state", servers).until_ready()
    yield system
    end(system)


def end(system: FakeSystem) -> None:
    if system.process.poll() is None:
        system.stop()
    run = record.load(system.state)
    if run is not None:
        record.end(run.processes)


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def wea(*arguments: str, **environment: str) -> Done:
    """The command line as a user runs it, but in this process: starting Python takes longer than most verbs."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        patch.setattr(sys, "argv", ["wea", *arguments])
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code
        else:
            code = 0
    return Done(code if isinstance(code, int) else 0 if code is None else 1, out.getvalue(), err.getvalue())


def failed_with_a_sentence(done: Done, steps: bool = False) -> str:
    """What it said; it must have been one sentence (after the `steps` that it took) and exit code 2."""
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "Traceback" not in said
    assert steps or len(done.stderr.strip().splitlines()) == 1, said
    assert done.stderr.strip().splitlines()[-1].startswith("wea: "), said
    return done.stderr
