"""`wea check` on a schedule, beside a running system: its metrics are there for Prometheus."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.console.test_monitoring import expressions, named
from tests.system.conftest import ROOT, System
from tests.system.outside import Educator, World
from tests.waiting import PATIENCE_SECONDS, until
from wea.servers.ports import free_port

BOOKS = ("services", "outboxes", "sequences", "enrollment", "clockhours")


@contextmanager
def scheduled(*arguments: str, **environment: str) -> Iterator[str]:
    """The URL of the metrics of a check that runs every second."""
    port = free_port()
    command = [sys.executable, "-m", "wea", "check", "--every", "1s", "--metrics-port", str(port), *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield f"http://127.0.0.1:{port}/metrics"
        process.terminate()
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, said
        assert "the books are right" in said
    finally:
        process.kill()


def values(url: str) -> dict[str, float]:
    """Each sample of ours; nothing while nobody listens yet."""
    try:
        lines = httpx.get(url).text.splitlines()
    except httpx.TransportError:
        return {}
    return {name: float(value) for name, value in (line.split(" ") for line in lines if line.startswith("wea_check_"))}


def until_clean(url: str) -> dict[str, float]:
    """Wait for a run that found nothing."""
    until(lambda: values(url).get("wea_check_last_clean_timestamp_seconds"), "a check has found the books right")
    return values(url)


def test_a_scheduled_check_shows_when_the_books_were_right_and_runs_again(system: System, world: World) -> None:
    rosa = Educator()
    world.send(*rosa.whole_story())
    with scheduled("--state", str(system.state)) as url:
        first = until_clean(url)
        assert {name: value for name, value in first.items() if name.startswith("wea_check_faults")} == {
            f'wea_check_faults{{book="{book}"}}': 0.0 for book in BOOKS
        }
        last = "wea_check_last_run_timestamp_seconds"
        until(lambda: values(url)[last] > first[last], "it was checked again")
        shown = {name.partition("{")[0] for name in values(url)}
    wanted = {name for expression in expressions() for name in named(expression) if name.startswith("wea_check_")}
    assert wanted <= shown


def test_it_needs_no_state_folder_where_urls_and_a_key_are_given(system: System) -> None:
    status = system.status()
    urls = ",".join(f"{name}={service['url']}" for name, service in status["services"].items())
    with scheduled(WEA_URLS=urls, WEA_KEYS=f"operator={status['keys']['operator']}", WEA_STATE="/nonexistent") as url:
        until_clean(url)
