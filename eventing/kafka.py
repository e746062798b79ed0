"""Kafka as this project uses it: settings that lose nothing, the producer, and the topics of the registry."""

import json
import ssl
from collections.abc import Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.structs import TopicPartition
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from eventing.batch import Partition
from eventing.clients import started
from eventing.fetched import read_any_names
from eventing.topics import MOST_BYTES, RegisteredTopic, topic_settings
from eventing.transient import TransientError

__all__ = ["KafkaError", "KafkaSettings", "TopicPartition", "ensure_topics", "offsets", "producer", "read_security"]


read_any_names()

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SIGN_IN = ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
SECURITY = ("security_protocol", *SIGN_IN, "ca_file")
MECHANISMS = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where Kafka is. `prefix` goes before every topic and group name: one cluster, many environments or tests."""

    bootstrap: str  # host:port of one broker, or of several by commas
    prefix: str = ""
    instance: str | None = None  # a stable name of this process, for static membership
    security: tuple[tuple[str, str], ...] = ()  # of the names in SECURITY

    def physical(self, topic: str) -> str:
        return self.prefix + topic

    def logical(self, topic: str) -> str:
        return topic.removeprefix(self.prefix)

    def physical_partition(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self.physical(partition[0]), partition[1])

    def logical_partition(self, partition: TopicPartition) -> Partition:
        return self.logical(partition.topic), partition.partition

    @property
    def addresses(self) -> list[str]:
        """FastStream takes a string for one address, whatever commas are in it."""
        return [address.strip() for address in self.bootstrap.split(",")]

    @property
    def options(self) -> dict[str, Any]:
        """What every client of aiokafka's is given."""
        given: dict[str, Any] = dict(self.security)
        ca_file = given.pop("ca_file", None)
        if self._is_encrypted:
            given["ssl_context"] = ssl.create_default_context(cafile=ca_file)
        return {"bootstrap_servers": self.addresses, **given}

    @property
    def broker_security(self) -> BaseSecurity | None:
        """The same for FastStream's broker."""
        given = self.options
        context = given.get("ssl_context")
        if "sasl_mechanism" not in given:
            return BaseSecurity(context, self._is_encrypted) if self._is_encrypted else None
        kind = MECHANISMS[given["sasl_mechanism"]]
        username, password = given["sasl_plain_username"], given["sasl_plain_password"]
        return kind(username, password, ssl_context=context, use_ssl=self._is_encrypted)

    @property
    def _is_encrypted(self) -> bool:
        return dict(self.security).get("security_protocol", "").endswith("SSL")


def read_security(said: str) -> tuple[tuple[str, str], ...]:
    """What WEA_KAFKA_SECURITY says, for KafkaSettings. Raises ValueError: a slip would end in a client that goes
    without what was meant, or in an error that names no setting."""
    try:
        given = json.loads(said)
    except ValueError:
        given = None
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ValueError('WEA_KAFKA_SECURITY is JSON: {"security_protocol": "SASL_SSL", ...}') from None
    if unknown := sorted(given.keys() - SECURITY):
        raise ValueError(f"WEA_KAFKA_SECURITY: {unknown[0]} is none of {', '.join(SECURITY)}")
    if (protocol := given.get("security_protocol", PROTOCOLS[0])) not in PROTOCOLS:
        raise ValueError(f"WEA_KAFKA_SECURITY: security_protocol is one of {', '.join(PROTOCOLS)}")
    for name, of in (*((one, "SASL") for one in SIGN_IN), ("ca_file", "SSL")):
        if given.get(name) and of not in protocol:
            raise ValueError(f"WEA_KAFKA_SECURITY: {name} is for {of}, and security_protocol is {protocol}")
    if protocol.startswith("SASL") and (missing := [name for name in SIGN_IN if not given.get(name)]):
        raise ValueError(f"WEA_KAFKA_SECURITY: {protocol} needs {', '.join(missing)}")
    if given.get("sasl_mechanism") not in (None, *MECHANISMS):
        raise ValueError(f"WEA_KAFKA_SECURITY: sasl_mechanism is one of {', '.join(MECHANISMS)}")
    return tuple(given.items())


def producer(settings: KafkaSettings) -> AIOKafkaProducer:
    """An idempotent producer that acknowledges only what all in-sync replicas have."""
    return AIOKafkaProducer(
        **settings.options,
        acks="all",
        enable_idempotence=True,
        linger_ms=1,
        max_batch_size=256 * 1024,
        max_request_size=MOST_BYTES,
        compression_type="lz4",
        request_timeout_ms=20_000,
    )


@asynccontextmanager
async def admin(settings: KafkaSettings) -> Any:
    client = AIOKafkaAdminClient(**settings.options)
    try:
        await started(client, client.close)
        yield client
    except (KafkaError, OSError) as error:
        raise TransientError(type(error).__name__) from error
    finally:
        await client.close()


async def ensure_topics(settings: KafkaSettings, topics: Iterable[RegisteredTopic], *, replication: int = 1) -> None:
    """Create the topics that are missing, as the registry has them. What exists is never changed in place."""
    wanted = [
        NewTopic(
            name=settings.physical(topic.name),
            num_partitions=topic.partitions,
            replication_factor=replication,
            topic_configs=topic_settings(topic, replication),
        )
        for topic in topics
    ]
    async with admin(settings) as client:
        answer = await client.create_topics(wanted)
        for code, message in ((error[1], error[2]) for error in answer.topic_errors):
            failure = for_code(code)
            if code and failure is not TopicAlreadyExistsError:
                raise failure(message)


async def offsets(settings: KafkaSettings, group: str, topics: Sequence[str]) -> dict[TopicPartition, tuple[int, int]]:
    """For each partition: the group's committed offset (0 where none) and the end of the log."""
    from aiokafka import AIOKafkaConsumer  # only here: operators ask for lag, services consume by FastStream

    consumer = AIOKafkaConsumer(**settings.options, group_id=None, enable_auto_commit=False)
    await started(consumer, consumer.stop)
    try:
        parts = [
            TopicPartition(settings.physical(topic), number)
            for topic in topics
            for number in sorted(
                consumer.partitions_for_topic(settings.physical(topic)) or await _parts(consumer, settings, topic)
            )
        ]
        ends = await consumer.end_offsets(parts)
    finally:
        await consumer.stop()
    async with admin(settings) as client:
        committed = await client.list_consumer_group_offsets(settings.prefix + group)
    return {part: (max(0, committed[part].offset) if part in committed else 0, ends[part]) for part in parts}


async def _parts(consumer: Any, settings: KafkaSettings, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()
    consumer.subscribe([settings.physical(topic)])
    return consumer.partitions_for_topic(settings.physical(topic)) or set()
