"""Reads the system from outside: its HTTP interfaces, its topics from their beginning, its mail."""

import asyncio
import csv
import email
import email.policy
import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from faults.stage import Stage
from faults.truth import Truth

TOPICS = (
    "wea.inbox.v1", "wea.educators.v1", "wea.enrollment.v1", "wea.sessions.v1", "wea.clockhours.v1",
    "wea.notifications.v1",
)  # fmt: skip
AT_ONCE = 24


@dataclass(frozen=True)
class Told:
    """One record of a topic."""

    key: str
    id: str
    source: str
    type: str
    sequence: int | None
    data: dict[str, Any]


@dataclass
class Seen:
    """All that was read."""

    hours: dict[str, dict[str, Any]] = field(default_factory=dict)
    books: dict[str, Any] = field(default_factory=dict)
    claims: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    parked: dict[str, list[Any]] = field(default_factory=dict)
    unmatched: list[Any] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    topics: dict[str, list[Told]] = field(default_factory=dict)
    mails: Counter[str] = field(default_factory=Counter)  # by Message-ID


class Reader:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.client = httpx.AsyncClient(timeout=30)

    async def close(self) -> None:
        await self.client.aclose()

    async def get(self, service: str, path: str, role: str, at: int = 0, **query: Any) -> Any:
        """What a GET answers; tried on each replica until one does."""
        urls = self.stage.urls(service)
        for tries in range(60):
            try:
                url = urls[(at + tries) % len(urls)] + path
                answer = await self.client.get(url, params=query, headers=self.stage.key(role))
                if answer.is_success:
                    return answer.json()
                said = f"{answer.status_code} {answer.text[:200]}"
            except httpx.HTTPError as error:
                said = type(error).__name__
            await asyncio.sleep(0.5)
        raise RuntimeError(f"{service} {path}: {said}")

    async def export(self) -> dict[str, list[dict[str, Any]]]:
        """The ledger as the state gets it, by educator, in the form of GET /educators/ID/clock-hours."""
        for url in self.stage.urls("clockhours") * 5:
            try:
                answer = await self.client.get(
                    url + "/exports/2023-24.csv", headers=self.stage.key("staff"), timeout=300
                )
                answer.raise_for_status()
                break
            except httpx.HTTPError:
                await asyncio.sleep(1)
        found: dict[str, list[dict[str, Any]]] = {}
        for row in csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))):
            entry: dict[str, Any] = {name: value or None for name, value in row.items()}
            entry["minutes"] = round(float(row["hours"].lstrip("'")) * 60)
            entry["designations"] = [one for one in row["designations"].split(";") if one]
            found.setdefault(row["educator_id"], []).append(entry)
        return found

    async def items(self, service: str, path: str, role: str, **query: Any) -> list[Any]:
        found: list[Any] = []
        after: dict[str, Any] = {}
        while True:
            page = await self.get(service, path, role, limit=1000, **query, **after)
            found += page["items"]
            if page["next"] is None:
                return found
            after = {"after": page["next"]}

    async def hours(self, educator: str, at: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = await self.get("clockhours", f"/educators/{educator}/clock-hours", "staff", at)
        return found

    async def everything(self, truths: list[Truth], asked: set[str], claims: list[tuple[str, str]]) -> Seen:
        """`asked` educators one by one, the others from the year's export."""
        seen, gate = Seen(), asyncio.Semaphore(AT_ONCE)

        async def educator(number: int, id: str) -> None:
            async with gate:
                seen.hours[id] = await self.hours(id, number)

        async def claim(number: int, source: str, id: str) -> None:
            async with gate:
                answer = await self.get("enrollment", "/admin/claims", "operator", number, source=source, id=id)
                seen.claims[source, id] = answer

        exported = await self.export()
        for truth in truths:
            if truth.educator not in asked:
                rows = [row for member in truth.members for row in exported.get(member, ())]
                seen.hours[truth.educator] = {"entries": in_granting_order(rows)}
        await asyncio.gather(*(educator(n, id) for n, id in enumerate(sorted(asked))))
        await asyncio.gather(*(claim(n, *one) for n, one in enumerate(claims)))
        seen.books = await self.get("enrollment", "/admin/books", "operator")
        for service in ("enrollment", "clockhours", "notifications"):
            seen.parked[service] = await self.items(service, "/admin/parked", "operator")
        seen.unmatched = await self.items("enrollment", "/unmatched", "staff")
        seen.messages = await self.items("notifications", "/messages", "staff")
        seen.topics = {topic: await read(self.stage.servers.bootstrap, topic) for topic in TOPICS}
        seen.mails = mails(Path(self.stage.status["mail_dir"]))
        return seen


def in_granting_order(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By the moment, not by its text: that of a whole second has no fraction, and sorts behind those that have one."""
    return sorted(entries, key=lambda entry: datetime.fromisoformat(entry["granted_at"]))


async def read(bootstrap: str, topic: str) -> list[Told]:
    """A topic from its beginning to its end of now; what is no event of ours (a tombstone's empty value) by headers."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        parts = [TopicPartition(topic, number) for number in range(12)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        found: list[Told] = []
        for part in parts:
            await consumer.seek_to_beginning(part)
        while any([await consumer.position(part) < ends[part] for part in parts]):
            batches = await consumer.getmany(timeout_ms=1000)
            for records in batches.values():
                found += [told(record) for record in records]
    finally:
        await consumer.stop()
    return found


def told(record: Any) -> Told:
    key = record.key.decode()
    if record.value is None:
        heads = {name: value.decode() for name, value in record.headers}
        sequence = int(heads["ce_sequence"]) if "ce_sequence" in heads else None
        return Told(key, heads["ce_id"], heads["ce_source"], heads["ce_type"], sequence, {})
    said = orjson.loads(record.value)
    sequence = int(said["sequence"]) if "sequence" in said else None
    return Told(key, said["id"], said["source"], said["type"], sequence, said.get("data") or {})


def mails(folder: Path) -> Counter[str]:
    """How often each Message-ID was delivered."""
    found: Counter[str] = Counter()
    for file in folder.glob("*.eml"):
        with file.open("rb") as opened:
            head = email.message_from_binary_file(opened, policy=email.policy.compat32)
        found[str(head["Message-ID"]).strip()] += 1
    return found
