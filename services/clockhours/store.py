"""What this service keeps in MongoDB: each collection beside the index that protects it, its reads and its writes."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts import topics
from contracts.kinds import ExceptionKind
from contracts.kinds import ExceptionStatus as CaseStatus
from eventing.batch import Batch, Cause
from eventing.mongo import (
    Database,
    DeleteOne,
    Index,
    InsertOne,
    Operation,
    ReturnDocument,
    Session,
    UpdateMany,
    UpdateOne,
)
from eventing.unit import UnitOfWork
from services.clockhours.accounts import HISTORY, account_of, changes, is_earlier
from services.clockhours.documents import (
    SCHEMA,
    case_document,
    entry_document,
    entry_of,
    held_document,
)
from services.clockhours.state import Account, Case, Closed, Decision, Entry, Granted, Held, HeldRow, Opened, Reversed
from services.clockhours.telling import event_of

INDEXES: Mapping[str, tuple[Index, ...]] = {
    # What was told under each id, and what the ledger holds under it. The index finds who was merged into whom.
    "educators": (Index.on("merged_into", partial={"merged_into": {"$gt": ""}}),),
    # The ledger. Inserts only; the unique indexes make "twice" impossible whatever the code above does.
    "entries": (
        Index.on(
            "educator_id", "kind", "subject", "generation", unique=True, partial={"generation": {"$exists": True}}
        ),
        Index.on("reverses", unique=True, partial={"reverses": {"$exists": True}}),
        Index.on("educator_id"),
        Index.on("program_year", "granted_at", "ordinal", "_id"),  # the export's order, so that it streams
    ),
    # The list's order, of all and of one status, so that a page reads no more than it shows.
    "exceptions": (Index.on("status", "opened_at", "_id"), Index.on("opened_at", "_id"), Index.on("educator_id")),
    # By the second the timer meets no row that staff were told of: those of who gave up stay for good.
    "held": (Index.on("since"), Index.on("alerted", "since")),
    "sessions": (),  # titles
    "names": (),  # of educators, for transcript and export; gone on erasure
    "transcripts": (Index.on("educator_id", "-issued_at"),),
    "counters": (),
    "evaluations": (),  # which programme the ledger was last judged by
}


EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How far all educators have been judged anew: up to the id `after`."""

    after: str
    done: bool


