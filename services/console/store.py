"""What the console keeps: the envelope of each record, counts by minute, people's sessions, long repairs.

    records   {_id: TOPIC-PARTITION-OFFSET, topic, partition, offset, key, event_id, source, type, time, at, sequence?,
               causation_id?, causation_source?, trace?, empty?, size}
    minutes   {_id: TOPIC-PARTITION-HOUR, topic, at, m: {MINUTE: records}}
    sessions  {_id: hash of the cookie's token, name, full_name, roles, csrf, until, by_password}
    guesses   {_id: name or address, failures, until}
    repairs   {_id, service, keys, at, state, ...}: see repairs.py
    looked    {_id: SERVICE, count, by, at}: how much of a quarantine people have seen

All of it is made anew from the topics, but for people's own: sessions, repairs, looked, audit. Records order by `at`,
Kafka's time of taking them, so that a console made anew shows the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contracts.events import NotificationSent
from eventing.mongo import ASCENDING, DESCENDING, Database, Index, UpdateOne, faults
from eventing.reasons import Reason
from eventing.unit import UnitOfWork
from services.console.state import Kept

RECORDS, MINUTES = "records", "minutes"
SCHEMA = 1
NOTIFIED = NotificationSent.TYPE


def indexes(keep: timedelta) -> dict[str, tuple[Index, ...]]:
    """Each collection's indexes. `keep` is by Kafka's time, which is system time: programme time may jump."""
    ends = int(keep.total_seconds())
    return {
        RECORDS: (
            Index((("at", ASCENDING),), expire_seconds=ends),
            Index.on("key", "-at", "-_id"),  # a timeline
            Index.on("topic", "-at", "-_id"),  # a topic's tail
            Index.on("type", "-at", "-_id"),  # a type stands on one topic, or on the two intakes
            Index.on("event_id"),
            Index.on("causation_id", partial={"causation_id": {"$exists": True}}),
            Index.on("-at", "-_id"),
        ),
        MINUTES: (Index((("at", ASCENDING),), expire_seconds=3 * 3600),),
        "sessions": (Index((("until", ASCENDING),), expire_seconds=0),),
        "guesses": (Index((("until", ASCENDING),), expire_seconds=0),),
        "repairs": (Index.on("state", "at"), Index((("at", ASCENDING),), expire_seconds=ends)),
        "looked": (),
    }


class Tx(UnitOfWork):
    """What one batch of records writes."""

    def quarantine(self, id: str, topic: str, reason: Reason, value: bytes | None, **about: Any) -> None:
        """Without the body: it stands in Kafka, at the place that `id` is, and no erasure has to look for it here."""
        super().quarantine(id, topic, reason, None, **about)

    def keep(self, record: Kept) -> None:
        """A record read again is the same document again."""
        document = {
            "topic": record.topic, "partition": record.partition, "offset": record.offset, "key": record.key,
            "event_id": record.event_id, "source": record.source, "type": record.type, "time": record.time,
            "at": record.at, "size": record.size, "schema": SCHEMA,
        }  # fmt: skip
        document |= {
            name: value
            for name in ("sequence", "causation_id", "causation_source", "trace", "empty")
            if (value := getattr(record, name))
        }
        self.bulk(RECORDS, UpdateOne({"_id": record.place}, {"$set": document}, upsert=True))

    def count(self, counts: Mapping[tuple[str, int, datetime], int]) -> None:
        """How many records each partition took in each minute. A partition has one reader, so no two writers meet."""
        for (topic, partition, minute), number in counts.items():
            hour = minute.replace(minute=0)
            self.bulk(
                MINUTES,
                UpdateOne(
                    {"_id": f"{topic}-{partition}-{hour:%Y%m%dT%H}"},
                    {"$set": {"topic": topic, "at": hour}, "$inc": {f"m.{minute.minute}": number}},
                    upsert=True,
                ),
            )


def kept(document: Mapping[str, Any]) -> Kept:
    names = (
        "topic", "partition", "offset", "key", "event_id", "source", "type", "time", "at", "sequence", "causation_id",
        "causation_source", "trace", "empty", "size",
    )  # fmt: skip
    return Kept(**{name: document[name] for name in names if name in document})


class Store:
    """The reads. Each goes by an index whatever the number of records."""

    def __init__(self, database: Database) -> None:
        self.db = database

    async def record(self, place: str) -> Kept | None:
        with faults():
            document = await self.db[RECORDS].find_one({"_id": place})
        return kept(document) if document else None

    async def at_places(self, places: Iterable[str]) -> dict[str, Kept]:
        return {one.place: one for one in await self._found({"_id": {"$in": list(places)}})}

    async def tail(
        self,
        *,
        topic: str | None = None,
        type: str | None = None,
        key: str | None = None,
        before: tuple[datetime, str] | None = None,
        after: datetime | None = None,
        limit: int = 100,
    ) -> list[Kept]:
        """The newest first, at most `limit`, older than `before` where a page ends there."""
        wanted: dict[str, Any] = {
            name: value for name, value in (("topic", topic), ("type", type), ("key", key)) if value is not None
        }
        if before is not None:
            at, place = before
            wanted["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": place}}]
            wanted["at"] = {"$lte": at}  # so that the index starts there
        if after is not None:
            wanted.setdefault("at", {})["$gte"] = after
        return await self._found(wanted, limit)

    async def timeline(
        self, keys: Sequence[str], *, before: tuple[datetime, str] | None = None, limit: int = 200
    ) -> tuple[list[Kept], list[Kept]]:
        """What stands under these keys, at most `limit`, and the same with what led to it; both the newest first.

        An event of NEA's stands under an intake key of its own: it belongs to whom enrollment's answer to it is about.
        It may be much older than that answer, so a next page begins where the first list ends, not the second.
        """
        found: list[Kept] = []
        for key in dict.fromkeys(keys):
            found += await self.tail(key=key, before=before, limit=limit)
        under = sorted(found, key=newest, reverse=True)[:limit]
        causes = {(one.causation_id, one.causation_source) for one in under if one.causation_id}
        led = [
            one
            for one in await self.by_event(str(id) for id, _ in causes)
            if (one.event_id, one.source) in causes and one.key not in keys  # under our keys it has a page of its own
        ]
        return under, sorted((*under, *led), key=newest, reverse=True)

    async def by_event(self, ids: Iterable[str]) -> list[Kept]:
        return await self._found({"event_id": {"$in": list(ids)}})

    async def effects(self, events: Iterable[tuple[str, str]], limit: int = 200) -> list[Kept]:
        """What these events, each an id and its source, led to."""
        causes = set(events)
        found = await self._found({"causation_id": {"$in": [id for id, _ in causes]}}, limit)
        return [one for one in found if (one.causation_id, one.causation_source) in causes]

    async def rates(self, since: datetime) -> dict[str, dict[datetime, int]]:
        """Topic to minute to records, from `since` on."""
        hour = since.replace(minute=0, second=0, microsecond=0)
        sums: dict[tuple[str, datetime], Counter[str]] = defaultdict(Counter)
        with faults():
            async for document in self.db[MINUTES].find({"at": {"$gte": hour}}):
                sums[document["topic"], document["at"]].update(document["m"])
        rates: dict[str, dict[datetime, int]] = defaultdict(dict)
        for (topic, began), minutes in sums.items():
            for minute, number in minutes.items():
                rates[topic][began + timedelta(minutes=int(minute))] = number
        return rates

    async def size(self) -> int:
        with faults():
            return int(await self.db[RECORDS].estimated_document_count())

    async def mailed_since(self, moment: datetime, limit: int = 200) -> list[Kept]:
        """Notices of sent e-mails that Kafka took since then, the newest first."""
        return await self._found({"type": NOTIFIED, "at": {"$gt": moment}}, limit)

    async def looked_at(self) -> dict[str, int]:
        """Service to how much of its quarantine people have seen."""
        with faults():
            return {document["_id"]: document["count"] async for document in self.db["looked"].find({})}

    async def looked(self, service: str, count: int, by: str, at: datetime) -> None:
        with faults():
            await self.db["looked"].update_one(
                {"_id": service}, {"$max": {"count": count}, "$set": {"by": by, "at": at}}, upsert=True
            )

    async def _found(self, wanted: Mapping[str, Any], limit: int = 1000) -> list[Kept]:
        with faults():
            found = self.db[RECORDS].find(wanted).sort([("at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
            return [kept(document) for document in await found.to_list(None)]


def newest(one: Kept) -> tuple[datetime, str]:
    return one.at, one.place
