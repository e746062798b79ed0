"""What this service keeps in MongoDB: each collection beside the index that protects it, its reads and its writes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from contracts import topics
from contracts.notifications import NotificationFailed, NotificationSent
from contracts.program import Programs
from eventing.batch import Batch, Cause
from eventing.clock import system_now
from eventing.mongo import Database, DeleteOne, Index, UpdateMany, UpdateOne
from eventing.mongo import Session as MongoSession
from eventing.unit import UnitOfWork
from services.notifications import decisions, policy
from services.notifications.decisions import Known
from services.notifications.documents import (
    SCHEMA,
    educator_fields,
    educator_of,
    message_document,
    queued_anew,
    session_fields,
    session_of,
)
from services.notifications.reasons import Drop, Failure
from services.notifications.state import Educator, Message, Session, Status

INDEXES: Mapping[str, tuple[Index, ...]] = {
    # What was told under each own id. `reserved` finds who holds a seat, `remind_at` whose reminders to look at.
    "educators": (
        Index.on("alias_of", partial={"alias_of": {"$gt": ""}}),  # not by $type: no query would use such an index
        Index.on("reserved", "_id"),
        Index.on("remind_at"),
        Index.on("cases.learned_at"),
        Index.on("cases.heard_at"),  # for those of before there was the other
    ),
    # Each is changed by whoever reserves in it, too: so a seat and a plan that meet cannot miss each other.
    # `told_to`: where too many hold a seat to be told of a plan by one unit, the id up to which they are.
    "sessions": (Index.on("told_to", partial={"told_to": {"$gte": ""}}),),
    # One a cause: unique on its key. (status, due_at) is the sender's queue.
    "messages": (
        Index.on("key", unique=True),
        Index.on("status", "due_at", "try_at", "owner"),
        Index.on("educator_id", "-created_at"),
        Index.on("-created_at", "_id"),
        Index.on("owner", partial={"owner": {"$gt": ""}}),
        Index.on("addressee", partial={"addressee": {"$gt": ""}}),  # whom it went to, where it is another account's
    ),
    "senders": (),  # who sends, under which session, and until when that is sure
    "tokens": (Index.on("expires_at"),),  # of progress pages, hashed
    "suppressed": (),  # addresses that refuse mail
    "tasks": (Index.on("status", "opened_at"), Index.on("opened_at", "_id")),  # for staff
    "switch": (),  # the stop switch, and which programme the reminders were planned by
    "alerts": (),  # parked lanes that staff were told of
}

MOST_HOLDERS = 500  # told of a plan by the unit that learns it

MESSAGE_IDS = UUID("4c1a51c2-6a3e-5a0a-8a2b-0a1f6f0d7e52")


def message_id(message: Message) -> str:
    return str(uuid5(MESSAGE_IDS, message.identity))


class Tx(UnitOfWork):
    """One unit of work on what is known and on messages. `known` is read by `load` and written by `write`."""

    def __init__(self, database: Database, session: MongoSession, batch: Batch, now: datetime) -> None:
        super().__init__(database, session, batch, now)
        self.known = Known()
        self._led: dict[str, Cause] = {}  # by a message's identity
        self._planned: dict[str, Cause] = {}  # by session
        self._crowded = False

    async def load(self, educator_ids: Iterable[str], session_ids: Iterable[str] = ()) -> None:
        """Read these accounts with all that merges join to them, and the sessions that any of them names."""
        educators = await read_educators(self.db, educator_ids, self.session)
        wanted = set(session_ids) | sessions_of(educators.values())
        self.known = Known.of(educators, await read_sessions(self.db, wanted, self.session))

    async def holders(self, session_ids: Iterable[str]) -> dict[str, list[str]]:
        """The accounts that hold or held a seat, by session. None at all where they are too many for one unit."""
        wanted = set(session_ids)
        found: dict[str, list[str]] = {session_id: [] for session_id in wanted}
        query = {"reserved": {"$in": sorted(wanted)}}
        rows = self.db["educators"].find(query, {"reserved": 1}, session=self.session).limit(MOST_HOLDERS + 1)
        documents = await rows.to_list(None)
        self._crowded = len(documents) > MOST_HOLDERS
        if not self._crowded:
            for document in documents:
                for session_id in wanted.intersection(document["reserved"]):
                    found[session_id].append(document["_id"])
        return found

    def planned(self, session_id: str, cause: Cause) -> None:
        """This planned the session: where its holders are told later, their messages name it."""
        self._planned[session_id] = cause

    async def untold(self, session_id: str, most: int) -> tuple[list[str], Cause] | None:
        """The next of those who hold a seat and were not told of its plan yet, and what led to it; None: all were."""
        session = await self.db["sessions"].find_one({"_id": session_id}, session=self.session)
        if session is None or session.get("told_to") is None:
            return None
        next_ones = {"reserved": session_id, "_id": {"$gt": session["told_to"]}}
        found = self.db["educators"].find(next_ones, {"_id": 1}, session=self.session).sort("_id", 1).limit(most)
        return [document["_id"] async for document in found], Cause(**session["led_by"])

    def told_to(self, session_id: str, educator_id: str | None) -> None:
        """They are told up to this one. None: all are."""
        self.bulk("sessions", UpdateOne({"_id": session_id}, {"$set": {"told_to": educator_id}}))

    async def due_reminders(self, most: int) -> list[str]:
        query = {"remind_at": {"$lte": self.now}}
        found = self.db["educators"].find(query, {"_id": 1}, session=self.session).sort("remind_at", 1).limit(most)
        return [document["_id"] async for document in found]

    def save(self, known: Known, programs: Programs, subjects: Mapping[str, tuple[str | None, str]]) -> None:
        """Stage what changed: accounts, the sessions named, new messages with address and subject as far as known."""
        for id_ in sorted(known.changed):
            educator = known.educators[id_]
            look = decisions.next_look(known, id_, programs, self.now)
            changes = {**educator_fields(educator), "remind_at": look, "schema": SCHEMA}
            self.bulk("educators", UpdateOne({"_id": id_}, {"$set": changes, "$inc": {"rev": 1}}, upsert=True))
            if _has_moved(self.known.educators.get(id_), educator):
                self.take_up_refused(known.group(id_).id)
        self._save_sessions(known)
        for message in known.messages:
            self._queue(message, subjects)
        for id_ in sorted(known.emptied):
            self._forget(id_)

    def save_reopened(self, known: Known) -> None:
        """Stage accounts whose reminders must be looked at again, at once."""
        for id_ in sorted(known.changed):
            fields = educator_fields(known.educators[id_])
            changes = {name: fields[name] for name in ("told", "reminded_on")}
            # Of a merged account nothing is found to say; the kept one's is planned anew by the scan.
            update = {"$set": {**changes, "remind_at": self.now}, "$inc": {"rev": 1}}
            self.bulk("educators", UpdateOne({"_id": id_}, update))

    def take_up_refused(self, educator_id: str) -> None:
        """Queue again what her address refused of late: it is another now. As ever, what still holds goes out."""
        of_late = {"educator_id": educator_id, "created_at": {"$gt": self.now - policy.FRESH}}
        refused = {"$in": [Drop.ADDRESS_SUPPRESSED, Failure.ADDRESS_REFUSED, Failure.ADDRESS_UNUSABLE]}
        self.bulk("messages", UpdateMany({**of_late, "reason": refused}, queued_anew()))

    def _save_sessions(self, known: Known) -> None:
        for session_id in sorted(known.sessions_changed):
            fields = {**session_fields(known.sessions[session_id]), "told_to": None, "schema": SCHEMA}
            if self._crowded:
                fields |= {"told_to": "", "led_by": _led_by(self._planned[session_id])}
            self.bulk("sessions", UpdateOne({"_id": session_id}, {"$set": fields, "$inc": {"rev": 1}}, upsert=True))

    def meet(self, session_ids: Iterable[str]) -> None:
        """Change these sessions, so that a unit that plans one and a unit that reserves in it cannot miss each other.

        Transactions are snapshots: without this each could read that the other's fact is not there, and both commit.
        """
        for session_id in sorted(session_ids):
            self.bulk("sessions", UpdateOne({"_id": session_id}, {"$inc": {"rev": 1}}, upsert=True))

    def _queue(self, message: Message, subjects: Mapping[str, tuple[str | None, str]]) -> None:
        to, subject = subjects.get(message.identity, (None, ""))
        more: dict[str, Any] = {"key": message.identity, "to": to, "subject": subject, "try_at": system_now()}
        if (cause := self._led.get(message.identity)) is not None:
            more["led_by"] = _led_by(cause)
        document = message_document(message, self.now, **more)
        id_ = message_id(message)
        self.bulk("messages", UpdateOne({"_id": id_}, {"$setOnInsert": document}, upsert=True))

    def led(self, identities: Iterable[str], cause: Cause) -> None:
        """These messages are made because of this: the notices of them will name it."""
        self._led |= dict.fromkeys(identities, cause)

    def queue_for_staff(
        self, message: Message, to: str | None, subject: str, about: Mapping[str, Any] | None = None
    ) -> None:
        """Stage a message to the programme's contact. `about`: what it says, where it cannot be found again later."""
        more = {"key": message.identity, "to": to, "subject": subject, "try_at": system_now(), "about": about}
        insert = {"$setOnInsert": message_document(message, self.now, **more)}
        self.bulk("messages", UpdateOne({"_id": message_id(message)}, insert, upsert=True))

    def forget_alerts(self, ids: Iterable[str]) -> None:
        """Lanes that are free again: should they be parked once more, that is news."""
        for id_ in ids:
            self.bulk("alerts", DeleteOne({"_id": id_}))

    def _forget(self, educator_id: str) -> None:
        """Take everything personal out of an educator's messages; what waits is not sent any more."""
        waiting = {"educator_id": educator_id, "status": Status.QUEUED.value}
        dropped = {"status": Status.DROPPED.value, "reason": Drop.ERASED.value, "owner": None}
        personal = dict.fromkeys(("text", "html", "calendar"), "") | {"refusal": ""}
        self.bulk("messages", UpdateMany(waiting, {"$set": dropped}))
        blank = {"$set": {"to": None, "subject": ""}, "$unset": personal}
        self.bulk("messages", UpdateMany({"educator_id": educator_id}, blank))
        # What was sent here for an account that was merged then, and no longer is.
        self.bulk("messages", UpdateMany({"addressee": educator_id}, blank))
        self.bulk("suppressed", UpdateMany({"educator_id": educator_id}, {"$set": {"educator_id": None}}))

    def report(self, document: Mapping[str, Any], status: Status, at: datetime) -> None:
        """Publish what became of an educator's message. Mail to staff is nobody else's business."""
        if document["kind"].startswith("staff_"):
            return
        model = NotificationSent if status is Status.SENT else NotificationFailed
        data = model(
            educator_id=document["educator_id"],
            message_id=document["_id"],
            kind=document["kind"],
            status=status.value,
            micro_credential_id=document.get("micro_credential_id"),
            session_id=document.get("session_id"),
            at=at,
        )
        # Its id is of this very attempt, and of the sending that staff asked for: that begins to count anew.
        # What led to it is the event that made the message, where one did.
        led_by = document.get("led_by")
        cause = Cause(
            f"{document['_id']}/{document.get('resent', 0)}/{document['tries']}/{document['lost']}",
            "/notifications/mail",
            led_by and led_by["traceparent"],
            led_by and (led_by["id"], led_by["source"]),
        )
        self.publish(topics.NOTIFICATIONS, model.TYPE, data.educator_id, data, cause)


