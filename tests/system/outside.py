"""The world outside: what the portal and NEA send, over HTTP and Kafka, and what they read."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from eventing.kafka import KafkaSettings, producer
from tests.waiting import until
from wea.api import System, connected, path

TRA1 = "NEA_TRA1"
TIME = "2024-04-20T10:00:00-07:00"


@dataclass
class Educator:
    """One educator with ids of her own, and builders of what happens to her. Builders send nothing."""

    id: str = field(default_factory=lambda: f"E-{uuid4().hex[:10]}")
    name: str = "Rosa Marín"

    @property
    def email(self) -> str:
        return f"{self.id.lower()}@example.org"

    @property
    def member(self) -> str:
        return f"N-{self.id}"

    def event(self, type: str, time: str = TIME, **data: Any) -> dict[str, Any]:
        """A portal event, with an id of its own."""
        body = {"educator_id": self.id, **data}
        return {
            "specversion": "1.0", "id": f"{type}-{uuid4().hex[:12]}", "source": "/portal", "type": type, "time": time,
            "data": body,
        }  # fmt: skip

    def profile(self, **changes: Any) -> dict[str, Any]:
        known = {"name": self.name, "email": self.email, "nea_member_id": self.member}
        return self.event("educator.updated", **{**known, **changes})

    def oriented(self, minutes: int = 90, session: str | None = None, at: str = TIME) -> dict[str, Any]:
        session_id = session or f"O-{self.id}"
        return self.event("session.attended", session_id=session_id, kind="orientation", minutes=minutes, ended_at=at)

    def trained(self, opens: str | None = TRA1, minutes: int = 90, session: str | None = None) -> dict[str, Any]:
        data: dict[str, Any] = {
            "session_id": session or f"W-{self.id}",
            "kind": "workshop",
            "minutes": minutes,
            "ended_at": TIME,
        }
        return self.event("session.attended", **data, **({"micro_credential_id": opens} if opens else {}))

    def registered(self, credential: str = TRA1) -> dict[str, Any]:
        return self.event("clock_hours.registered", micro_credential_id=credential, registered_at=TIME)

    def corrected(self, session: str, minutes: int, time: str = TIME, **more: Any) -> dict[str, Any]:
        return self.event("attendance.corrected", time, session_id=session, minutes=minutes, reason="checked", **more)

    def webhook(self, kind: str, timestamp: str = TIME, credential: str = TRA1, **data: Any) -> dict[str, Any]:
        """A webhook of NEA's, with an id of its own under `id`."""
        learner = {"nea_member_id": self.member, "email": self.email}
        body = {"learner": learner, "micro_credential_id": credential, **data}
        return {
            "id": f"wh-{uuid4().hex[:12]}",
            "body": {"type": f"micro_credential.{kind}", "timestamp": timestamp, "data": body},
        }

    def submitted(self, at: str = TIME, attempt: int = 1, submission: str | None = None) -> dict[str, Any]:
        submission_id = submission or f"S-{self.id}"
        return self.webhook("submitted", submission_id=submission_id, attempt=attempt, submitted_at=at)

    def awarded(self, at: str = "2024-05-02T09:00:00-07:00", attempt: int = 1) -> dict[str, Any]:
        more: dict[str, Any] = {
            "submission_id": f"S-{self.id}",
            "attempt": attempt,
            "decision": "awarded",
            "decided_at": at,
        }
        return self.webhook("reviewed", **more)

    def whole_story(self) -> list[dict[str, Any]]:
        """All that it takes for 1080 minutes, in the order in which it happens."""
        return [
            self.profile(),
            self.oriented(),
            self.webhook("registered", registered_at=TIME),
            self.registered(),
            self.trained(),
            self.submitted(),
            self.awarded(),
        ]


@dataclass
class World:
    """Sends to a running system and reads from it."""

    api: System

    @property
    def kafka(self) -> KafkaSettings:
        return KafkaSettings(self.api.status["kafka"]["bootstrap"])

    def send(self, *sent: dict[str, Any]) -> None:
        """One after another over HTTP, each acknowledged before the next."""
        for one in sent:
            if "body" in one:
                self.api.nea(one["id"], one["body"])
            else:
                self.api.portal(one)

    def produce(self, *events: dict[str, Any]) -> None:
        """Portal events as records of wea.portal.v1."""
        asyncio.run(self.put("wea.portal.v1", ((key_of(event), orjson.dumps(event)) for event in events)))

    async def put(self, topic: str, records: Iterable[tuple[str, bytes]]) -> None:
        sender = producer(self.kafka)
        await sender.start()
        try:
            for key, value in records:
                headers = [("content-type", b"application/cloudevents+json")]
                await sender.send_and_wait(self.kafka.physical(topic), value, key=key.encode(), headers=headers)
        finally:
            await sender.stop()

    def hours(self, educator: Educator) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.get("clockhours", path("educators", educator.id, "clock-hours"))
        return answer

    def record(self, educator: Educator) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.get("enrollment", path("educators", educator.id))
        return answer

    def until_known(self, *educators: Educator) -> None:
        """Wait until enrollment has the profile of each: what is said of two educators has no order of its own."""
        for educator in educators:
            until(lambda: self.profile(educator) is not None, f"{educator.id} is known")  # noqa: B023

    def profile(self, educator: Educator) -> dict[str, Any] | None:
        """The educator's profile; None until there is one."""
        found: dict[str, Any] | None = self.api.find("enrollment", path("educators", educator.id))
        return found and found["profile"]

    def missing(self, educator: Educator, credential: str = TRA1) -> list[str] | None:
        """What the held row of a micro-credential waits for; None where there is no row."""
        rows = [row for row in self.hours(educator)["held"] if row["micro_credential_id"] == credential]
        return rows[0]["missing"] if rows else None

    def until_missing(self, educator: Educator, steps: list[str]) -> None:
        until(lambda: self.missing(educator) == steps, f"{educator.id} misses {steps}")

    def until_total(self, educator: Educator, minutes: int) -> dict[str, Any]:
        """Wait until the ledger's total is this, and return the record."""
        until(lambda: self.hours(educator)["total_minutes"] == minutes, f"{educator.id} has {minutes}")
        return self.hours(educator)


def key_of(event: dict[str, Any]) -> str:
    data = event["data"]
    if event["type"].startswith("session.") and event["type"] not in {"session.reserved", "session.attended"}:
        return str(data["session_id"])
    return str(data.get("kept_educator_id") or data["educator_id"])


def kinds(record: dict[str, Any]) -> list[tuple[str, int]]:
    """Kind and minutes of each entry, sorted: what a ledger holds, whatever the order of arrival."""
    return sorted((entry["kind"], entry["minutes"]) for entry in record["entries"])


__all__ = ["TIME", "TRA1", "Educator", "World", "connected", "key_of", "kinds"]
