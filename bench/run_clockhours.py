"""clockhours itself: its consumer, its handler, its policy, on the topic; nothing else of the service runs."""

from bench.contender import Race, ran
from bench.history import NOW, programs
from eventing.consumer import Consumer, Subscription
from eventing.kafka import KafkaSettings
from eventing.mongo import connect
from eventing.service import EVENTING_INDEXES
from services.clockhours.app import NAME
from services.clockhours.handlers import on_enrollment
from services.clockhours.store import INDEXES


async def run(race: Race) -> None:
    from contracts import topics

    with connect(race.mongo, race.database) as database:
        await database.ensure({**EVENTING_INDEXES, **INDEXES})
        kafka = KafkaSettings(race.kafka, race.prefix)

        async def timed(batch, *context):
            race.begun()
            await on_enrollment(batch, *context)
            race.done(len(batch.records))

        subscriptions = (Subscription(topics.ENROLLMENT, timed),)
        consumer = Consumer(
            kafka, f"{NAME}-{race.database}", subscriptions, database, database, programs(), clock=lambda: NOW
        )
        await consumer.start()
        await race.finished()
        await consumer.stop()


if __name__ == "__main__":
    ran(run)