def _has_moved(before: Educator | None, after: Educator) -> bool:
    known = before.profile if before else None
    return known is not None and after.profile is not None and known.email != after.profile.email


def _led_by(cause: Cause) -> dict[str, str | None]:
    return {"id": cause.id, "source": cause.source, "traceparent": cause.traceparent}


def sessions_of(educators: Iterable[Educator]) -> set[str]:
    return {id_ for e in educators for id_ in (*e.reservations, *e.attendances)}


async def read_educators(
    database: Database, ids: Iterable[str], session: MongoSession | None = None
) -> dict[str, Educator]:
    """These accounts and all that merges join to them: one query, and one more for each link of a chain."""
    found: dict[str, Educator] = {}
    asked: set[str] = set()
    wanted = set(ids)
    while wanted:
        asked |= wanted
        some = sorted(wanted)
        query = {"$or": [{"_id": {"$in": some}}, {"alias_of": {"$in": some}}]}
        async for document in database["educators"].find(query, session=session):
            found[document["_id"]] = educator_of(document)
        wanted = {e.id for e in found.values()} | {e.alias_of for e in found.values() if e.alias_of}
        wanted -= asked
    return {id_: found.get(id_) or Educator(id_) for id_ in asked}


async def read_sessions(
    database: Database, ids: Iterable[str], session: MongoSession | None = None
) -> dict[str, Session]:
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    found = database["sessions"].find({"_id": {"$in": wanted}}, session=session)
    read = [session_of(document) async for document in found]
    return {s.session_id: s for s in read if s is not None}
