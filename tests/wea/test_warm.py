"""What is forked from the warm Python is a process like any other: its own environment, log, session and end."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.waiting import until
from wea import record
from wea.child import Child, Spec
from wea.warm import Forked, Warm

SERVICE = """
import os, signal, sys
import greeter.app
print("loaded", greeter.app.LOADED_BY, "by", "me" if greeter.app.LOADED_BY == os.getpid() else "another")
print("told", os.environ.get("WEA_WORD"), "and", os.environ.get("ONLY_OUTSIDE"), flush=True)
if os.environ.get("WEA_WORD") == "end":
    sys.exit(3)
signal.pause()
"""
SHOWS_METRICS = """
from prometheus_client import REGISTRY
print(*(one.name for one in REGISTRY.collect() if one.name.endswith("_seen")), "and no more", flush=True)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    package = tmp_path / "modules" / "greeter"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "settings.py").touch()
    (package / "app.py").write_text("import os\nLOADED_BY = os.getpid()\n")
    (package / "__main__.py").write_text(SERVICE)
    return {**os.environ, "PYTHONPATH": str(tmp_path / "modules"), "ONLY_OUTSIDE": "yes"}


async def seen(condition: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(until, condition, what)


async def said(log: Path, words: str) -> None:
    """A line is written piece by piece, so wait for all of it."""
    await seen(lambda: log.exists() and words in log.read_text(), f"the log says {words}")


async def forked(warm: Warm, log: Path, word: str = "hello") -> Forked:
    """A greeter with an environment of its own; what the warm Python was started with is not in it."""
    return await warm.fork("greeter", {"WEA_WORD": word}, log)


async def test_a_forked_service_is_loaded_already_and_has_its_own_environment_and_log(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    warm = Warm(["greeter"], environment)
    one, other = await asyncio.gather(forked(warm, tmp_path / "1.log"), forked(warm, tmp_path / "2.log", "good day"))
    try:
        await said(tmp_path / "1.log", "by another\ntold hello and None")
        await said(tmp_path / "2.log", "by another\ntold good day and None")
        assert os.getsid(one.pid) == one.pid, "Ctrl-C in our terminal is not for it"
        assert psutil.Process(other.pid).name() == "greeter"
    finally:
        await warm.stop()
        one.kill()
        other.kill()


async def test_a_forked_service_shows_no_metrics_of_the_others_that_are_loaded(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Theirs never move here, and a 0 would say what is not so: that Kafka does not answer, for one."""
    for name in ("greeter", "doorman"):
        package = tmp_path / "modules" / name
        package.mkdir(exist_ok=True)
        (package / "app.py").write_text(f"import {name}.metrics\n")
        (package / "metrics.py").write_text(
            f"from prometheus_client import Gauge\nSEEN = Gauge('{name}_seen', 'All')\n"
        )
        (package / "__main__.py").write_text(SHOWS_METRICS)
    warm = Warm(["greeter", "doorman"], environment)
    try:
        await forked(warm, tmp_path / "log")
        await said(tmp_path / "log", "and no more\n")
        assert (tmp_path / "log").read_text() == "greeter_seen and no more\n"
    finally:
        await warm.stop()


async def test_its_end_is_seen_however_it_comes(tmp_path: Path, environment: dict[str, str]) -> None:
    warm = Warm(["greeter"], environment)
    try:
        ended = await forked(warm, tmp_path / "log", "end")
        await asyncio.wait_for(ended.wait(), 60)
        assert ended.returncode is not None
        ended.terminate()  # too late, and harmless
        for number in (signal.SIGTERM, signal.SIGKILL):
            process = await forked(warm, tmp_path / f"{number}.log")
            await said(tmp_path / f"{number}.log", "told")
            assert process.returncode is None
            os.kill(process.pid, number)
            await asyncio.wait_for(process.wait(), 60)
    finally:
        await warm.stop()


async def test_the_warm_python_is_started_again_if_it_was_killed(tmp_path: Path, environment: dict[str, str]) -> None:
    warm = Warm(["greeter"], environment)
    first = await forked(warm, tmp_path / "1.log")
    parent = parent_of(first)
    os.kill(parent.pid, signal.SIGKILL)
    await seen(lambda: parent.find() is None, "it is gone")
    try:
        assert first.returncode is None, "what was forked from it goes on"
        second = await again(warm, tmp_path / "2.log")
        await said(tmp_path / "2.log", "told hello")
        second.kill()
    finally:
        await warm.stop()
        first.kill()


def parent_of(process: Forked) -> record.Process:
    """The warm Python, as the supervisor's record would know it: `find` tells that it is gone, however far."""
    parent = psutil.Process(process.pid).parent()
    assert parent is not None
    return record.Process("warm", parent.pid, parent.create_time())


async def again(warm: Warm, log: Path) -> Forked:
    """As the supervisor does: what fails while it dies is tried once more."""
    try:
        return await forked(warm, log)
    except OSError:
        return await forked(warm, log)


async def test_it_ends_with_the_supervisor_though_what_it_forked_lives_on(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    warm = Warm(["greeter"], environment)
    process = await forked(warm, tmp_path / "log")
    parent = parent_of(process)
    assert warm._requests is not None
    warm._requests.close()  # as when the supervisor is killed
    await seen(lambda: parent.find() is None, "it is gone")
    assert process.returncode is None
    process.kill()
    await warm.stop()


async def test_who_is_stopped_while_the_warm_python_still_loads_leaves_nobody_behind(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "modules" / "greeter" / "app.py").write_text(
        "import os, time\ntime.sleep(1)\nLOADED_BY = os.getpid()\n"
    )

    async def ready() -> bool:
        return True

    warm, pids = Warm(["greeter"], environment), list[int | None]()
    child = Child(Spec("g", "greeter", environment, ready, 1), tmp_path / "log", lambda: pids.append(child.pid), warm)
    await warm.start()
    child.start()
    await asyncio.sleep(0.2)  # it is asked for, and nobody has forked it yet
    await child.stop()
    try:
        assert child.pid is None
        [pid] = filter(None, pids)
        await seen(lambda: not psutil.pid_exists(pid), "it is gone")
        # The next answer is of the next process, not of one that nobody waited for.
        process = await forked(warm, tmp_path / "2.log")
        assert process.pid != pid
        await said(tmp_path / "2.log", "told hello")
        process.kill()
    finally:
        await warm.stop()
