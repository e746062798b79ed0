"""From Kafka's bytes to records: whatever stands on a topic is read, or told why not."""

from datetime import UTC, datetime
from typing import Any, cast

from aiokafka import ConsumerRecord
from faststream.kafka import KafkaMessage

from eventing.batch import Failure, Record
from eventing.clock import system_now
from eventing.envelope import UnreadableError, decode
from eventing.reasons import Reason
from eventing.topics import MOST_BYTES

TOO_LARGE = Reason("too_large")
LONGEST_KEY = 900


async def parse(raw: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """FastStream's own parser decodes headers outside the acknowledgement code; ours leaves bytes alone."""
    first, last = raw[0], raw[-1]
    return KafkaMessage(
        body=b"",
        raw_message=raw,
        message_id=f"{first.topic}-{first.partition}-{first.offset}-{last.offset}",
        consumer=cast(Any, None),
    )


def read(raw: ConsumerRecord, topic: str, *, counted: bool = True) -> Record | Failure:
    """One Kafka record, read or told why not. Never raises."""
    timestamp = _moment(raw.timestamp)
    headers = tuple((name, content or b"") for name, content in raw.headers or ())
    if _size(raw) > MOST_BYTES:  # Kafka counts what is compressed. MongoDB could not even keep it for operators
        key = raw.key if len(raw.key or b"") <= LONGEST_KEY else None
        return Failure(topic, raw.partition, raw.offset, key, None, (), timestamp, TOO_LARGE)
    try:
        key = _key(raw.key)
        event = decode(raw.value, headers, key, counted=counted)
    except UnreadableError as error:
        return Failure(topic, raw.partition, raw.offset, raw.key, raw.value, headers, timestamp, Reason(error.reason))
    return Record(topic, raw.partition, raw.offset, key, event, timestamp, raw.value, headers)


def _size(raw: ConsumerRecord) -> int:
    return sum(len(part or b"") for part in (raw.key, raw.value, *(content for _, content in raw.headers or ())))


def _moment(milliseconds: int | None) -> datetime:
    """Kafka's timestamp, which the producer chose; now, where it chose none, or one that no calendar has."""
    try:
        return datetime.fromtimestamp(max(0, milliseconds) / 1000, UTC) if milliseconds else system_now()
    except (ValueError, OverflowError, OSError):
        return system_now()


def _key(key: bytes | None) -> str:
    if not key:
        raise UnreadableError("no_key")
    try:
        text = key.decode()
    except UnicodeDecodeError:
        raise UnreadableError("key_not_utf8") from None
    if len(key) > LONGEST_KEY or "\x00" in text:
        raise UnreadableError("key_unusable")
    return text
