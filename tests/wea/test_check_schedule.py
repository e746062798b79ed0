"""`wea check --every`: what lasts is a fault, what is under way is none, and metrics say when the books were right."""

import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from tests.wea.conftest import failed_with_a_sentence, wea
from wea import check_schedule
from wea.api import System, connected
from wea.check import Findings
from wea.check_schedule import Books, keep_checking, lasting, still_there
from wea.errors import UserError

RIGHT: Books = {"services": [], "outboxes": [], "sequences": [], "enrollment": [], "clockhours": []}
WAITS = "enrollment: event e-1 for wea.enrollment.v1 waits in the outbox since {} s"
MISSING = "clockhours has seen 5 of 6 events for E-1 on wea.enrollment.v1"


@pytest.fixture
def system() -> Iterator[System]:
    with connected({"services": {}, "keys": {}}) as found:
        yield found


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Books | UserError]:
    """What each look at the books finds, one after the other; the last again and again."""
    found: list[Books | UserError] = []

    def look(_: System) -> Findings:
        books = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(books, UserError):
            raise books
        return Findings(books=books)

    monkeypatch.setattr(check_schedule, "look", look)
    monkeypatch.setattr(check_schedule, "LOOKS_APART_SECONDS", 0.001)
    return found


def faults(book: str) -> float | None:
    return REGISTRY.get_sample_value("wea_check_faults", {"book": book})


def at(name: str) -> float:
    return REGISTRY.get_sample_value(f"wea_check_last_{name}_timestamp_seconds") or 0.0


def test_what_is_under_way_is_no_fault(system: System, looks: list[Books | UserError]) -> None:
    looks += [RIGHT | {"outboxes": [WAITS.format(0.1)]}, RIGHT | {"sequences": [MISSING]}, RIGHT]
    assert not any(lasting(system, 10).values())


def test_what_every_look_finds_is_a_fault_however_its_age_grows(system: System, looks: list[Books | UserError]) -> None:
    looks += [RIGHT | {"outboxes": [WAITS.format(n)], "sequences": [MISSING]} for n in (1, 2, 3)]
    assert lasting(system, 0.05) == RIGHT | {"outboxes": [WAITS.format(3)], "sequences": [MISSING]}


def test_another_fault_in_the_place_of_the_first_is_not_the_same() -> None:
    assert still_there({"sequences": [MISSING]}, {"sequences": [MISSING.replace("5", "4")], "outboxes": [MISSING]}) == {
        "sequences": [],
        "outboxes": [],
    }


def test_the_metrics_say_what_is_wrong_and_when_it_was_right(system: System, looks: list[Books | UserError]) -> None:
    said: list[str] = []
    looks.append(RIGHT)
    keep_checking(system, timedelta(0), 0, said.append, times=1)
    clean = at("clean")
    assert at("run") == clean > 0
    assert [faults(book) for book in RIGHT] == [0.0] * 5

    looks[:] = [RIGHT | {"clockhours": ["clockhours: E-1 has 90 minutes, the entries say 180"]}]
    keep_checking(system, timedelta(0), 0, said.append, times=1)
    assert (faults("clockhours"), faults("enrollment")) == (1.0, 0.0)
    assert at("clean") == clean < at("run")

    looks[:] = [RIGHT]
    keep_checking(system, timedelta(0), 0, said.append, times=1)
    assert faults("clockhours") == 0.0
    assert at("clean") > clean
    assert said == ["the books are right", "clockhours: E-1 has 90 minutes, the entries say 180", "the books are right"]


def test_a_run_that_cannot_be_made_is_told_and_the_next_is_made(system: System, looks: list[Books | UserError]) -> None:
    looks += [UserError("enrollment does not answer."), RIGHT]
    before, said = at("run"), list[str]()
    keep_checking(system, timedelta(0), 0, said.append, times=2)
    assert said == ["not checked: enrollment does not answer.", "the books are right"]
    assert at("run") > before


def test_a_run_that_cannot_be_made_is_not_waited_for_as_long_as_the_next(
    system: System, looks: list[Books | UserError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside services that are just being started the first one fails: BooksUnchecked would wait for the second."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    looks += [UserError("enrollment does not answer."), RIGHT]
    keep_checking(system, timedelta(minutes=15), 0, lambda _: None, times=3)
    first, second = waited
    assert first <= 60
    assert 60 < second <= 15 * 60


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--every", "soon"], {}, "no duration"),
        (["--every", "0s"], {}, "without pause"),
        (["--metrics-port", "9109"], {}, "goes with --every"),
        (["--every", "15m"], {"WEA_URLS": "enrollment=http://127.0.0.1:1"}, "no operator's key"),
    ],
)
def test_what_cannot_be_scheduled_is_one_sentence(arguments: list[str], environment: dict[str, str], said: str) -> None:
    ends = signal.getsignal(signal.SIGTERM)
    assert said in failed_with_a_sentence(wea("check", *arguments, **environment))
    assert signal.getsignal(signal.SIGTERM) is ends, "who does not check leaves alone how the process ends"
