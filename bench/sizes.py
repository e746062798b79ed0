"""What is kept: bytes of each topic and each database, for one event that came in from outside."""

from typing import Any

from aiokafka import AIOKafkaConsumer
from pymongo import AsyncMongoClient

from bench.table import table
from bench.whole import Whole
from contracts import topics
from eventing.kafka import TopicPartition

DATABASES = ("enrollment", "clockhours", "notifications", "console")


async def figure(system: Whole) -> dict[str, Any]:
    """After some thousand events. Records as they are produced, before compression; databases with their indexes."""
    kept = {topic.name: await _topic(system.kafka, topic.name) for topic in topics.ALL}
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(system.status["mongo"]["uri"])
    came = await client["enrollment"]["intake"].estimated_document_count()
    stats = {name: await client[name].command("dbStats") for name in DATABASES}
    await client.close()
    return {
        "events": came,
        "topics": {name: {"records": n, "bytes": size} for name, (n, size) in kept.items() if n},
        "databases": {name: round(found["dataSize"] + found["indexSize"]) for name, found in stats.items()},
    }


async def _topic(kafka: str, name: str) -> tuple[int, int]:
    """How many records, and how many bytes of key, value and headers."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        parts = [TopicPartition(name, number) for number in range(topics.PARTITIONS)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        records = size = 0
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for part in (await consumer.getmany(timeout_ms=500)).values():
                records += len(part)
                size += sum(_bytes(record) for record in part)
        return records, size
    finally:
        await consumer.stop()


def _bytes(record: Any) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def lines(found: dict[str, Any]) -> list[str]:
    came = found["events"]
    rows = [
        [name, f"{of['records'] / came:.2f}", f"{of['bytes'] / of['records']:,.0f}", f"{of['bytes'] / came:,.0f}"]
        for name, of in found["topics"].items()
    ]
    rows += [[f"database {name}", "", "", f"{size / came:,.0f}"] for name, size in found["databases"].items()]
    head = ["", "records an event", "bytes a record", "bytes an event"]
    said = f"For each of the {came:,} events that came in: records before compression, documents with their indexes."
    return [said, "", *table(head, rows)]
