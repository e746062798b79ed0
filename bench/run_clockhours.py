"""clockhours itself: its consumer, its handler, its policy, on the topic; nothing else of the service runs."""

from typing import Any

from bench.contender import Race, ran
from bench.history import NOW, programs
from contracts import topics
from eventing.consumer import Consumer, Subscription
from eventing.kafka import KafkaSettings
from eventing.mongo import connect
from eventing.service import EVENTING_INDEXES
from services.clockhours.app import NAME
from services.clockhours.handlers import on_enrollment
from services.clockhours.store import INDEXES


class Racing(Consumer):
    """A consumer that reads nothing before every process of the race is ready."""

    def __init__(self, race: Race, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._race, self._waits = race, True

    async def _poll(self, consumer: Any) -> Any:
        if self._waits:
            await self._race.start_line(consumer)
            self._waits = False
        return await super()._poll(consumer)


async def run(race: Race) -> None:
    with connect(race.mongo, race.database) as database:
        await database.ensure({**EVENTING_INDEXES, **INDEXES})
        kafka = KafkaSettings(race.kafka, race.prefix)

        async def timed(batch, *context):
            race.begun()
            await on_enrollment(batch, *context)
            race.done(len(batch.records))

        subscriptions = (Subscription(topics.ENROLLMENT, timed),)
        group = f"{NAME}-{race.database}"
        consumer = Racing(race, kafka, group, subscriptions, database, database, programs(), clock=lambda: NOW)
        await consumer.start()
        await race.finished()
        await consumer.stop()


if __name__ == "__main__":
    ran(run)
