"""Timers among replicas: only the one that holds the lease runs, and the others stay at rest."""

import asyncio
from typing import Any, cast

from eventing.clock import Clock
from eventing.leases import Shares
from eventing.timer import Timer


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
