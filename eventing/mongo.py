"""The one module that knows MongoDB's driver; stored.py knows how a document is laid out.

Motor is what runs; its successor, PyMongo's own async API, has nearly the same calls, so moving is a change of this
file alone (docs/decisions/0304-motor-behind-one-module.md). Everyone else gets a Database and the operations below.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from bson.binary import Binary
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DESCENDING, DeleteMany, DeleteOne, InsertOne, ReturnDocument, UpdateMany, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    CollectionInvalid,
    ConnectionFailure,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.results import BulkWriteResult
from pymongo.write_concern import WriteConcern

from eventing.points import reached
from eventing.stored import opened
from eventing.transient import RefusedError, TransientError

__all__ = [
    "ASCENDING",
    "DESCENDING",
    "Binary",
    "Database",
    "DeleteMany",
    "DeleteOne",
    "Index",
    "InsertOne",
    "Operation",
    "Owner",
    "ReturnDocument",
    "Session",
    "UpdateMany",
    "UpdateOne",
    "Written",
    "connect",
    "faults",
]

Session = Any  # motor's client session; motor carries no types
Written = Mapping[str, BulkWriteResult]  # by collection
Operation = UpdateOne | UpdateMany | InsertOne[Any] | DeleteOne | DeleteMany

# Server codes of faults that pass: time limits, elections, killed or lost transactions and sessions, a full disk.
PASSING = frozenset(
    {6, 7, 24, 43, 46, 50, 64, 89, 91, 112, 134, 189, 206, 217, 225, 237, 239, 244, 246, 251, 262, 286, 290, 365}
    | {9001, 10058, 10107, 11600, 11601, 11602, 13435, 13436, 14031}
)
INDEX_DIFFERS = frozenset({85, 86})  # IndexOptionsConflict, IndexKeySpecsConflict
COLLECTION_EXISTS = 48
NOT_ALLOWED = 13
UNKNOWN_COMMIT = "UnknownTransactionCommitResult"
COMMIT_TRIES = 20
DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a collection, declared beside the documents that it protects."""

    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    partial: Mapping[str, Any] | None = None
    expire_seconds: int | None = None

    @classmethod
    def on(cls, *names: str, unique: bool = False, partial: Mapping[str, Any] | None = None) -> "Index":
        """Ascending on each name; a leading '-' makes one descending."""
        keys = tuple((n.lstrip("-"), DESCENDING if n.startswith("-") else ASCENDING) for n in names)
        return cls(keys, unique, partial)


@contextmanager
def faults() -> Iterator[None]:
    """Turn the driver's errors into the two that matter: TransientError and RefusedError."""
    try:
        yield
    except InvalidOperation as error:  # a session killed or ended under us, a client being closed
        raise TransientError(type(error).__name__) from error
    except PyMongoError as error:
        raise _passing_or_refused(error) from error


def _passing_or_refused(error: PyMongoError) -> TransientError | RefusedError:
    name = type(error).__name__
    if error.has_error_label("TransientTransactionError") or error.has_error_label(UNKNOWN_COMMIT):
        return TransientError(name)
    if isinstance(error, ConnectionFailure | WTimeoutError) or error.timeout:
        return TransientError(name)
    if isinstance(error, BulkWriteError):
        codes = {e.get("code") for e in (error.details or {}).get("writeErrors", ())}
        if codes & PASSING or not codes:
            return TransientError(name)
        return RefusedError(f"{name} {sorted(c for c in codes if c)}")
    if isinstance(error, OperationFailure) and error.code in PASSING:
        return TransientError(f"{name} {error.code}")
    return RefusedError(f"{name} {getattr(error, 'code', None)}")


