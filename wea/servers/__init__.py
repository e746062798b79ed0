"""Real servers without Docker: Apache Kafka and mongod as processes of this machine.

Each server is three answers: what to do before the start (`prepare`), which command runs it
(`command`), and whether it serves (`ready`). `wea up` keeps them alive; `running` below is for
tests, which want one for as long as a block lasts.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from wea import settings
from wea.errors import UserError


class Server(Protocol):
    """What the supervisor and the tests need to know of a server."""

    name: str

    def prepare(self) -> None:
        """Fetch and format what is missing. Raises UserError where a human must help."""

    def command(self) -> list[str]:
        """The command that runs the server in the foreground."""

    def ready(self) -> bool:
        """Does it serve? Finishes on the way what only a running server can do (replica set)."""


def fetch() -> None:
    """Find or fetch what the servers need, so that the wait for it is seen; UserError where that fails."""
    from wea.servers.classes import archive
    from wea.servers.jars import kafka_jars
    from wea.servers.java import find_java
    from wea.servers.mongo import find_mongod

    if settings.given_kafka() is None:
        jars = kafka_jars()  # first: with Maven a Java may come to the machine
        archive(find_java(), jars)
    if settings.given_mongo() is None:
        find_mongod()


def fetch_once() -> None:
    """`fetch` where that was never done; what is missing in spite of that is said when the servers start."""
    from wea.servers.jars import kafka_folder

    if not kafka_folder().is_dir():
        fetch()


@contextmanager
def running(server: Server, log: Path, timeout: float = 90, stop_within: float = 10) -> Iterator[Server]:
    """Run the server while the block lasts; stop it in order, and by force where that takes too long."""
    server.prepare()
    with log.open("ab") as output:
        process = subprocess.Popen(
            server.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + timeout
        while not server.ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"{server.name} did not start: see {log}")
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(stop_within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
