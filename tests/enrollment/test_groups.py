"""Which requests the intake commits together, and who waits for whom."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from contracts import nea
from eventing.mongo import Database
from services.enrollment import intake as intakes
from services.enrollment.claims import Claim
from services.enrollment.intake import Committer, Intake, UnavailableError
from services.enrollment.webhooks import FromNea
from tests.waiting import until_true


class Held(Database):
    """A database whose inserts last until they are let go; `groups` are their sizes."""

    def __init__(self, real: Database) -> None:
        super().__init__(real.client, real.name)
        self.groups: list[int] = []
        self.let_go = asyncio.Event()

    async def insert_new(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> set[int]:
        self.groups.append(len(documents))
        await self.let_go.wait()
        return await super().insert_new(collection, documents)

    async def begun(self, groups: int) -> None:
        async def enough() -> bool:
            return len(self.groups) >= groups

        await until_true(enough, every=0.001)


@asynccontextmanager
async def committing(intake: Intake, database: Database) -> AsyncIterator[None]:
    loops = [asyncio.create_task(Committer(intake, database, name).run()) for name in ("one", "two")]
    yield
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


def webhook(id_: str) -> FromNea:
    return FromNea(Claim(nea.SOURCE, id_, "micro_credential.submitted", "digest", "nea:N-1", b"{}"), b"{}")


async def test_what_comes_while_a_group_is_committed_is_the_next_group(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intakes, "ALONE_SECONDS", 60.0)
    held, intake = Held(database), Intake()
    async with committing(intake, held):
        first = asyncio.create_task(intake.submit(webhook("1")))
        await held.begun(1)
        others = []
        for numbers in (range(2, 6), range(6, 10)):
            others += [asyncio.create_task(intake.submit(webhook(str(n)))) for n in numbers]
            for _ in range(10):  # turns enough for a committer that does not wait to take these for itself
                await asyncio.sleep(0)
        held.let_go.set()
        assert await asyncio.gather(first, *others) == [()] * 9
    assert held.groups == [1, 8]


async def test_a_slow_commit_does_not_hold_up_the_next_group(database: Database) -> None:
    held, intake = Held(database), Intake()
    async with committing(intake, held):
        first = asyncio.create_task(intake.submit(webhook("1")))
        await held.begun(1)
        second = asyncio.create_task(intake.submit(webhook("2")))
        await held.begun(2)
        held.let_go.set()
        assert list(await asyncio.gather(first, second)) == [(), ()]


async def test_each_request_gives_up_when_its_own_time_is_over(database: Database) -> None:
    held, intake = Held(database), Intake(patience=0.2)
    loop = asyncio.get_running_loop()

    async def gave_up_after(id_: str) -> float:
        began = loop.time()
        with pytest.raises(UnavailableError):
            async with asyncio.timeout(10):
                await intake.submit(webhook(id_))
        return loop.time() - began

    async with committing(intake, held):
        first = asyncio.create_task(gave_up_after("1"))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(gave_up_after("2"))
        assert await first >= 0.2
        assert await second >= 0.2
        held.let_go.set()
        assert await intake.submit(webhook("3")) == ()


async def test_who_comes_when_too_many_wait_already_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "MOST_WAITING", 1)
    intake = Intake()
    first = asyncio.create_task(intake.submit(webhook("1")))
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError):
        await intake.submit(webhook("2"))
    assert not first.done()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
