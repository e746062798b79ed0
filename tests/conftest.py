"""Real servers for every test that needs them, one of each for the whole session.

WEA_TEST_KAFKA and WEA_TEST_MONGO name servers that run already. Else they are started here: as
processes of this machine, or, with WEA_TEST_SERVERS=containers, from KAFKA_IMAGE and MONGO_IMAGE.
Where that cannot be, a test that needs one is skipped at home and fails in CI.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from wea.errors import UserError
from wea.servers import running
from wea.servers.kafka import QUICK, KafkaServer
from wea.servers.mongo import MongoServer
from wea.servers.ports import free_port

SERVERS = {"kafka", "mongo"}
# Folders and files whose tests start processes, open sockets or set type; and those that compare long histories.
OUTSIDE = {
    "wea",
    "test_smtp.py",
    "test_service.py",
    "test_transcript.py",
    "test_killed.py",
    "test_patience.py",
    "test_points.py",
    "test_timer.py",
    "test_openid.py",
    "test_log.py",
    "test_encrypted.py",
    "test_fuzzing.py",
    "test_supply_chain.py",
}
LONG = {
    "test_model.py",
    "test_persons.py",
    "test_time_travel.py",
    "test_looks.py",
    "test_order.py",
    "test_reminders.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each test on its floor: unit (policies, no I/O), contracts, integration (servers, processes), system."""
    for item in items:
        item.add_marker(floor(item))


def floor(item: pytest.Item) -> str:
    """A test's floor follows from what it needs; `model` marks the long comparisons of policies with a model."""
    if "system" in item.path.parts:
        return "system"
    if SERVERS.intersection(getattr(item, "fixturenames", ())) or OUTSIDE & {item.path.parent.name, item.path.name}:
        return "integration"
    if "contracts" in item.path.parts:
        return "contracts"
    return "model" if item.path.name in LONG else "unit"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a real Kafka. Tests share it: prefix your topics and groups."""
    with skipped_at_home():
        if given := os.environ.get("WEA_TEST_KAFKA"):
            yield given
        elif os.environ.get("WEA_TEST_SERVERS") == "containers":
            from tests.containers import kafka_container

            with kafka_container() as bootstrap:
                yield bootstrap
        else:
            folder = tmp_path_factory.mktemp("kafka")
            server = KafkaServer(folder, free_port(), free_port(), java_options=QUICK)
            with running(server, folder / "kafka.log"):
                yield server.bootstrap


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real mongod, a replica set of one. Tests share it: use a database of your own."""
    with skipped_at_home():
        if given := os.environ.get("WEA_TEST_MONGO"):
            yield given
        elif os.environ.get("WEA_TEST_SERVERS") == "containers":
            from tests.containers import mongo_container

            with mongo_container() as uri:
                yield uri
        else:
            folder = tmp_path_factory.mktemp("mongo")
            server = MongoServer(folder, port=free_port())
            with running(server, folder / "mongo.log"):
                yield server.uri


@contextmanager
def skipped_at_home() -> Iterator[None]:
    """A server that cannot be had skips its tests, but not in CI: there it would hide everything."""
    try:
        yield
    except UserError as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))
