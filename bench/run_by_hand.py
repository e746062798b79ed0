"""The limit: the same writes, batched by hand. No framework, no rules, no second thoughts.

What follows from each event is known beforehand (the rules ran before the clock started). In the race it reads the
topic, the educators and the lanes, adds each fact to its educator's document, and writes ledger entries, held rows,
exceptions, outbox rows, lanes and positions: one transaction a batch.
"""

from collections import defaultdict
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from bson.binary import Binary
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import InsertOne, UpdateOne
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from bench.consequences import Consequence, Followed, consequences
from bench.contender import Race, ran
from bench.history import TOPIC
from eventing.mongo import connect
from eventing.service import EVENTING_INDEXES
from services.clockhours.store import INDEXES


async def run(race: Race) -> None:
    follows = consequences(race.educators, race.each)
    with connect(race.mongo, race.database) as database:
        await database.ensure({**EVENTING_INDEXES, **INDEXES})
    client: Any = AsyncIOMotorClient(race.mongo, w="majority", journal=True, tz_aware=True)
    db = client.get_database(race.database)
    consumer = AIOKafkaConsumer(
        race.prefix + TOPIC.name, bootstrap_servers=race.kafka, group_id=race.database, auto_offset_reset="earliest",
        enable_auto_commit=False, fetch_max_wait_ms=100,
    )  # fmt: skip
    await consumer.start()
    await race.start_line(consumer)
    positions: dict[int, int] = defaultdict(int)
    try:
        while not race.over:
            found = await consumer.getmany(timeout_ms=500, max_records=race.most)
            records = [record for part in found.values() for record in part]
            if not records:
                continue
            race.begun()
            async with await client.start_session() as session:
                session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority"))
                await batch(db, session, records, follows, positions)
                await session.commit_transaction()
            race.done(len(records))
    finally:
        await consumer.stop()
        client.close()


async def batch(db: Any, session: Any, records: list[Any], follows: dict[Any, Followed], positions: Any) -> None:
    events = [(record, orjson.loads(record.value)) for record in records]
    keys = list({event["partitionkey"] for _, event in events})
    educators = {d["_id"]: d async for d in db["educators"].find({"_id": {"$in": keys}}, session=session)}
    lanes = {d["_id"]: d async for d in db["lanes"].find({"_id": {"$in": keys}}, session=session)}
    changed: dict[str, dict[str, Any]] = defaultdict(dict)
    rows: dict[str, list[Any]] = defaultdict(list)
    seen: dict[str, int] = {}
    sent: dict[str, int] = {}
    ends: dict[int, int] = {}
    for record, event in events:
        key, sequence = event["partitionkey"], int(event["sequence"])
        lane = lanes.get(key, {})
        if sequence <= seen.get(key, lane.get("seen", 0)):
            continue
        seen[key] = sequence
        ends[record.partition] = record.offset + 1
        followed = follows[key, sequence]
        educator = educators.setdefault(key, {})
        if followed.row is not None:
            field, row = followed.row
            educator.setdefault(field, []).append(row)
            changed[key][field] = educator[field]
        for consequence in followed.outcomes:
            for collection, operation in consequence.writes:
                rows[collection].append(operation)
            for name, value in consequence.changes.items():
                changed[key][name] = value
            number = sent[key] = sent.get(key, lane.get("sent", 0)) + 1
            rows["outbox"].append(InsertOne(_outbox_row(consequence, event, key, number)))
    rows["educators"] = [
        UpdateOne({"_id": k}, {"$set": c, "$inc": {"rev": 1}}, upsert=True) for k, c in changed.items()
    ]
    rows["lanes"] = [
        UpdateOne({"_id": k}, {"$set": {"seen": n, **({"sent": sent[k]} if k in sent else {})}}, upsert=True)
        for k, n in seen.items()
    ]
    rows["positions"] = [
        UpdateOne(
            {"_id": f"p-{p}", **({"next": positions[p]} if positions[p] else {})},
            {"$set": {"next": end}},
            upsert=not positions[p],
        )
        for p, end in ends.items()
    ]
    positions.update(ends)
    for collection, operations in rows.items():
        if operations:  # nothing where all was read before
            await db[collection].bulk_write(operations, ordered=False, session=session)


def _outbox_row(consequence: Consequence, event: dict[str, Any], key: str, number: int) -> dict[str, Any]:
    envelope = {
        "specversion": "1.0", "id": consequence.id, "source": "/clockhours", "type": consequence.type,
        "time": event["time"], "datacontenttype": "application/json", "partitionkey": key, "sequence": str(number),
        "causationid": event["id"], "causationsource": event["source"], "traceparent": event["traceparent"],
        "data": consequence.data,
    }  # fmt: skip
    return {
        "_id": consequence.id, "topic": "wea.clockhours.v1", "key": key, "lane": 0, "sequence": number,
        "at": consequence.at, "value": Binary(orjson.dumps(envelope)),
    }  # fmt: skip


if __name__ == "__main__":
    ran(run)
