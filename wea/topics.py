"""The topics of the contract, created with their partitions, retention and compaction."""

import asyncio
import contextlib
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from contracts.topics import Topic
from eventing.kafka import KafkaSettings
from eventing.topics import topic_settings
from wea.errors import UserError


async def create_topics(kafka: KafkaSettings, topics: Iterable[Topic], replication: int = 1) -> list[str]:
    """Create what is not there yet; returns its names. An existing topic is never changed:
    with other partitions its keys would lose their order. UserError where Kafka does not make one."""
    admin = await _admin(kafka)
    try:
        there = set(await admin.list_topics())
        wanted = [_new(topic, kafka, replication) for topic in topics if kafka.physical(topic.name) not in there]
        if not wanted:
            return []
        answer = await admin.create_topics(wanted)
        codes = {name: code for name, code, *_ in answer.topic_errors}
        for name, code in codes.items():
            # Another may have been faster, and the list that we were given older than that.
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)(f"{name} was not created")
        await _until_known(admin, list(codes))
    except (KafkaError, TimeoutError) as error:  # more copies asked for than there are brokers, say
        said = str(error) or "it takes too long"
        raise UserError(f"Kafka at {kafka.bootstrap} has not made the topics: {said}.") from None
    finally:
        await admin.close()
    return [name for name, code in codes.items() if code == 0]


async def _admin(kafka: KafkaSettings) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(**kafka.options)
    try:
        await admin.start()
    except KafkaError as error:
        await admin.close()
        raise UserError(f"Kafka at {kafka.bootstrap} does not answer: {error}.") from None
    return admin


async def _until_known(admin: AIOKafkaAdminClient, names: list[str], seconds: float = 30) -> None:
    """The controller has them; the broker that clients ask hears of them a moment later."""
    async with asyncio.timeout(seconds):
        while any(topic["error_code"] or not topic["partitions"] for topic in await admin.describe_topics(names)):
            await asyncio.sleep(0.05)


async def create_offsets_topic(kafka: KafkaSettings, seconds: float = 20) -> None:
    """Have Kafka make its own topic of consumer offsets, which it else does when the first group asks, and late."""
    admin = await _admin(kafka)
    try:
        async with asyncio.timeout(seconds):
            while True:
                with contextlib.suppress(GroupCoordinatorNotAvailableError, GroupLoadInProgressError):
                    await admin.find_coordinator("wea")
                    return
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


def _new(topic: Topic, kafka: KafkaSettings, replication: int) -> NewTopic:
    configs = topic_settings(topic, replication)
    return NewTopic(kafka.physical(topic.name), topic.partitions, replication, topic_configs=configs)
