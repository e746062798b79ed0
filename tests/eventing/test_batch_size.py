"""Batches shrink where their transactions take too long, and grow again where they do not."""

import asyncio
from functools import partial

import pytest

from eventing import applying
from eventing.kafka import KafkaSettings
from eventing.mongo import Database
from eventing.testing import Topics
from eventing.transient import TransientError
from tests.eventing.conftest import HEARD, Toy, consuming, heard, say
from tests.waiting import until_true


async def test_a_batch_too_slow_for_one_transaction_is_done_in_halves_in_order(
    kafka_settings: KafkaSettings, database: Database, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "SLOW_SECONDS", 0.2)
    topics = Topics()
    sent = [topics.record(HEARD.name, "k", "toy.Heard", {"n": n}) for n in range(40)]
    await say(kafka_settings, *sent)
    seen: list[int] = []

    async def aborted_when_large() -> None:
        document = await database["counts"].find_one({"_id": "k"})
        before = len(document["heard"]) if document else 0
        seen.append(before)
        if len(seen) < 3:  # as MongoDB does with what exceeds transactionLifetimeLimitSeconds
            await asyncio.sleep(0.3)
            raise TransientError("aborted")

    toy.hold = aborted_when_large
    async with consuming(kafka_settings, database, toy):
        await until_true(partial(_all_heard, database, len(sent)))
    assert await heard(database, "k") == [record.event.id for record in sent]
    assert len(seen) > 4


async def _all_heard(database: Database, count: int) -> bool:
    return len(await heard(database, "k")) == count
