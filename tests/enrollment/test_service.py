"""The service as it runs: its own processes, a real Kafka, a real mongod; seen by HTTP and the topics only."""

import asyncio
import os
import random
import signal
import socket
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaConsumer

from contracts import topics
from eventing.envelope import STRUCTURED_HEADERS, Event, decode, encode
from eventing.kafka import KafkaSettings, admin, ensure_topics, producer
from eventing.mongo import connect
from tests.enrollment.builders import (
    ANA,
    BEN,
    TRA1,
    Said,
    attended,
    hours_registered,
    oriented,
    profile,
    reviewed,
    submitted,
)
from tests.enrollment.intakes import SECRET, signed
from tests.waiting import until_true

ROOT = Path(__file__).parents[2]
KEYS = "portal=pk,staff=sk,operator=ok"
NEXT_SECRET = "whsec_bmV4dC1uZXh0LW5leHQtbmV4dC1uZXh0"


@dataclass
class Running:
    """One or more processes of the service over one database and one prefix of topics."""

    kafka: str
    mongo: str
    secrets: str = SECRET  # those that a process knows which starts now
    signs_with: str = SECRET  # NEA
    name: str = field(default_factory=lambda: f"enrollment-{uuid4().hex[:8]}")
    ports: list[int] = field(default_factory=list)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30))

    @property
    def settings(self) -> KafkaSettings:
        return KafkaSettings(self.kafka, prefix=f"{self.name}.")

    async def start(self, until: str = "/health/ready") -> int:
        """Start one process and wait until it says so of itself. Returns its place."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.ports.append(port)
        self.processes.append(await self._process(port))
        await until_true(lambda: self._says(port, until))
        return len(self.ports) - 1

    async def kill(self, place: int) -> None:
        self.processes[place].send_signal(signal.SIGKILL)
        await self.processes[place].wait()

    async def restart(self, place: int) -> None:
        self.processes[place] = await self._process(self.ports[place])
        await until_true(lambda: self._says(self.ports[place], "/health/ready"))

    async def roll(self) -> None:
        """A rolling restart: one process after the other ends in order and starts with today's settings."""
        for place, process in enumerate(self.processes):
            process.terminate()
            await process.wait()
            await self.restart(place)

    def _url(self, path: str, place: int) -> str:
        return f"http://127.0.0.1:{self.ports[place]}{path}"

    async def stop(self) -> None:
        await self.client.aclose()
        for process in self.processes:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def _process(self, port: int) -> asyncio.subprocess.Process:
        environment = {
            **os.environ,
            "WEA_KAFKA": self.kafka,
            "WEA_KAFKA_PREFIX": f"{self.name}.",
            "WEA_MONGO": self.mongo,
            "WEA_DATABASE": self.name,
            "WEA_PORT": str(port),
            "WEA_KEYS": KEYS,
            "WEA_NEA_SECRETS": self.secrets,
            "WEA_PROGRAMS": str(ROOT / "programs"),
            "WEA_INTAKE_RATE": "100000",
        }
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.enrollment", cwd=ROOT, env=environment, stderr=asyncio.subprocess.DEVNULL
        )

    async def _says(self, port: int, path: str) -> bool:
        try:
            return (await self.client.get(f"http://127.0.0.1:{port}{path}")).status_code == 200
        except httpx.HTTPError:
            return False

    async def get(self, path: str, key: str = "sk", place: int = 0) -> Any:
        answer = await self.client.get(self._url(path, place), headers={"Authorization": f"Bearer {key}"})
        return answer.json() if answer.status_code == 200 else None

    async def post(self, *facts: Said, place: int = 0) -> int:
        """Post the portal's events as one batch; 0 when nobody answers."""
        headers = {"Authorization": "Bearer pk", "Content-Type": "application/cloudevents-batch+json"}
        return await self._send(
            "/portal/events", orjson.dumps([fact.cloudevent for fact in facts]), headers, place=place
        )

    async def webhook(self, fact: Said, place: int = 0) -> int:
        body, moment = orjson.dumps(fact.webhook), str(int(time.time()))
        headers = {
            "webhook-id": fact.id,
            "webhook-timestamp": moment,
            "webhook-signature": signed(self.signs_with, fact.id, moment, body),
        }
        return await self._send("/webhooks/nea", body, headers, place=place)

    async def _send(self, path: str, body: bytes, headers: dict[str, str], place: int) -> int:
        try:
            return (await self.client.post(self._url(path, place), content=body, headers=headers)).status_code
        except httpx.HTTPError:
            return 0

    async def produce(self, *facts: Said, sequence: int | None = None) -> None:
        """What the portal writes to its topic itself; `sequence` as CloudEvents has it among its extensions."""
        sender = producer(self.settings)
        await sender.start()
        for fact in facts:
            event = Event(fact.id, fact.source, fact.type, fact.time, fact.data, fact.key, sequence)
            await sender.send_and_wait(
                self.settings.physical(topics.PORTAL.name),
                encode(event),
                key=fact.key.encode(),
                headers=list(STRUCTURED_HEADERS),
            )
        await sender.stop()

    async def at_rest(self) -> dict[str, Any]:
        """The books, once everything accepted has its outcome and everything told is out."""

        async def quiet() -> Any:
            books = await self.get("/admin/books", "ok")
            waiting = books is None or books["unaccounted"] or books["outbox"] or books["inbox_outbox"]
            return None if waiting else books

        shown: dict[str, Any] = await until_true(quiet)
        return shown

    async def told(self, topic: str) -> dict[str, list[Event]]:
        """All that stands on a topic, by key in order, each event once."""
        physical = self.settings.physical(topic)
        reader = AIOKafkaConsumer(
            physical, bootstrap_servers=self.kafka, auto_offset_reset="earliest", enable_auto_commit=False
        )
        await reader.start()
        ends = await reader.end_offsets(reader.assignment())
        found: dict[str, list[Event]] = {}
        seen: set[str] = set()
        while any([await reader.position(part) < end for part, end in ends.items()]):
            for records in (await reader.getmany(timeout_ms=500)).values():
                for record in records:
                    event = decode(record.value, record.headers, record.key.decode())
                    if event.id not in seen:
                        seen.add(event.id)
                        found.setdefault(event.key, []).append(event)
        await reader.stop()
        return found