class Tx(UnitOfWork):
    """One unit of work on accounts, ledger, exceptions and held rows."""

    def __init__(self, database: Database, session: Session, batch: Batch, now: datetime) -> None:
        super().__init__(database, session, batch, now)
        self._read: dict[str, Account] = {}  # as the database has them
        self._accounts: dict[str, Account] = {}  # as this unit leaves them
        self._merged: dict[str, set[str]] = {}  # by whom they were merged into
        self._earlier: set[str] = set()  # accounts that the database has in rows of before
        self._touched: set[str] = set()
        self._asked: set[str] = set()  # read already, found or not

    # -- accounts

    async def load(self, ids: Iterable[str]) -> None:
        """Read these accounts and all that merges join to them: one query, and one more for each link of a chain."""
        wanted = set(ids) - self._asked
        while wanted:
            self._asked |= wanted
            asked = sorted(wanted)
            query = {"$or": [{"_id": {"$in": asked}}, {"merged_into": {"$in": asked}}]}
            async for document in self.db.opened("educators", query, HISTORY, self.session):
                if document["_id"] not in self._accounts:
                    account = self._read[document["_id"]] = account_of(document)
                    self._put(account)
                    if is_earlier(document):
                        self._earlier.add(account.educator_id)
                    wanted |= {account.educator_id, account.merged_into or account.educator_id}
            wanted -= self._asked

    def joined(self, ids: Iterable[str]) -> dict[str, Account]:
        """These accounts and all that merges join to them, as this unit has them now. Those never seen are left out."""
        found: dict[str, Account] = {}
        waiting = deque(ids)
        while waiting:
            id = waiting.popleft()
            account = self._accounts.get(id)
            if account is not None and id not in found:
                found[id] = account
                waiting.extend(self._merged.get(id, ()))
                if account.merged_into is not None:
                    waiting.append(account.merged_into)
        return found

    def account(self, id: str) -> Account | None:
        return self._accounts.get(id)

    def mark(self, account: Account) -> None:
        """Leave an account so, without any event."""
        self._put(account)
        self._touched.add(account.educator_id)

    # -- what a decision changes

    def stage(self, decision: Decision, cause: Cause) -> None:
        """Publish what a decision yields and write what it changes."""
        for outcome in decision.outcomes:  # first, for a fault in here parks the record and takes the events back
            event = event_of(outcome)
            self.publish(topics.CLOCKHOURS, event.TYPE, event.key, event, cause)
        for outcome in decision.outcomes:
            match outcome:
                case Granted(entry) | Reversed(entry):
                    self.bulk("entries", InsertOne(entry_document(entry)))
                case Opened(case) | Closed(case):
                    self._write_case(case)
                case Held():
                    pass  # the rows are written with their account, once for all that the unit does
        for id in sorted(decision.touched):
            self.mark(decision.accounts[id])

    async def write(self) -> None:
        await self.send()  # on its way while the accounts' documents are made
        for id in sorted(self._touched):
            account, before = self._accounts[id], self._read.get(id)
            changed = changes(before, account, was_earlier=id in self._earlier)
            self.bulk("educators", UpdateOne({"_id": id}, {"$inc": {"rev": 1}, "$set": changed}, upsert=True))
            self._write_held(before, account)
        await super().write()

    # -- reads

    async def entries(self, ids: Iterable[str]) -> list[Entry]:
        """The ledger of these accounts, in granting order."""
        found = self.db["entries"].find({"educator_id": {"$in": sorted(ids)}}, session=self.session)
        entries = [entry_of(document) async for document in found]
        return sorted(entries, key=lambda entry: (entry.granted_at, entry.ordinal, entry.educator_id))

    async def exception(self, exception_id: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await self.db["exceptions"].find_one({"_id": exception_id}, session=self.session)
        return found

    async def exceptions_of(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """All exceptions of these accounts, resolved ones too, the oldest first."""
        found = self.db["exceptions"].find({"educator_id": {"$in": sorted(ids)}}, session=self.session)
        rows: list[dict[str, Any]] = await found.sort([("opened_at", 1), ("_id", 1)]).to_list(None)
        return rows

    async def name(self, educator_id: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await self.db["names"].find_one({"_id": educator_id}, session=self.session)
        return found

    async def titles(self, session_ids: Iterable[str]) -> dict[str, str]:
        query = {"_id": {"$in": sorted(set(session_ids))}}
        return {row["_id"]: row["title"] async for row in self.db["sessions"].find(query, session=self.session)}

    async def held_since(self, before: datetime, most: int) -> list[dict[str, Any]]:
        """Rows that are held since before a moment and that staff were not told of, the oldest first."""
        query = {"since": {"$lt": before}, "alerted": False}
        found = self.db["held"].find(query, session=self.session).sort("since", 1).limit(most)
        rows: list[dict[str, Any]] = await found.to_list(None)
        return rows

    # -- judging everybody anew

    async def evaluation(self, digest: str) -> Evaluation:
        """How far the educators have been judged by the programme with this digest."""
        found = await self.db["evaluations"].find_one({"_id": EVERYBODY}, session=self.session)
        if found is None or found["digest"] != digest:
            return Evaluation("", done=False)
        return Evaluation(found["after"], found["done"])

    async def educators_after(self, after: str, most: int) -> list[str]:
        """The next ids in their order."""
        query = {"_id": {"$gt": after}}
        found = self.db["educators"].find(query, {"_id": 1}, session=self.session).sort("_id", 1).limit(most)
        return [document["_id"] async for document in found]

    def evaluated(self, digest: str, *, after: str, done: bool) -> None:
        standing = {"schema": SCHEMA, "digest": digest, "after": after, "done": done, "at": self.now}
        self.bulk("evaluations", UpdateOne({"_id": EVERYBODY}, {"$set": standing}, upsert=True))

    # -- transcripts and persons

    async def last_transcript(self, ids: Iterable[str]) -> dict[str, Any] | None:
        """The newest transcript issued to any of these accounts."""
        found: dict[str, Any] | None = await self.db["transcripts"].find_one(
            {"educator_id": {"$in": sorted(ids)}}, sort=[("issued_at", -1), ("_id", -1)], session=self.session
        )
        return found

    async def issue_transcript(
        self, educator_id: str, digest: str, *, replaces: str | None, issued_at: datetime, local_year: int
    ) -> dict[str, Any]:
        """Record an issue under the next number of its calendar year, such as WEA-2024-000123."""
        counted = await self.db["counters"].find_one_and_update(
            {"_id": f"transcripts/{local_year}"},
            {"$inc": {"last": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=self.session,
        )
        document = {
            "_id": f"WEA-{local_year}-{counted['last']:06}",
            "schema": SCHEMA,
            "educator_id": educator_id,
            "issued_at": issued_at,
            "replaces": replaces,
            "digest": digest,
        }
        self.bulk("transcripts", InsertOne(document))
        return document

    def forget(self, educator_id: str) -> None:
        """Erase what names a person. The ledger stays under the opaque id."""
        self.bulk("names", DeleteOne({"_id": educator_id}))
        # The digest of a transcript is made of the name as well.
        self.bulk("transcripts", UpdateMany({"educator_id": educator_id}, {"$unset": {"digest": ""}}))

    # -- inside

    def _put(self, account: Account) -> None:
        before = self._accounts.get(account.educator_id)
        if before is not None and before.merged_into is not None:
            self._merged[before.merged_into].discard(account.educator_id)
        if account.merged_into is not None:
            self._merged.setdefault(account.merged_into, set()).add(account.educator_id)
        self._accounts[account.educator_id] = account

    def _write_case(self, case: Case) -> None:
        update: dict[str, Any] = {"$set": {"schema": SCHEMA, **_without_id(case_document(case))}}
        if case.status is CaseStatus.OPEN:  # opened again: whatever was said before is about another time
            update["$unset"] = {"by": "", "reason": ""}
        self.bulk("exceptions", UpdateOne({"_id": case.exception_id}, update, upsert=True))
        if case.ground.kind is ExceptionKind.HELD_TOO_LONG:
            row = {"_id": held_id(case.ground.educator_id, case.ground.micro_credential_id or "")}
            alerted = case.status is not CaseStatus.RESOLVED
            self.bulk("held", UpdateOne(row, {"$set": {"alerted": alerted}}))

    def _write_held(self, before: Account | None, after: Account) -> None:
        old: Mapping[str, HeldRow] = before.held if before else {}
        if old is after.held:
            return
        for micro_credential_id in old.keys() | after.held.keys():
            row, was = after.held.get(micro_credential_id), old.get(micro_credential_id)
            if row != was:
                begun = was is None or row is None or row.since != was.since
                self.bulk("held", _held_write(held_id(after.educator_id, micro_credential_id), row, begun=begun))


def held_id(educator_id: str, micro_credential_id: str) -> str:
    """Ids hold no control characters, so a line feed keeps them apart."""
    return f"{educator_id}\n{micro_credential_id}"


def _held_write(id: str, row: HeldRow | None, *, begun: bool) -> Operation:
    """The row as a unit leaves it. Where the wait has begun anew within the unit, nobody was told of it yet."""
    if row is None:
        return DeleteOne({"_id": id})
    untold = {"schema": SCHEMA, "alerted": False} if begun else {}
    return UpdateOne({"_id": id}, {"$set": {**held_document(row), **untold}}, upsert=True)


def _without_id(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "_id"}
