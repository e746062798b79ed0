"""Each service may use its own database, and the ledger takes inserts only."""

from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest
from pymongo.errors import OperationFailure

from eventing.mongo import Index, connect
from eventing.service import EVENTING_INDEXES
from eventing.transient import RefusedError
from services.clockhours.store import INDEXES
from wea.errors import UserError
from wea.fleet import EVENTING, SERVICES, Service
from wea.fleet import LEDGER as ENTRIES
from wea.mongo_users import privileges, provision, user_uri
from wea.servers import running
from wea.servers.mongo import MongoServer
from wea.servers.ports import free_port

LEDGER = Service(
    "clockhours", 0, "services.clockhours", "clockhours", append_only={"entries": ENTRIES}, collections=("educators",)
)
OTHER = Service("enrollment", 0, "services.enrollment", "enrollment")

Client = pymongo.MongoClient[dict[str, object]]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The administrator's URI of a mongod with authentication on."""
    folder = tmp_path_factory.mktemp("guarded")
    key = folder / "mongo.key"
    key.write_text("c2VjcmV0LWZvci1hLXRlc3Q=")
    key.chmod(0o600)
    server = MongoServer(folder, free_port(), key, "pass/word")
    with running(server, folder / "log"):
        for _ in range(2):  # again is no error
            provision(server.uri, LEDGER, "led:ger")
            provision(server.uri, OTHER, "other")
        yield server.uri


@pytest.fixture
def ledger(guarded: str) -> Iterator[Client]:
    with Client(user_uri(guarded, LEDGER, "led:ger")) as client:
        yield client


def test_the_ledger_takes_inserts_and_nothing_else(ledger: Client) -> None:
    entries = ledger["clockhours"]["entries"]
    entries.insert_one({"_id": 1})
    assert entries.find_one() == {"_id": 1}
    assert entries.estimated_document_count() == 1
    for forbidden in (
        lambda: entries.update_one({"_id": 1}, {"$set": {"minutes": 900}}),
        lambda: entries.delete_one({"_id": 1}),
        lambda: entries.drop(),
        lambda: entries.rename("elsewhere"),
        lambda: entries.create_index("granted_at", expireAfterSeconds=1),  # it would be empty within a minute
        lambda: ledger["clockhours"].command("collStats", "entries"),
        lambda: ledger["clockhours"].command("dbStats"),
    ):
        with pytest.raises(OperationFailure, match="not authorized"):
            forbidden()


async def test_what_the_ledger_needs_is_made_for_its_service(guarded: str) -> None:
    with connect(user_uri(guarded, LEDGER, "led:ger"), "clockhours") as database:
        await database.ensure({"entries": INDEXES["entries"]})
        with pytest.raises(RefusedError, match="the index of entries on minutes is not there, nor ours to make"):
            await database.ensure({"entries": (Index.on("minutes"),)})


def test_the_indexes_that_are_made_for_a_service_are_its_own() -> None:
    for service in SERVICES:
        for collection, indexes in service.append_only.items():
            made = [
                Index.on(*fields, unique=options.get("unique", False), partial=options.get("partialFilterExpression"))
                for fields, options in indexes
            ]
            assert tuple(made) == INDEXES[collection]


def test_a_transaction_writes_ledger_and_state_together(ledger: Client) -> None:
    with ledger.start_session() as session, session.start_transaction():
        ledger["clockhours"]["entries"].insert_one({"_id": 2}, session=session)
        ledger["clockhours"]["educators"].update_one({"_id": 2}, {"$set": {"n": 1}}, upsert=True, session=session)
    assert ledger["clockhours"]["educators"].find_one({"_id": 2}) == {"_id": 2, "n": 1}


def test_no_service_reads_anothers_database(ledger: Client) -> None:
    with pytest.raises(OperationFailure, match="not authorized"):
        ledger["enrollment"]["educators"].find_one()


def test_a_service_may_do_all_that_it_needs_in_its_own(guarded: str) -> None:
    with Client(user_uri(guarded, OTHER, "other")) as client:
        rows = client["enrollment"]["educators"]
        rows.create_index("email")
        rows.insert_one({"_id": 1})
        rows.update_one({"_id": 1}, {"$set": {"a": 1}})
        assert rows.delete_one({"_id": 1}).deleted_count == 1
        assert client["enrollment"].list_collection_names() == ["educators"]
        with pytest.raises(OperationFailure, match="not authorized"):
            rows.watch()  # and no more than it needs


def test_a_service_may_end_its_own_sessions_but_nobody_elses(guarded: str) -> None:
    with Client(user_uri(guarded, OTHER, "other")) as client, client.start_session() as session:
        client.admin.command("killSessions", [session.session_id])


def test_an_administrators_password_that_mongod_does_not_know_is_said_and_not_waited_for(
    guarded: str, tmp_path: Path
) -> None:
    """As after it was changed in the env file, and not in mongod."""
    port = pymongo.uri_parser.parse_uri(guarded)["nodelist"][0][1]
    with pytest.raises(UserError, match="administrator's password"):
        MongoServer(tmp_path, port, admin_password="another").ready()


def test_the_users_uri_keeps_servers_and_options() -> None:
    uri = "mongodb://admin:x@h1:1,h2:2/?replicaSet=wea&authSource=admin"
    assert user_uri(uri, OTHER, "p@ss") == "mongodb://enrollment:p%40ss@h1:1,h2:2/enrollment?replicaSet=wea"
    assert user_uri("mongodb://h1:1", OTHER, "p") == "mongodb://h1:1/enrollment"


def test_the_rights_name_every_collection_that_clockhours_uses() -> None:
    service = next(service for service in SERVICES if service.append_only)
    named = {*service.append_only, *service.collections}
    assert named == {*INDEXES, *EVENTING}
    assert named >= set(EVENTING_INDEXES)
    rights = {right["resource"]["collection"]: set(right["actions"]) for right in privileges(service)}
    assert rights["entries"] == {"find", "insert", "listIndexes"}
    assert not {"find", "insert", "update", "remove"} & rights[""]
    assert {"update", "remove"} <= rights["educators"]
