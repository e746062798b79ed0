"""Timers among replicas: only the one that holds the lease runs, and the others stay at rest."""

import asyncio
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY

from eventing.clock import Clock
from eventing.leases import Shares
from eventing.timer import Timer
from eventing.transient import RefusedError, TransientError


class Held(Shares):
    """A share that another replica holds, until it is given to us."""

    def __init__(self, *mine: int) -> None:
        self._held = frozenset(mine)

    @property
    def mine(self) -> frozenset[int]:
        return self._held

    async def keep(self) -> None:
        await asyncio.Event().wait()

    async def release(self) -> None:
        self._held = frozenset()


def timer(share: Shares, ran: list[int]) -> Timer:
    async def run() -> bool:
        ran.append(1)
        return False

    one = Timer("t", 0.05, run, database=cast(Any, None), clock=Clock())
    one._share = share
    return one


async def test_a_change_of_the_clock_does_not_keep_a_replica_without_the_lease_busy(monkeypatch: Any) -> None:
    """Found by `make faults`: the replica spun without an await that waits, and answered nobody any more."""
    monkeypatch.setattr("eventing.timer.Shares", lambda *_: Held())
    ran: list[int] = []
    one = timer(Held(), ran)
    rests = 0
    rest = one._rest

    async def counted() -> None:
        nonlocal rests
        rests += 1
        if rests > 100:
            raise AssertionError("it spins")
        await rest()

    monkeypatch.setattr(one, "_rest", counted)
    running = asyncio.create_task(one.run())
    await asyncio.sleep(0)
    one.wake()
    await asyncio.sleep(0.2)
    assert not running.done(), "it spins"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert ran == []


async def test_the_replica_that_holds_the_lease_runs_at_once_when_the_clock_changes(monkeypatch: Any) -> None:
    monkeypatch.setattr("eventing.timer.Shares", lambda *_: Held())
    ran: list[int] = []
    one = timer(Held(0), ran)
    one._seconds = 60
    running = asyncio.create_task(one.run())
    await asyncio.sleep(0.05)
    before = len(ran)
    one.wake()
    await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (before, len(ran)) == (1, 2)


@pytest.mark.parametrize(("error", "counted"), [(KeyError("x"), 1), (RefusedError("x"), 1), (TransientError("x"), 0)])
async def test_a_turn_that_a_bug_ends_is_counted_and_one_that_must_wait_is_not(
    error: Exception, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventing.timer.Shares", lambda *_: Held(0))

    def failures() -> float | None:
        return REGISTRY.get_sample_value("wea_timer_failures_total", {"timer": "t"})

    async def run() -> bool:
        raise error

    one = Timer("t", 0.05, run, database=cast(Any, None), clock=Clock())
    before = failures()
    assert before is not None, "there from the start, so that the first one is seen to rise"
    assert await one._once() is False
    assert failures() == before + counted
