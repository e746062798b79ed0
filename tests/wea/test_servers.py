"""The embedded servers are the real ones, and survive what happens to them."""

from pathlib import Path

import pymongo
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from wea.servers import running
from wea.servers.mongo import PARAMETERS, MongoServer
from wea.servers.ports import free_port


def connect(uri: str) -> pymongo.MongoClient[dict[str, object]]:
    return pymongo.MongoClient(uri)


async def test_kafka_is_one_broker_that_answers_its_clients(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        cluster = await admin.describe_cluster()
    finally:
        await admin.close()
    assert len(cluster["brokers"]) == 1


def test_mongod_runs_transactions(mongo: str) -> None:
    with connect(mongo) as client, client.start_session() as session:
        with session.start_transaction():
            client["wea_test_servers"]["rows"].insert_one({"_id": 1}, session=session)
            session.abort_transaction()
        assert client["wea_test_servers"]["rows"].find_one() is None


@pytest.mark.parametrize(("name", "value"), PARAMETERS.items())
def test_mongod_has_its_parameters_here_and_in_containers(mongo: str, name: str, value: int) -> None:
    with connect(mongo) as client:
        assert client.admin.command({"getParameter": 1, name: 1})[name] == value
    assert f"--setParameter {name}={value} " in (Path(__file__).parents[2] / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "mongo.key"
    path.write_text("c2VjcmV0LWZvci1hLXRlc3Q=")
    path.chmod(0o600)
    return path


def test_mongod_lets_only_its_users_in_and_keeps_its_data_on_another_port(tmp_path: Path, key_file: Path) -> None:
    def server() -> MongoServer:
        return MongoServer(tmp_path, free_port(), key_file=key_file, admin_password="pass/word")

    first = server()
    with running(first, tmp_path / "log"):
        with connect(first.uri) as client:
            client["one"]["rows"].insert_one({"_id": 1})
        with connect(f"mongodb://127.0.0.1:{first.port}/?replicaSet=wea") as stranger:
            with pytest.raises(pymongo.errors.OperationFailure, match="authentication"):
                stranger["one"]["rows"].find_one()

    second = server()
    with running(second, tmp_path / "log"), connect(second.uri) as client:
        assert client["one"]["rows"].find_one() == {"_id": 1}