class Owner:
    """The server session under which a process holds something, so that a successor can kill what it left open."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def id(self) -> Binary:
        return Binary(self.session.session_id["id"], 4)


class Database:
    """One service's database. `database["name"]` is a collection; `committed` wakes who asked by `woken_by`."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name
        options = CodecOptions(tz_aware=True, tzinfo=UTC)  # type: ignore[var-annotated]
        self._db = client.get_database(
            name, codec_options=options, write_concern=WriteConcern("majority"), read_concern=ReadConcern("majority")
        )
        self._collections: dict[str, Any] = {}  # made once: the driver would make one for each command
        self._wakes: dict[str, list[asyncio.Event]] = defaultdict(list)
        self._threads = ThreadPoolExecutor(thread_name_prefix="writing")  # the loop's own may be busy with other things

    def __getitem__(self, collection: str) -> Any:
        if collection not in self._collections:
            self._collections[collection] = self._db[collection]
        return self._collections[collection]

    async def opened(
        self, collection: str, query: Mapping[str, Any], rows: Collection[str], session: Session
    ) -> AsyncIterator[dict[str, Any]]:
        """The documents found; the arrays of these names stay `Rows` (stored.py)."""
        options = self._db.codec_options
        raw = self._db[collection].with_options(codec_options=options.with_options(document_class=RawBSONDocument))
        async for document in raw.find(query, session=session):
            yield opened(bytes(document.raw), rows, options)

    def woken_by(self, collection: str) -> asyncio.Event:
        """An event that is set after each commit of this process that wrote there."""
        event = asyncio.Event()
        self._wakes[collection].append(event)
        return event

    def committed(self, collections: Iterable[str]) -> None:
        """Wake who waits for what was written there. Only a hint: who waits looks by itself as well."""
        for collection in collections:
            for event in self._wakes.get(collection, ()):
                event.set()

    async def owner(self) -> Owner:
        with faults():
            return Owner(await self.client.start_session())

    async def kill(self, owners: Sequence[Binary]) -> None:
        """Kill the sessions of former owners: what their transactions lock is free at once, and they are fenced."""
        if owners:
            with faults():
                await self._db.command("killSessions", [{"id": owner} for owner in owners])

    @asynccontextmanager
    async def transaction(self, owner: Owner | None = None) -> AsyncIterator[Session]:
        """One transaction, snapshot and majority: committed on a clean exit, aborted on any other.

        Raises TransientError (nothing is known to be written; do it all again) or RefusedError.
        """
        with faults():
            session = owner.session if owner else await self.client.start_session()
            try:
                if session.in_transaction:  # left by a unit that was cancelled
                    await session.abort_transaction()
                session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority"))
                reached("transaction.begun")
                try:
                    yield session
                except BaseException:
                    if session.in_transaction:
                        await asyncio.shield(session.abort_transaction())
                    raise
                reached("transaction.written")
                await _commit(session)
                reached("transaction.committed")
            finally:
                if owner is None:
                    await session.end_session()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Session]:
        """Reads of one moment, for views: no transaction, so nothing to commit. MongoDB refuses to write in it.

        Raises TransientError or RefusedError.
        """
        with faults():
            async with await self.client.start_session(snapshot=True) as session:
                yield session

    def writing(self, staged: Mapping[str, Sequence[Operation]], session: Session) -> asyncio.Future[Written]:
        """Begin to send these, one ordered bulk a collection, in a thread: whoever goes on deciding keeps our loop.

        Await it before the session's next command. Answers what was written to each collection; raises what the
        driver raises; `transaction` sorts that out.
        """

        def write() -> Written:
            return {
                collection: self[collection].delegate.bulk_write(operations, ordered=True, session=session.delegate)
                for collection, operations in staged.items()
            }

        return asyncio.get_running_loop().run_in_executor(self._threads, write)

    async def insert_new(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> set[int]:
        """Insert each of these by itself, majority-committed. Returns the indexes of those whose id is taken.

        Whether what took it is majority-committed is not known.
        """
        repeated: set[int] = set()
        with faults():
            try:
                await self[collection].insert_many(documents, ordered=False)
            except BulkWriteError as error:
                errors = (error.details or {}).get("writeErrors", ())
                repeated = {e["index"] for e in errors if e.get("code") == DUPLICATE_KEY}
                if len(repeated) != len(errors) or (error.details or {}).get("writeConcernErrors"):
                    raise
        self.committed([collection])
        return repeated

    async def ensure(self, indexes: Mapping[str, Sequence[Index]]) -> None:
        """Create collections and indexes that are missing. Run before ready; nothing here is dropped.

        How long something is kept may change from start to start. Raises RefusedError where an index is there that
        differs in anything else: who drops a guard while others write decides that, not a starting service.
        """
        with faults():
            present = set(await self._db.list_collection_names())
            for collection, wanted in indexes.items():
                if collection not in present:
                    await self._create(collection)
                for index in wanted:
                    await self._create_index(collection, index)

    async def _create_index(self, collection: str, index: Index) -> None:
        keys = list(index.keys)
        options: dict[str, Any] = {"unique": index.unique}
        if index.partial is not None:
            options["partialFilterExpression"] = dict(index.partial)
        if index.expire_seconds is not None:
            options["expireAfterSeconds"] = index.expire_seconds
        try:
            await self._db[collection].create_index(keys, **options)
        except OperationFailure as error:
            text = ", ".join(name for name, _ in keys)
            if error.code == NOT_ALLOWED:  # it is made for us, as of what we may only add to
                if await self._has(collection, index):
                    return
                raise RefusedError(f"the index of {collection} on {text} is not there, nor ours to make") from error
            if error.code not in INDEX_DIFFERS:
                raise
            if index.expire_seconds is None:
                raise RefusedError(
                    f"the index of {collection} on {text} is there with other options: drop it"
                ) from error
            kept = {"keyPattern": dict(keys), "expireAfterSeconds": index.expire_seconds}
            await self._db.command("collMod", collection, index=kept)

    async def _has(self, collection: str, index: Index) -> bool:
        made = (await self._db[collection].index_information()).values()
        return any(one["key"] == list(index.keys) and one.get("unique", False) == index.unique for one in made)

    async def _create(self, collection: str) -> None:
        try:
            await self._db.create_collection(collection)
        except PyMongoError as error:
            # Another replica was first: the server says so, or the driver, which looks before it asks.
            if not isinstance(error, CollectionInvalid) and getattr(error, "code", None) != COLLECTION_EXISTS:
                raise


async def _commit(session: Session) -> None:
    """Commit until the answer is known. Committing again is safe: the server remembers what it committed."""
    for left in range(COMMIT_TRIES, 0, -1):
        try:
            await session.commit_transaction()
            return
        except PyMongoError as error:
            if left == 1 or not error.has_error_label(UNKNOWN_COMMIT):
                raise
            await asyncio.sleep(0.1)


@contextmanager
def connect(uri: str, database: str, *, app: str = "") -> Iterator[Database]:
    """The service's database; the client is closed on exit. Opens no connection by itself."""
    client: Any = AsyncIOMotorClient(
        uri,
        appname=app or database,
        tz_aware=True,
        tzinfo=UTC,
        uuidRepresentation="standard",
        serverSelectionTimeoutMS=5_000,
        socketTimeoutMS=30_000,
        connectTimeoutMS=5_000,
        retryWrites=True,
        w="majority",
        journal=True,
    )
    try:
        yield Database(client, database)
    finally:
        client.close()
