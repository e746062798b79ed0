"""A Kafka and a mongod for as long as the benchmark runs; or those that WEA_TEST_KAFKA and WEA_TEST_MONGO name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from wea.servers import running
from wea.servers.kafka import KafkaServer
from wea.servers.mongo import MongoServer
from wea.servers.ports import free_port


@dataclass(frozen=True, slots=True)
class Servers:
    kafka: str
    mongo: str


@contextmanager
def servers() -> Iterator[Servers]:
    given = os.environ.get("WEA_TEST_KAFKA"), os.environ.get("WEA_TEST_MONGO")
    if given[0] and given[1]:
        yield Servers(given[0], given[1])
        return
    with TemporaryDirectory(prefix="wea-bench-") as folder:
        kafka = KafkaServer(Path(folder, "kafka"), free_port(), free_port())
        mongo = MongoServer(Path(folder, "mongo"), port=free_port())
        for server in (kafka, mongo):
            server.folder.mkdir()
        with running(kafka, Path(folder, "kafka.log")), running(mongo, Path(folder, "mongo.log")):
            yield Servers(kafka.bootstrap, mongo.uri)
