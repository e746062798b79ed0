"""Topics are what the contract says, and are never changed in place."""

from datetime import timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from contracts.topics import Topic
from eventing.kafka import KafkaSettings
from wea.errors import UserError
from wea.topics import create_topics

PREFIX = "test-topics-"
SHORT = Topic("short", "portal", (), "educator", retention=timedelta(days=14))
LATEST = Topic("latest", "enrollment", (), "educator", compacted=True)
OLD = Topic("old", "enrollment", (), "educator")


async def test_topics_get_partitions_retention_and_compaction(kafka: str) -> None:
    shared = KafkaSettings(kafka, PREFIX)
    admin = AIOKafkaAdminClient(**shared.options)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(PREFIX + OLD.name, 3, 1)])
        await create_topics(shared, (SHORT, LATEST, OLD))
        assert await create_topics(shared, (SHORT, LATEST, OLD)) == []

        names = [PREFIX + topic.name for topic in (SHORT, LATEST, OLD)]
        found = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics(names)}
        assert [found[name] for name in names] == [12, 12, 3]
        assert await settings(admin, names[0], "retention.ms") == str(14 * 24 * 3600 * 1000)
        assert int(await settings(admin, names[0], "segment.ms")) <= 24 * 3600 * 1000  # by default 7 days
        assert await settings(admin, names[1], "cleanup.policy") == "compact"
        assert await settings(admin, names[1], "retention.ms") == "-1"
    finally:
        await admin.delete_topics([PREFIX + topic.name for topic in (SHORT, LATEST, OLD)])
        await admin.close()


async def test_more_copies_than_there_are_brokers_are_refused_in_a_sentence(kafka: str) -> None:
    with pytest.raises(UserError, match=f"{PREFIX}many was not created"):
        await create_topics(KafkaSettings(kafka, PREFIX), [Topic("many", "enrollment", (), "educator")], replication=9)


async def settings(admin: AIOKafkaAdminClient, topic: str, name: str) -> str:
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    entries = answers[0].resources[0][4]
    return next(str(entry[1]) for entry in entries if entry[0] == name)