@pytest.fixture
async def service(kafka: str, mongo: str) -> AsyncIterator[Running]:
    running = Running(kafka, mongo)
    await ensure_topics(running.settings, topics.ALL)
    yield running
    await running.stop()
    with connect(mongo, running.name) as database:
        await database.client.drop_database(running.name)
    async with admin(running.settings) as client:
        await client.delete_topics([running.settings.physical(topic.name) for topic in topics.ALL])


async def test_all_three_ways_in_lead_to_one_record_and_one_effect(service: Running) -> None:
    await service.start()
    half = [profile(ANA, nea_member_id="N-1"), oriented()]
    rest = [attended(), hours_registered()]
    assert await service.post(*half, rest[0]) == 202
    await service.produce(*rest, half[0])
    assert [await service.webhook(fact) for fact in (submitted(), reviewed())] == [202, 202]

    async def awarded() -> Any:
        shown = await service.get(f"/educators/{ANA}")
        return shown if shown and shown["micro_credentials"] and shown["micro_credentials"][0]["awarded_at"] else None

    shown = await until_true(awarded)
    assert shown["workshops"][0]["micro_credential_id"] == TRA1
    books = await service.at_rest()
    assert (books["accepted"], books["outcomes"]["applied"], books["problems"]) == (6, 6, [])
    told = await service.told(topics.ENROLLMENT.name)
    assert [event.sequence for event in told[ANA]] == [1, 2, 3, 4, 5]
    assert {event.source for event in told[ANA]} == {"/enrollment"}
    assert len((await service.told(topics.EDUCATORS.name))[ANA]) == 1


async def test_the_largest_event_that_a_batch_may_hold_reaches_its_educator(service: Running) -> None:
    await service.start()
    largest = oriented()
    room = 1024 * 1024 - len(orjson.dumps([largest.cloudevent])) - len(',"more":""')
    more = b64encode(random.Random(7).randbytes(room)).decode()[:room]  # hardly to be compressed
    assert await service.post(replace(largest, data={**largest.data, "more": more})) == 202
    assert await service.post(attended(), hours_registered(BEN)) == 202
    assert await until_true(lambda: _applied(service, 3))


async def test_a_sequence_of_the_portal_s_own_holds_up_nothing_and_makes_nothing_a_duplicate(service: Running) -> None:
    await service.start()
    await service.produce(oriented(), attended(), sequence=7)
    await service.produce(hours_registered(), sequence=3)
    assert await until_true(lambda: _applied(service, 3))
    books = await service.at_rest()
    assert (books["outcomes"]["applied"], books["parked"]) == (3, 0)


