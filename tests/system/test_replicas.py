"""Processes of one service share its partitions: one killed while they are handed round loses and doubles nothing."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Event

import pytest
from aiokafka import AIOKafkaConsumer

from contracts import topics
from tests.system.conftest import System
from tests.system.outside import Educator, World, connected, kinds
from tests.waiting import until

REPLICAS = 3


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of its own with three processes of clockhours."""
    system = System(tmp_path_factory.mktemp("crowd") / "state")
    system.wea("up", "--detach", "--as-of", "2024-03-01", "--replicas", f"clockhours={REPLICAS}")
    yield system
    system.wea("down")


@pytest.fixture
def world(crowd: System) -> Iterator[World]:
    with connected(crowd.status()) as api:
        yield World(api)


@asynccontextmanager
async def stranger(bootstrap: str) -> AsyncIterator[None]:
    """Another member of clockhours' group, which does nothing: partitions go round when it comes and when it goes."""
    consumer = AIOKafkaConsumer(
        topics.ENROLLMENT.name, topics.EDUCATORS.name, topics.SESSIONS.name, bootstrap_servers=bootstrap,
        group_id="clockhours", enable_auto_commit=False, session_timeout_ms=6_000,
    )  # fmt: skip
    await consumer.start()
    try:
        yield
    finally:
        await consumer.stop()


def replicas(crowd: System) -> list[int]:
    found: list[int] = crowd.status()["services"]["clockhours"]["pids"]
    return found


def killed(crowd: System, number: int) -> int:
    """The process that is gone."""
    victim = replicas(crowd)[number]
    os.kill(victim, signal.SIGKILL)
    return victim


def told(world: World, over: Event) -> list[Educator]:
    """Educators whose whole stories were sent, one after the other, until all is over."""
    educators = []
    while not over.is_set():
        educators.append(Educator())
        world.send(*educators[-1].whole_story())
    return educators


async def handed_round(crowd: System) -> list[int]:
    """The group's partitions change hands twice, and a process is killed in the middle of each; which."""
    dead = []
    async with stranger(crowd.status()["kafka"]["bootstrap"]):
        dead.append(killed(crowd, 0))
    dead.append(killed(crowd, 1))
    return dead


def test_processes_killed_while_partitions_are_handed_round_lose_and_double_nothing(
    crowd: System, world: World
) -> None:
    until(lambda: len(replicas(crowd)) == REPLICAS, "all replicas run")
    over = Event()
    with ThreadPoolExecutor() as beside:
        sending = beside.submit(told, world, over)
        try:
            dead = asyncio.run(handed_round(crowd))
        finally:
            over.set()
        educators = sending.result()
    for educator in educators:
        entries = kinds(world.until_total(educator, 1080))
        assert Counter(entries) == {("orientation", 90): 1, ("workshop", 90): 1, ("micro_credential", 900): 1}
    until(lambda: len(replicas(crowd)) == REPLICAS, "what was killed runs again")
    assert not set(dead) & set(replicas(crowd))
    crowd.books_are_right()
