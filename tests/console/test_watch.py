"""What the console sees of the servers: who is away is named, and nobody else."""

from collections.abc import Iterable
from datetime import timedelta
from typing import cast

import pytest
from prometheus_client import REGISTRY

from contracts import topics
from eventing.batch import Partition
from eventing.clock import system_now
from eventing.looking import Cluster
from eventing.transient import TransientError
from services.console.watch import Watch
from tests.console.conftest import World
from tests.console.fakes import Bodies


class Kafka(Bodies):
    """Answers: each topic has what was written, and nobody has read anything."""

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        highest = {(topic, number): offset + 1 for topic, number, offset in sorted(self.held)}
        return {partition: highest.get(partition, 0) for partition in partitions}

    async def committed(self, _: object) -> dict[Partition, int]:
        return {}

    async def members(self, _: object) -> int:
        return 1


def answers() -> float | None:
    return REGISTRY.get_sample_value("wea_kafka_answers")


async def test_that_kafka_is_away_is_shown_to_prometheus(world: World) -> None:
    sight = await Watch(world.neighbours, cast(Cluster, Kafka()), world.store).look()
    assert (sight.kafka, answers()) == (True, 1)
    sight = await world.console.watch.look()
    assert (sight.kafka, answers()) == (False, 0)


async def test_a_database_that_is_away_is_not_taken_for_kafka(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    long_ago = system_now() - timedelta(hours=1)
    kafka.hold([world.record(topics.CLOCKHOURS.name, "E-1", "org.washingtonea.ClockHoursAwarded.v1", at=long_ago)])

    async def away(_: object) -> None:
        raise TransientError("away")

    monkeypatch.setattr(world.store, "at_places", away)
    sight = await Watch(world.neighbours, cast(Cluster, kafka), world.store).look()
    assert sight.kafka
    assert {one.oldest for one in sight.groups if one.lag} == {long_ago}
