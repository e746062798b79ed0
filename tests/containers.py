"""The servers of the tests as containers: WEA_TEST_SERVERS=containers, images named by variables."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testcontainers.core.container import DockerContainer

from tests.waiting import until
from wea.servers.kafka import answers
from wea.servers.mongo import MongoServer, parameters
from wea.servers.ports import free_port

KAFKA_IMAGE = "apache/kafka:4.3.1"
MONGO_IMAGE = "mongo:8"


@contextmanager
def kafka_container() -> Iterator[str]:
    """Kafka tells clients where to go on, so it must know the port that the host maps: one chosen before.

    It cannot reach that from within, and to verify a transaction it asks itself: hence a second listener.
    """
    port = free_port()
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093,BROKER://:9094",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port},BROKER://localhost:9094",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    container = DockerContainer(os.environ.get("KAFKA_IMAGE", KAFKA_IMAGE)).with_bind_ports(9092, port)
    for name, value in settings.items():
        container = container.with_env(name, value)
    with container:
        until(lambda: answers(port), "Kafka in its container answers")
        yield f"127.0.0.1:{port}"


@contextmanager
def mongo_container() -> Iterator[str]:
    """A replica set of one whose member is named as the host reaches it."""
    port = free_port()
    command = " ".join(["mongod --replSet wea --bind_ip_all --port", str(port), *parameters()])
    container = DockerContainer(os.environ.get("MONGO_IMAGE", MONGO_IMAGE)).with_command(command)
    with container.with_bind_ports(port, port):
        server = MongoServer(Path("unused"), port)
        until(server.ready, "mongod in its container is primary")
        yield server.uri
