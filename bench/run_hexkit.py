"""The published peer: hexkit (PyPI) as its documentation has it, at its nearest to what clockhours does.

A translator takes one event after the other, DAOs keep educator, ledger, held rows and exceptions, and its persistent
publisher stores each event that follows, publishes it and marks it published: that is what it has for an outbox, so
it publishes within the race, which the others do not. What it does not guarantee: the writes of an event are no
transaction, so a crash leaves half of them; an event that comes twice is applied twice, for nothing is claimed or
counted, and what it says again has new random ids; neither gaps nor disorder in a key are seen; an event whose handler
fails stops the process, or (its DLQ) lets the key's later events go by.
"""

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Any
from uuid import UUID, uuid4

from hexkit.protocols.dao import Dao, ResourceNotFoundError
from hexkit.protocols.eventsub import EventSubscriberProtocol
from hexkit.providers.akafka import KafkaEventSubscriber
from hexkit.providers.mongodb import MongoDbDaoFactory
from hexkit.providers.mongokafka import MongoKafkaConfig, PersistentKafkaPublisher
from pydantic import BaseModel, ConfigDict

from bench.consequences import Consequence, consequences
from bench.contender import Race, ran
from bench.history import TOPIC
from contracts import topics
from eventing.kafka import KafkaSettings, ensure_topics
from eventing.mongo import DeleteOne, InsertOne
from eventing.mongo import connect as prepared
from eventing.service import EVENTING_INDEXES
from services.clockhours.store import INDEXES

COLLECTIONS = ("educators", "entries", "held", "exceptions")


class Row(BaseModel):
    """One document as it is: hexkit asks for a model of what a collection holds."""

    model_config = ConfigDict(extra="allow")
    id: str


class Translator(EventSubscriberProtocol):
    """Applies each event of enrollment's with everything that follows from it."""

    def __init__(self, race: Race, daos: dict[str, Dao[Row]], publisher: PersistentKafkaPublisher) -> None:
        self._race, self._daos, self._publisher = race, daos, publisher
        self._follows = consequences(race.educators, race.each)
        self._to = race.prefix + topics.CLOCKHOURS.name
        self.topics_of_interest = [race.prefix + TOPIC.name]
        self.types_of_interest = []  # every type

    async def _consume_validated(
        self, *, payload: dict[str, Any], type_: str, topic: str, key: str, event_id: UUID
    ) -> None:
        self._race.begun()
        follows = self._follows[key, int(payload["sequence"])]
        educator = await self._educator(key)
        fields = educator.model_extra or {}
        if follows.row is not None:
            field, row = follows.row
            fields[field] = [*fields.get(field, ()), row]
        for consequence in follows.outcomes:
            fields |= consequence.changes
        await self._daos["educators"].upsert(Row(id=key, **fields))
        for consequence in follows.outcomes:
            await self._apply(key, consequence)
        self._race.done(1)

    async def _educator(self, key: str) -> Row:
        try:
            return await self._daos["educators"].get_by_id(key)
        except ResourceNotFoundError:
            return Row(id=key)

    async def _apply(self, key: str, consequence: Consequence) -> None:
        for collection, write in consequence.writes:
            dao = self._daos[collection]
            match write:
                case InsertOne(_doc=document):
                    await dao.upsert(Row(id=document["_id"], **{k: v for k, v in document.items() if k != "_id"}))
                case DeleteOne(_filter=found):
                    with suppress(ResourceNotFoundError):
                        await dao.delete(found["_id"])
                case _:
                    await dao.upsert(Row(id=write._filter["_id"], **write._doc["$set"]))
        await self._publisher.publish(
            payload=consequence.data, type_=consequence.type, topic=self._to, key=key, event_id=uuid4()
        )


async def run(race: Race) -> None:
    await ensure_topics(KafkaSettings(race.kafka, race.prefix), [topics.CLOCKHOURS])
    with prepared(race.mongo, race.database) as database:
        await database.ensure({**EVENTING_INDEXES, **INDEXES})
    config = MongoKafkaConfig(
        service_name=race.database, service_instance_id="1", kafka_servers=[race.kafka], mongo_dsn=race.mongo,
        db_name=race.database,
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        factory = await stack.enter_async_context(MongoDbDaoFactory.construct(config=config))
        daos = {name: await factory.get_dao(name=name, dto_model=Row, id_field="id") for name in COLLECTIONS}
        publishing = PersistentKafkaPublisher.construct(config=config, dao_factory=factory)
        translator = Translator(race, daos, await stack.enter_async_context(publishing))
        subscribing = KafkaEventSubscriber.construct(config=config, translator=translator)
        subscriber = await stack.enter_async_context(subscribing)
        reading = asyncio.create_task(subscriber.run())
        finishing = asyncio.create_task(race.finished())
        done, _ = await asyncio.wait({reading, finishing}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a reader that ended has failed
        reading.cancel()
        await asyncio.wait({reading})


if __name__ == "__main__":
    ran(run)
