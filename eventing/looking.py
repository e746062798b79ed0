"""Looking at a cluster without taking part in it: ends, committed offsets, members, and single records by their place.

For a console. It joins no group and commits nothing, so whoever looks can never hold up whoever works. What Kafka does
not answer in time is a TransientError.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from eventing.batch import Failure, Partition, Record
from eventing.clients import started
from eventing.kafka import KafkaSettings, TopicPartition
from eventing.reading import read
from eventing.shielded import shielded
from eventing.transient import TransientError

Place = tuple[str, int, int]  # topic (the registry's name), partition, offset

ANSWER_SECONDS = 5.0
STOP_SECONDS = 2.0
NEAR = 200  # records apart: nearer ones are read through, farther ones sought


class _Eye:
    """The clients with which one question at a time is asked. They are opened when first needed."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self.turn = asyncio.Lock()
        self._kafka = kafka
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    async def consumer(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            client = AIOKafkaConsumer(
                **self._kafka.options,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=100,
                request_timeout_ms=int(ANSWER_SECONDS * 1000),
            )
            self._consumer = await started(client, client.stop)
        return self._consumer

    async def admin(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            client = AIOKafkaAdminClient(**self._kafka.options, request_timeout_ms=int(ANSWER_SECONDS * 1000))
            self._admin = await started(client, client.close)
        return self._admin

    async def close(self) -> None:
        consumer, admin = self._consumer, self._admin
        self._consumer = self._admin = None  # before any wait, for the next question may begin meanwhile
        await _stopped(consumer and consumer.stop())
        await _stopped(admin and admin.close())


class Cluster:
    """One process's eyes: with one it reads records, with the other it asks for all else."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._reading, self._asking = _Eye(kafka), _Eye(kafka)

    async def close(self) -> None:
        for eye in (self._reading, self._asking):
            await eye.close()

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset after the last record of each partition."""
        wanted = {self._kafka.physical_partition(partition): partition for partition in partitions}
        async with self._answering(self._asking):
            ends = await (await self._asking.consumer()).end_offsets(list(wanted))
        return {wanted[tp]: end for tp, end in ends.items()}

    async def committed(self, group: str) -> dict[Partition, int]:
        """Where a group stands, of the partitions that it has committed for."""
        async with self._answering(self._asking):
            committed = await (await self._asking.admin()).list_consumer_group_offsets(self._kafka.prefix + group)
        return {self._kafka.logical_partition(tp): at.offset for tp, at in committed.items()}

    async def members(self, group: str) -> int:
        """How many processes consume in a group."""
        async with self._answering(self._asking):
            answers = await (await self._asking.admin()).describe_consumer_groups([self._kafka.prefix + group])
        return sum(len(described[5]) for answer in answers for described in answer.groups)

    async def records(self, places: Iterable[Place]) -> dict[Place, Record | Failure]:
        """The records at these places, of those that Kafka still has."""
        wanted: dict[Partition, set[int]] = defaultdict(set)
        for topic, partition, offset in places:
            wanted[topic, partition].add(offset)
        found: dict[Place, Record | Failure] = {}
        if wanted:
            async with self._answering(self._reading):
                await self._read(wanted, found)
        return found

    async def _read(self, wanted: Mapping[Partition, set[int]], found: dict[Place, Record | Failure]) -> None:
        reader = await self._reading.consumer()
        partitions = {self._kafka.physical_partition(partition): partition for partition in wanted}
        reader.assign(list(partitions))
        first = await reader.beginning_offsets(list(partitions))
        ends = await reader.end_offsets(list(partitions))
        left = {
            tp: sorted(at for at in wanted[partition] if first[tp] <= at < ends[tp])
            for tp, partition in partitions.items()
        }
        _seek(reader, left)
        while any(left.values()):
            read_now = await reader.getmany(timeout_ms=1000, max_records=500)
            for tp in [tp for tp, offsets in left.items() if offsets]:
                topic, number = partitions[tp]
                for raw in read_now.get(tp, ()):
                    if raw.offset in wanted[topic, number]:
                        found[topic, number, raw.offset] = read(raw, topic)
                # What was passed over is gone (compaction), or never was a record (a transaction's mark).
                passed = await reader.position(tp)
                left[tp] = [at for at in left[tp] if at >= passed]
                if left[tp] and left[tp][0] > passed + NEAR:
                    reader.seek(tp, left[tp][0])
                elif not left[tp]:
                    reader.pause(tp)

    @asynccontextmanager
    async def _answering(self, eye: _Eye) -> AsyncIterator[None]:
        """One question at a time, within bounds; after a fault with new clients, but where its turn never came.

        Then another's question is under way, as it may be with the other eye.
        """
        has_turn = False
        try:
            async with asyncio.timeout(ANSWER_SECONDS), eye.turn:
                has_turn = True
                yield
        except (KafkaError, OSError, TimeoutError) as error:
            if has_turn:
                await eye.close()
            raise TransientError(type(error).__name__) from error


def _seek(reader: AIOKafkaConsumer, left: Mapping[TopicPartition, list[int]]) -> None:
    for tp, offsets in left.items():
        if offsets:
            reader.seek(tp, offsets[0])
        else:
            reader.pause(tp)


async def _stopped(stopping: Awaitable[None] | None) -> None:
    if stopping is not None:
        with suppress(KafkaError, OSError, TimeoutError):
            await shielded(stopping, seconds=STOP_SECONDS)
