"""How far the consumer is, as our metrics show it."""

from typing import Any, cast

from aiokafka import AIOKafkaConsumer

from eventing.kafka import KafkaSettings, TopicPartition
from eventing.mongo import Database
from eventing.ownership import Ownership
from eventing.progress import Progress
from eventing.reader import Reader

PARTS = [("toy.heard.v1", number) for number in range(3)]


class Client:
    """As much of Kafka's client as is asked here: which partitions it reads, where they end, and how far it is."""

    def __init__(self, ends: dict[Any, int | None]) -> None:
        self.ends = ends

    def assignment(self) -> set[Any]:
        return set(self.ends)

    def highwater(self, partition: Any) -> int | None:
        return self.ends[partition]

    async def position(self, partition: Any) -> int:
        return self.ends[partition] or 0

    async def commit(self, _offsets: Any) -> None:
        pass


async def test_lag_is_told_of_what_is_read_and_known_never_below_nothing_and_marks_are_none(
    database: Database,
) -> None:
    kafka = KafkaSettings("127.0.0.1:1")
    behind, ahead, another = PARTS
    client = cast(AIOKafkaConsumer, Client({TopicPartition(*behind): 9, TopicPartition(*ahead): 3}))
    ownership = Ownership(database, Reader())
    ownership.next = {behind: 7, ahead: 5, another: 1}
    progress = Progress(kafka, ownership, lambda: client)
    assert progress.lags() == {behind: 2, ahead: 0}
    await progress.pass_over_marks(client)
    assert progress.lags() == {behind: 0, ahead: 0}
    progress.sought()
    assert progress.lags() == {behind: 2, ahead: 0}
    await progress.commit_now()
