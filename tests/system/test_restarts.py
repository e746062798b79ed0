"""Whatever the system started and dies is started again, servers included."""

import os
import signal

import pytest

from tests.system.conftest import System
from tests.waiting import until

SERVICES = ("enrollment", "clockhours", "notifications", "console", "smtp")
SERVERS = ("kafka", "mongo")


@pytest.mark.parametrize("names", [SERVICES, SERVERS], ids=["services", "servers"])
def test_what_is_killed_comes_back_and_all_is_ready_again(system: System, names: tuple[str, ...]) -> None:
    before = {name: system.pid(name) for name in names}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(system.pid(name) not in (0, before[name]) for name in names), "all run again")
    system.until_ready()


def test_a_detached_system_is_ready_when_up_returns(system: System) -> None:
    system.until_ready()
    assert system.status()["now"] >= "2024-03-01T17:00:00"


def test_clock_returns_when_every_service_has_the_time(system: System) -> None:
    before = system.status()["now"]
    system.wea("clock", "advance", "1h")
    assert system.status()["now"] > before
