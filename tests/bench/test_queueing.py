"""The simulation behind docs/scaling.md agrees with what can be worked out."""

import pytest

from bench.queueing import Line, Station, md1, together, waits_md1


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_server_with_arrivals_at_random_waits_as_the_formula_says(load: float) -> None:
    assert md1(load / 0.01, 0.01, events=60_000) == pytest.approx(waits_md1(load / 0.01, 0.01), rel=0.1)


def test_a_station_of_its_own_core_is_as_fast_as_its_cost() -> None:
    assert together([0.002], cores=1) == pytest.approx(500, rel=0.01)


def test_cores_that_are_shared_are_shared_among_all_costs() -> None:
    assert together([0.001] * 4, cores=2) == pytest.approx(2 / 0.004, rel=0.05)


def test_with_cores_enough_the_slowest_station_sets_the_pace() -> None:
    assert together([0.001, 0.004, 0.002], cores=8) == pytest.approx(250, rel=0.05)


def test_what_waits_together_is_durable_together() -> None:
    left = Line([Station(cpu=0.001, flush=0.5)], cores=1).run([0.0, 0.0, 0.0, 0.1])
    assert left == pytest.approx([0.501, 1.004, 1.004, 1.004])
