"""The tutorial's way: FastStream, one record after the other, a transaction for each; the same writes."""

from typing import Any

import orjson
from bson.binary import Binary
from faststream.kafka import KafkaBroker
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from bench.consequences import consequences
from bench.contender import Race, ran
from bench.history import TOPIC
from eventing.mongo import connect
from eventing.service import EVENTING_INDEXES
from services.clockhours.store import INDEXES


async def run(race: Race) -> None:
    follows = consequences(race.educators, race.each)
    with connect(race.mongo, race.database) as database:
        await database.ensure({**EVENTING_INDEXES, **INDEXES, "processed": ()})
    client: Any = AsyncIOMotorClient(race.mongo, w="majority", journal=True, tz_aware=True)
    db = client.get_database(race.database)
    broker = KafkaBroker(race.kafka, allow_auto_create_topics=False)

    @broker.subscriber(race.prefix + TOPIC.name, group_id=race.database, auto_offset_reset="earliest")
    async def handle(body: bytes) -> None:
        race.begun()
        event = orjson.loads(body) if isinstance(body, bytes) else body
        key, sequence = event["partitionkey"], int(event["sequence"])
        async with await client.start_session() as session:
            session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority"))
            await db["processed"].insert_one({"_id": event["id"]}, session=session)
            await db["educators"].find_one({"_id": key}, session=session)
            followed = follows[key, sequence]
            change: dict[str, Any] = {"$push": dict([followed.row] if followed.row else ()), "$inc": {"rev": 1}}
            for consequence in followed.outcomes:
                for collection, operation in consequence.writes:
                    await db[collection].bulk_write([operation], session=session)
                row = {"_id": consequence.id, "key": key, "sequence": sequence, "at": consequence.at}
                said = {"id": consequence.id, "type": consequence.type, "data": consequence.data}
                row["value"] = Binary(orjson.dumps(said))
                await db["outbox"].insert_one(row, session=session)
                change.setdefault("$set", {}).update(consequence.changes)
            change = {name: value for name, value in change.items() if value}
            await db["educators"].update_one({"_id": key}, change, upsert=True, session=session)
            await session.commit_transaction()
        race.done(1)

    await broker.start()
    await race.finished()
    await broker.stop()
    client.close()


if __name__ == "__main__":
    ran(run)
