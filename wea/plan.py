"""What one run starts: ports, environments and commands, worked out before anything is started."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wea import fleet, settings
from wea.console_users import FILE as CONSOLE_USERS
from wea.credentials import KEYS, Credentials, credentials
from wea.fleet import Service
from wea.mongo_users import ADMIN, user_uri
from wea.ports import Ports
from wea.servers.kafka import QUICK, KafkaServer
from wea.servers.mongo import MongoServer
from wea.servers.ports import LOOPBACK
from wea.state import State

MAIL_FROM = "WEA clock hours <clockhours@example.org>"
PORTAL_URL = "https://example.org/courses"


@dataclass(frozen=True)
class Options:
    """What the caller of `wea up` may choose."""

    programs: Path
    replicas: Mapping[str, int] = field(default_factory=dict)
    services: tuple[Service, ...] = fleet.SERVICES


@dataclass(frozen=True)
class Instance:
    """One process of a service; a service has as many as it has replicas."""

    service: Service
    number: int
    port: int

    @property
    def name(self) -> str:
        return self.service.name if self.number == 1 else f"{self.service.name}-{self.number}"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


@dataclass(frozen=True)
class Plan:
    """One run. `kafka` and `mongo` are None where servers that run already were given."""

    state: State
    options: Options
    credentials: Credentials
    kafka: KafkaServer | None
    mongo: MongoServer | None
    bootstrap: str
    mongo_uri: str
    smtp_port: int
    instances: tuple[Instance, ...]

    @property
    def urls(self) -> dict[str, str]:
        """Each service's first process: where people and programs go."""
        return {one.service.name: one.url for one in self.instances if one.number == 1}

    @property
    def smtp(self) -> str:
        return f"{LOOPBACK}:{self.smtp_port}"

    def environment(self, instance: Instance) -> dict[str, str]:
        """The environment of one process of a service, on top of our own."""
        ours = settings.environment()
        service = instance.service
        keys = ",".join(f"{role}={key}" for role, key in self.credentials.keys.items())
        urls = ",".join(f"{one.service.name}={one.url}" for one in self.instances if one.service.name != fleet.CONSOLE)
        given = {
            "WEA_ENV": ours.get("WEA_ENV", "development"),
            "WEA_KAFKA": self.bootstrap,
            "WEA_MONGO": user_uri(self.mongo_uri, service, self.credentials.mongo[service.name]),
            "WEA_DATABASE": service.database,
            "WEA_HOST": LOOPBACK,
            "WEA_PORT": str(instance.port),
            "WEA_PROGRAMS": str(self.options.programs),
            "WEA_KEYS": keys,
            "WEA_KEYS_FILE": ours.get("WEA_KEYS_FILE") or str(self.state.path / KEYS),
            "WEA_NEA_SECRETS": self.credentials.nea_webhook_secret,
            "WEA_SECRET": self.credentials.secret,
            "WEA_CLOCK_FILE": str(self.state.clock),
            "WEA_INSTANCE": f"{service.name}-{instance.number}",
            "WEA_SMTP": self.smtp,
            "WEA_MAIL_FROM": ours.get("WEA_MAIL_FROM", MAIL_FROM),
            "WEA_PUBLIC_URL": ours.get("WEA_PUBLIC_URL") or self.urls.get(fleet.NOTIFICATIONS, instance.url),
            "WEA_PORTAL_URL": ours.get("WEA_PORTAL_URL", PORTAL_URL),
            "WEA_URLS": urls,
            "WEA_CONSOLE_USERS": ours.get("WEA_CONSOLE_USERS") or str(self.state.path / CONSOLE_USERS),
            "WEA_LOG": ours.get("WEA_LOG", "json"),
        }
        return {**ours, **given}

    def status(self) -> dict[str, Any]:
        """What `wea status --json` shows, but for process ids and the time."""
        return {
            "services": {name: {"url": url} for name, url in self.urls.items()},
            "kafka": {"bootstrap": self.bootstrap},
            "mongo": {"uri": self.mongo_uri},
            "smtp": {"address": self.smtp},
            "mail_dir": str(self.state.mail),
            "keys": self.credentials.keys,
            "nea_webhook_secret": self.credentials.nea_webhook_secret,
        }


def plan(state: State, options: Options, *, usual_ports: bool = True) -> Plan:
    """Work out a run: the ports of the last one, or the usual ones, where they are free; the keys of the state."""
    ours = credentials(state, [ADMIN, *(service.name for service in options.services)])
    ports = Ports(state, usual=usual_ports)
    kafka = mongo = None
    if (bootstrap := settings.given_kafka()) is None:
        folder = state.path / "kafka"
        # A system on this machine is started often and asked for little: what starts quickly is what counts.
        kafka = KafkaServer(folder, ports.take("kafka", 9092), ports.take("kafka controller", 9093), QUICK)
        bootstrap = kafka.bootstrap
    if (mongo_uri := settings.given_mongo()) is None:
        password = ours.mongo[ADMIN]
        mongo = MongoServer(state.path / "mongo", ports.take("mongo", 27017), state.mongo_key, password)
        mongo_uri = mongo.uri
    smtp_port = ports.take("smtp", 1025)
    instances = tuple(_instances(options, ports))
    ports.keep()
    return Plan(state, options, ours, kafka, mongo, bootstrap, mongo_uri, smtp_port, instances)


def _instances(options: Options, ports: Ports) -> Iterable[Instance]:
    # First all first processes: theirs are the ports that people know.
    for number in range(1, max([1, *options.replicas.values()]) + 1):
        for service in options.services:
            if number <= options.replicas.get(service.name, 1):
                name = service.name if number == 1 else f"{service.name}-{number}"
                yield Instance(service, number, ports.take(name, service.port + 10 * (number - 1)))
