"""One Apache Kafka 4.3.1, broker and controller in one process, on the loopback address."""

import socket
import struct
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from wea.errors import UserError
from wea.servers import classes
from wea.servers.jars import kafka_jars
from wea.servers.java import find_java
from wea.servers.ports import LOOPBACK

CLUSTER_ID = "d2VhLWNsb2NrLWhvdXJzMQ"
HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC")
QUICK = ("-XX:TieredStopAtLevel=1",)

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
# Topics are created with their contract's partitions and retention, or not at all.
auto.create.topics.enable=false
# One node: nobody to replicate to.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=6
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=6
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A killed service's partitions move on in seconds.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=16777216
"""


@dataclass
class KafkaServer:
    """`folder` keeps its data and its properties file; the ports may change between two runs."""

    folder: Path
    port: int
    controller_port: int
    # Options of its Java. The compiler that starts quickly is for servers that do not live long.
    java_options: tuple[str, ...] = ()
    name: str = "kafka"

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Fetch the jars, write the properties and format the folder where that was not done."""
        self._java, self._jars = find_java(), kafka_jars()
        data = self.folder / "data"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(self.properties())
        (self.folder / "log4j2.properties").write_bytes((files("wea.servers") / "log4j2.properties").read_bytes())
        if not (data / "meta.properties").exists():
            self._format()

    def command(self) -> list[str]:
        return [*self._start_of_command(*HEAP, *self.java_options), "kafka.Kafka", str(self._properties)]

    def ready(self) -> bool:
        """Does it answer ApiVersions (the first request of every client)? An open port is not enough."""
        return answers(self.port)

    def properties(self) -> str:
        """Its configuration. Of a key that stands twice the last counts."""
        data = self.folder / "data"
        return PROPERTIES.format(host=LOOPBACK, port=self.port, controller_port=self.controller_port, data=data)

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _start_of_command(self, *options: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return [self._java, *options, *classes.use(self._java, self._jars), logging, "-cp", f"{self._jars}/*"]

    def _format(self) -> None:
        tool = self._start_of_command(*QUICK, "-XX:+UseSerialGC")
        done = subprocess.run(
            [*tool, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = (done.stderr + done.stdout).strip().splitlines() or ["no reason given"]
            raise UserError(f"Kafka could not format {self.folder}: {lines[-1]}")


def answers(port: int, timeout: float = 1.0) -> bool:
    """Send ApiVersions version 0 and wait for the answer with our correlation id."""
    request = struct.pack(">hhih", 18, 0, 7, -1)
    try:
        with socket.create_connection((LOOPBACK, port), timeout) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    # length, correlation id, error code
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (7, 0)
