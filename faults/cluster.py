"""The demo against docker-compose.cluster.yml, while the broker that leads most and the primary mongod are stopped.

    .venv/bin/python -m faults.cluster [kill]        (the containers run already: docs/containers.md)

Plays by `wea demo` with the secrets of deploy/development.env. At its third moment the broker is stopped (or killed),
at its eighth the mongod; both stay away until the story has ended and `wea check` has proved the books, and are
started again then. Exits with 1 where the ledger or the books are wrong, or nothing was taken away.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from wea.api import connected, path

ROOT = Path(__file__).parents[1]
MOMENTS = {3: "broker", 8: "mongod"}
TOTALS = {"ana": 1080, "ben": 1080, "chloe": 1080, "diego": 1080, "emi": 1080, "farah": 180}  # minutes
ENTRIES = {"farah": 4}  # two grants, a third and its reversal; everybody else has three grants

LEADERS = """
import asyncio, collections, os
from aiokafka.admin import AIOKafkaAdminClient
async def main():
    admin = AIOKafkaAdminClient(bootstrap_servers=os.environ["WEA_KAFKA"])
    await admin.start()
    topics = await admin.describe_topics()
    print(collections.Counter(p["leader"] for t in topics for p in t["partitions"]).most_common(1)[0][0])
    await admin.close()
asyncio.run(main())
"""
PRIMARY = """
import os, pymongo
print(pymongo.MongoClient(os.environ["WEA_MONGO"]).admin.command("hello")["primary"].split(":")[0])
"""


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def container(service: str) -> str:
    """Its name, which compose's versions make differently."""
    labels = {"project": os.environ.get("COMPOSE_PROJECT_NAME", "wea"), "service": service}
    filters = [f"--filter=label=com.docker.compose.{label}={value}" for label, value in labels.items()]
    return docker("ps", "--all", "--format={{.Names}}", *filters)


def ask(program: str) -> str:
    """What a program in enrollment's container prints: only in there the servers' names mean something."""
    return docker("exec", container("enrollment"), "python", "-c", program)


def victim(kind: str) -> str:
    """The service whose loss is felt most now."""
    if kind == "mongod":
        return ask(PRIMARY)
    broker = int(ask(LEADERS))
    return "kafka" if broker == 1 else f"kafka-{broker}"


def given() -> dict[str, str]:
    """deploy/development.env."""
    lines = (ROOT / "deploy" / "development.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def urls() -> dict[str, str]:
    host = os.environ.get("WEA_BIND", "127.0.0.1")
    ports = {"console": 8080, "enrollment": 8081, "clockhours": 8082, "notifications": 8083}
    return {service: f"http://{host}:{port}" for service, port in ports.items()}


def keys() -> dict[str, str]:
    return {role: given()[f"WEA_{role.upper()}_KEY"] for role in ("portal", "staff", "operator")}


def wea(*arguments: str) -> "subprocess.Popen[str]":
    """A verb of the command line, on the containers."""
    named = {name: ",".join(f"{k}={v}" for k, v in of.items()) for name, of in (("URLS", urls()), ("KEYS", keys()))}
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "WEA_URLS": named["URLS"], "WEA_KEYS": named["KEYS"]}
    environment["WEA_NEA_SECRETS"] = given()["WEA_NEA_SECRETS"]
    command = [sys.executable, "-m", "wea", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


class Play:
    """Tells what happens, and when: seconds since its start."""

    def __init__(self, how: str) -> None:
        self._how, self._began = how, time.monotonic()
        self.gone: list[str] = []

    def tell(self, line: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {line}", flush=True)

    def take_away(self, kind: str) -> None:
        name = container(victim(kind))
        self.gone.append(name)
        self.tell(f"--- {self._how} {name}")
        docker(self._how, name)
        self.tell(f"--- {name} is gone")

    def story(self) -> None:
        """To its end, while the story goes on beside what is taken away."""
        moment, losses = 0, list[Future[None]]()
        with wea("demo") as demo, ThreadPoolExecutor() as beside:
            assert demo.stdout is not None
            for line in demo.stdout:
                self.tell(line.rstrip())
                if is_moment(line):
                    moment += 1
                    if kind := MOMENTS.get(moment):
                        losses.append(beside.submit(self.take_away, kind))
        for loss in losses:
            loss.result()
        if demo.returncode:
            raise SystemExit(f"the demo ended with {demo.returncode}")

    def missed(self) -> list[str]:
        """What the story did not come to, because it was told to this system before."""
        return [f"no {kind} was taken away" for kind in list(MOMENTS.values())[len(self.gone) :]]


def is_moment(line: str) -> bool:
    """Does it begin with a date of the story?  Mon Mar 04, 10:00 ..."""
    return line[:3].isalpha() and line[10:11] == "," and line[14:15] == ":"


def wrong() -> list[str]:
    """What is not as the story must end."""
    said = {}
    with connected({"services": {name: {"url": url} for name, url in urls().items()}, "keys": keys()}) as system:
        for who in TOTALS:
            record = system.get("clockhours", path("educators", f"demo-{who}", "clock-hours"))
            said[who] = record["total_minutes"], len(record["entries"])
    print("ledger (minutes, entries):", said)
    return [f"{who} has {has}" for who, has in said.items() if has != (TOTALS[who], ENTRIES.get(who, 3))]


def main() -> int:
    play = Play("kill" if "kill" in sys.argv[1:] else "stop")
    try:
        play.story()
        problems = [*wrong(), *play.missed()]
        with wea("check", "--wait", "120") as check:
            print(check.communicate()[0])
    finally:
        for name in play.gone:
            docker("start", name)
    for problem in problems:
        print("WRONG:", problem)
    return 1 if problems or check.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
