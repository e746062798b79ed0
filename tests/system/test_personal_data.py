"""Where personal data may be, and where it must never be: markers planted in every field that a person can fill."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
import httpx
import orjson
import pymongo
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from contracts import topics
from tests.system.conftest import System
from tests.system.outside import TIME, Educator, World
from tests.waiting import until
from wea.errors import UserError

MARKER = "zyxquorra"
WITH_PERSONAL_DATA = {"wea.portal.v1", "wea.inbox.v1", "wea.educators.v1"}
DATABASES = ("enrollment", "clockhours", "notifications", "console")


class Marked(Educator):
    """Whatever says who she is has the marker in it; her id has not."""

    @property
    def email(self) -> str:
        return f"{MARKER}.{self.id.lower()}@example.org"

    @property
    def member(self) -> str:
        return f"N-{MARKER}-{self.id}"


@pytest.fixture(scope="module")
def rosa(world: World) -> Marked:
    """Her whole way, told by every way in; and all that can go wrong with it."""
    rosa = Marked(name=f"Rosa {MARKER.title()}")
    told = rosa.whole_story()
    told[0] = rosa.profile(certificate_number=f"C-{MARKER}", district=f"{MARKER} schools")
    world.send(*told)
    world.produce(rosa.corrected(f"W-{rosa.id}", 90, micro_credential_id="NEA_TRA1"))
    unmatched = Marked()
    world.send(unmatched.submitted())
    world.until_total(rosa, 1080)
    return rosa


def raw(world: World, topic: str) -> list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]:
    """Every record of a topic, as it lies there."""

    async def read() -> list[Any]:
        # "earliest", not a seek: aiokafka's own reset to the default may come in after it.
        consumer = AIOKafkaConsumer(
            bootstrap_servers=world.api.status["kafka"]["bootstrap"],
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            parts = [TopicPartition(topic, number) for number in range(12)]
            consumer.assign(parts)
            ends = await consumer.end_offsets(parts)
            found: list[Any] = []
            while any([await consumer.position(part) < ends[part] for part in parts]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += [(r.key, r.value, list(r.headers)) for r in records]
            return found
        finally:
            await consumer.stop()

    return asyncio.run(read())


def marked(content: object) -> bool:
    return MARKER.encode() in bytes(str(content).lower(), "utf-8", "replace")


def refusals(world: World, rosa: Marked) -> Iterator[httpx.Response]:
    """Requests with the marker in each place that is wrong, and what is answered."""
    client, url, key = world.api.client, world.api.url, world.api.key
    headers = {**key("portal"), "content-type": "application/cloudevents+json"}
    right = rosa.profile()
    for wrong in (
        {**right, "time": MARKER},
        {**right, "type": f"educator.{MARKER}"},
        {**right, "source": f" {MARKER} "},
        {**right, "data": {**right["data"], "email": f"{MARKER} no address"}},
        {**right, "data": {**right["data"], "name": [f"{MARKER}"]}},
        {**rosa.oriented(), "data": {"educator_id": rosa.id, "minutes": MARKER}},
    ):
        yield client.post(url("enrollment") + "/portal/events", content=orjson.dumps(wrong), headers=headers)
    yield client.post(url("enrollment") + "/portal/events", content=f'{{"{MARKER}"'.encode(), headers=headers)
    yield client.post(url("enrollment") + "/webhooks/nea", content=MARKER.encode(), headers={"webhook-id": MARKER})
    yield client.get(url("notifications") + "/messages", params={"kind": MARKER}, headers=key("staff"))
    yield client.get(url("clockhours") + "/exceptions", params={"status": MARKER}, headers=key("staff"))


def test_personal_data_is_nowhere_but_where_the_design_has_it(system: System, world: World, rosa: Marked) -> None:
    for answer in refusals(world, rosa):
        assert 400 <= answer.status_code < 500
        assert not marked(answer.text), (answer.request.url, answer.text)
    for service in DATABASES:
        assert not marked(world.api.client.get(world.api.url(service) + "/metrics").text), service
    for log in (system.state / "logs").glob("*"):
        assert MARKER not in log.read_text(errors="replace").lower(), log
    for topic in topics.ALL:
        if topic.name not in WITH_PERSONAL_DATA:
            assert not any(marked(record) for record in raw(world, topic.name)), topic.name
    assert any(marked(record) for record in raw(world, "wea.inbox.v1")), "the markers were planted"


def documents(world: World) -> Iterator[tuple[str, bytes]]:
    """Every document of every database, as it lies there."""
    with pymongo.MongoClient[dict[str, Any]](world.api.status["mongo"]["uri"]) as client:
        for database in DATABASES:
            for name in client[database].list_collection_names():
                for document in client[database][name].find():
                    yield f"{database}.{name}", bson.encode(document)


def until_erased(world: World, educator: Educator) -> None:
    def erased() -> bool:
        try:
            return bool(world.record(educator)["erased"])
        except UserError:  # 404 until the first event is applied
            return False

    until(erased, "she is erased")


def test_after_erasure_no_database_knows_the_person(system: System, world: World, rosa: Marked) -> None:
    """Of the topics, portal and inbox forget after 14 days, and wea.educators.v1 by its tombstone."""

    said = [one.lower().encode() for one in (rosa.member, rosa.email, rosa.name)]

    def known() -> set[str]:
        return {where for where, document in documents(world) if any(one in document.lower() for one in said)}

    assert known(), "the person is known before"
    world.send(rosa.event("educator.erased", "2024-06-01T10:00:00-07:00"))
    until_erased(world, rosa)
    until(lambda: not known(), "every database has forgotten her")
    assert world.hours(rosa)["total_minutes"] == 1080

    def last() -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
        return [record for record in raw(world, "wea.educators.v1") if record[0] == rosa.id.encode()][-1]

    until(lambda: last()[1] is None, "the tombstone is on its topic")
    assert not marked(last())
    for log in (system.state / "logs").glob("*"):
        assert MARKER not in Path(log).read_text(errors="replace").lower(), log


def test_a_profile_that_comes_after_erasure_leaves_nothing(world: World) -> None:
    gone = Marked()
    world.send(gone.profile(), gone.event("educator.erased", TIME))
    until_erased(world, gone)
    world.send(gone.profile(name=f"Back {MARKER}"))
    marker = Educator()
    world.send(marker.oriented())
    world.until_total(marker, 90)
    until(
        lambda: not any(gone.email.encode() in document.lower() for _, document in documents(world)),
        "what came late is forgotten",
    )