async def _applied(service: Running, number: int) -> bool:
    books = await service.get("/admin/books", "ok")
    return bool(books and books["outcomes"]["applied"] == number)


async def test_kill_9_in_the_middle_loses_nothing_and_doubles_nothing(service: Running) -> None:
    await service.start()
    people = [f"E-{number}" for number in range(20)]
    stories = [[oriented(who), attended(who), hours_registered(who)] for who in people]

    async def send(story: list[Said]) -> None:
        for fact in story:  # as the portal does: again until it is accepted
            while await service.post(fact) != 202:
                await asyncio.sleep(0.1)

    sending = asyncio.gather(*(send(story) for story in stories))
    for _ in range(2):
        await asyncio.sleep(0.5)
        await service.kill(0)
        await service.restart(0)
    await sending
    books = await service.at_rest()
    assert (books["accepted"], books["outcomes"]["applied"], books["problems"]) == (60, 60, [])
    told = await service.told(topics.ENROLLMENT.name)
    for who in people:
        assert [event.sequence for event in told[who]] == [1, 2, 3]


async def test_two_replicas_share_the_work_and_one_may_die(service: Running) -> None:
    await service.start()
    await service.start()
    people = [f"E-{number}" for number in range(30)]
    for number, who in enumerate(people):
        assert await service.post(oriented(who), attended(who), place=number % 2) == 202
    await service.kill(1)
    assert await service.post(*(hours_registered(who) for who in people), attended(BEN)) == 202
    books = await service.at_rest()
    assert (books["accepted"], books["outcomes"]["applied"]) == (91, 91)


async def test_an_intake_that_starts_while_kafka_is_away_serves_though_the_service_is_not_ready(mongo: str) -> None:
    """A balancer that asked for readiness would send NEA and the portal away from the only ones who could hear them."""
    with socket.socket() as nobody:  # bound and not listening: whoever comes is refused
        nobody.bind(("127.0.0.1", 0))
        service = Running(f"127.0.0.1:{nobody.getsockname()[1]}", mongo)
        try:
            await service.start(until="/health/serving")
            assert await service.webhook(submitted()) == 202
            assert await service.post(attended(ANA)) == 202
            ready = await service.client.get(service._url("/health/ready", 0))
            assert (ready.status_code, ready.json()["reasons"]) == (503, ["no_kafka"])
        finally:
            await service.stop()
            with connect(mongo, service.name) as database:
                await database.client.drop_database(service.name)


async def test_what_is_not_right_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "2023-24.toml").write_text("id = 7\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.enrollment",
        cwd=ROOT,
        env={**os.environ, "WEA_PROGRAMS": str(tmp_path), "WEA_NEA_SECRETS": SECRET},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode().startswith("enrollment: ")
    assert "line 1" in said.decode()
    assert "Traceback" not in said.decode()


async def test_neas_secret_is_replaced_on_a_running_system_without_a_lost_webhook(service: Running) -> None:
    """Both secrets with us, then NEA signs with the new one, then only the new one with us; NEA sends all the time."""
    await service.start()
    await service.start()
    answers: Counter[int] = Counter()
    ended = asyncio.Event()

    async def nea() -> int:
        """As it does: each until it is accepted, wherever the balancer sends it."""
        sent = 0
        while not ended.is_set():
            for tries in count():
                answer = await service.webhook(replace(submitted(), id=f"rotated-{sent}"), place=tries % 2)
                answers[answer] += 1
                await asyncio.sleep(0.05)  # some twenty a second
                if answer == 202:
                    break
            sent += 1
        return sent

    sending = asyncio.create_task(nea())
    service.secrets = f"{SECRET} {NEXT_SECRET}"
    await service.roll()
    service.signs_with = NEXT_SECRET
    service.secrets = NEXT_SECRET
    await service.roll()
    ended.set()
    sent = await sending
    assert set(answers) <= {202, 0, 503}, "nobody who signs is sent away; 0: it is just starting"
    assert answers[202] == sent
    assert (await service.at_rest())["accepted"] == sent
    service.signs_with = SECRET
    assert await service.webhook(replace(submitted(), id="too-late")) == 401
