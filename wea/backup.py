"""`wea backup` and `wea restore`: every service's database as of one moment, and back.

A backup is one consistent cut over all databases: one snapshot session reads them. What came after it is not lost:
positions are in the databases, so restored services read again from the topics what they lack (docs/backup.md).
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymongo
from bson import decode_file_iter
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.json_util import dumps, loads
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure, PyMongoError

from eventing.clock import system_now
from wea import settings
from wea.credentials import KEYS
from wea.errors import UserError
from wea.fleet import SERVICES
from wea.state import State

MANIFEST = "backup.json"
SECRETS = ("secrets.json", KEYS)  # without the HMAC key of the state a restored system would know nobody again
BATCH = 1000
WINDOW, LONGEST_SECONDS = "minSnapshotHistoryWindowInSeconds", 3600
# Who owns what, and which process lives: of the moment, not of the books.
OF_THE_MOMENT = frozenset({"leases"})

Client = pymongo.MongoClient[RawBSONDocument]


DATABASES = tuple(service.database for service in SERVICES)


def backup(uri: str, state: State, folder: Path, databases: Sequence[str] = DATABASES) -> dict[str, Any]:
    """Write all databases into a new folder, for its owner alone. Answers what is in it, by database and collection.

    UserError where one has nothing in it: a service builds its indexes at once, so its database has another name.
    """
    if folder.exists():
        raise UserError(f"{folder} is there already: name a new folder.")
    scratch = folder.with_name(folder.name + ".part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, mode=0o700)
    began = system_now()
    try:
        with _client(uri) as client, _history_kept(client), client.start_session(snapshot=True) as session:
            counts = {name: _save(client, session, name, scratch) for name in databases}
    except PyMongoError as error:
        raise UserError(f"no backup was made: {type(error).__name__}, {str(error)[:200]}") from None
    if empty := [name for name, of in counts.items() if not of]:
        raise UserError(f"no backup was made: this MongoDB has nothing in {', '.join(empty)} (docs/backup.md).")
    for name in SECRETS:
        if (state.path / name).exists():
            shutil.copyfile(state.path / name, scratch / name)
            (scratch / name).chmod(0o600)
    manifest = {"version": 1, "at": began.isoformat(), "documents": counts}
    (scratch / MANIFEST).write_text(dumps(manifest, indent=1))
    scratch.rename(folder)  # whole, or not there
    return manifest


@contextmanager
def _history_kept(client: Client) -> Iterator[None]:
    """Let what is removed meanwhile stay readable for an hour: mongod keeps little of the past otherwise (0905).

    Where we may not tell it to, its own window must be as long as a backup takes (docs/backup.md).
    """
    try:
        was = client.admin.command({"setParameter": 1, WINDOW: LONGEST_SECONDS})["was"]
    except OperationFailure:
        yield
        return
    try:
        yield
    finally:
        client.admin.command({"setParameter": 1, WINDOW: was})


def _save(client: Client, session: Any, database: str, folder: Path) -> dict[str, int]:
    (folder / database).mkdir()
    counts = {}
    for name in sorted(client[database].list_collection_names()):
        if name in OF_THE_MOMENT:
            continue
        indexes = {k: dict(v) for k, v in client[database][name].index_information().items() if k != "_id_"}
        (folder / database / f"{name}.indexes.json").write_text(dumps(indexes))
        with (folder / database / f"{name}.bson").open("wb") as file:
            counts[name] = sum(1 for row in client[database][name].find(session=session) if file.write(row.raw))
    return counts


def manifest_of(folder: Path) -> dict[str, Any]:
    """What a backup says of itself. UserError for a folder that is none."""
    try:
        manifest: dict[str, Any] = loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        raise UserError(f"{folder} is no backup of `wea backup`: it has no {MANIFEST}.") from None
    return manifest


def restore(uri: str, folder: Path) -> dict[str, Any]:
    """Put the databases back as they were in the backup; what is in them now is gone. Nothing may run meanwhile.

    UserError for a backup that is not whole, before anything is touched.
    """
    manifest = manifest_of(folder)
    for database, counts in manifest["documents"].items():
        for name, count in counts.items():
            _check(folder / database, name, count)
    try:
        with _client(uri) as client:
            for database, counts in manifest["documents"].items():
                _load(client, database, folder / database, counts)
    except PyMongoError as error:
        raise UserError(f"not restored, or in part only: {type(error).__name__}, {str(error)[:200]}") from None
    return manifest


def _check(folder: Path, name: str, count: int) -> None:
    """Read a collection's files through: a damaged one is found while the databases are still as they are."""
    try:
        loads((folder / f"{name}.indexes.json").read_text())
        with (folder / f"{name}.bson").open("rb") as file:
            found = sum(1 for _ in decode_file_iter(file, CodecOptions(RawBSONDocument)))
    except (OSError, ValueError, BSONError) as error:
        raise UserError(f"the backup is damaged, nothing was touched: {folder.name}.{name}: {error}.") from None
    if found != count:
        raise UserError(
            f"the backup is damaged, nothing was touched: {folder.name}.{name} has {found} of {count} documents."
        )


def put_back_secrets(state: State, folder: Path) -> None:
    """Give a new state the secrets that the restored books were kept with: keys, webhook secret, the HMAC key.

    Not MongoDB's passwords, which are of the server. The state that the backup is of has its own, as changed since.
    """
    kept, ours = State(folder).read(SECRETS[0]) or {}, state.read(SECRETS[0]) or {}
    if kept.get("secret") in (None, ours.get("secret")):
        return
    of_the_books = {name: kept[name] for name in ("keys", "nea_webhook_secret", "secret") if name in kept}
    state.write(SECRETS[0], {**ours, **of_the_books})
    if (made := State(folder).read(KEYS)) is not None:
        state.write(KEYS, made)


def _load(client: Client, database: str, folder: Path, counts: dict[str, int]) -> None:
    for name in client[database].list_collection_names():
        client[database].drop_collection(name)
    for name in counts:
        collection = client[database].create_collection(name)
        for index, about in loads((folder / f"{name}.indexes.json").read_text()).items():
            keys = about.pop("key")
            about.pop("v", None)
            about.pop("ns", None)
            collection.create_index([(field, int(way)) for field, way in keys], name=index, **about)
        with (folder / f"{name}.bson").open("rb") as file:
            for batch in _batches(decode_file_iter(file, CodecOptions(RawBSONDocument))):
                collection.insert_many(batch, ordered=False)


def _batches(rows: Iterator[RawBSONDocument]) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def mongod_of(state: State) -> Iterator[str]:
    """The administrator's URI where nothing runs: of WEA_MONGO, else of the state's mongod, started for us."""
    if (given := settings.given_mongo()) is not None:
        yield given
        return
    from wea.plan import Options, plan
    from wea.programs import programs_folder
    from wea.servers import running

    with state.locked():
        server = plan(state, Options(programs_folder())).mongo
        if server is None:
            raise UserError("there is no MongoDB to restore into.")
        with running(server, state.logs / "mongo.log"):
            yield server.uri


def _client(uri: str) -> Client:
    options: CodecOptions[RawBSONDocument] = CodecOptions(RawBSONDocument)
    return pymongo.MongoClient(
        uri, document_class=options.document_class, serverSelectionTimeoutMS=10_000, w="majority", journal=True
    )
