"""What must be there before the services start, on servers that others run: topics and users."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from contracts import topics
from wea import settings
from wea.errors import UserError
from wea.fleet import SERVICES
from wea.mongo_users import ADMIN
from wea.mongo_users import provision as provision_user
from wea.servers.mongo import MongoServer
from wea.topics import create_topics

WITHIN_SECONDS = 60
PORT = 27017


def provision(initiate: str | None, replication: int) -> Iterator[str]:
    """Create them; yields a line for each step. UserError where something is not configured.

    Without WEA_KAFKA the topics are left to whoever manages Kafka (deploy/kubernetes/strimzi has them as resources).
    """
    bootstrap, mongo_uri, passwords = settings.given_kafka(), settings.given_mongo(), settings.mongo_passwords()
    missing = [service.name for service in SERVICES if not passwords.get(service.name)]
    if mongo_uri is None:
        raise UserError("set WEA_MONGO to the URI of an administrator.")
    if missing:
        raise UserError(f"WEA_MONGO_PASSWORDS has no password for {', '.join(missing)}: write SERVICE=PASSWORD,...")
    if initiate is not None:
        _initiate(initiate, passwords.get(ADMIN))
        yield f"mongod is the primary of the replica set {initiate}"
    for service in SERVICES:
        provision_user(mongo_uri, service, passwords[service.name])
        yield f"user {service.name} may use the database {service.database}"
    if bootstrap is None:
        yield "topics: left alone, for WEA_KAFKA is not set"
        return
    created = asyncio.run(create_topics(settings.kafka_at(bootstrap), topics.ALL, replication))
    yield f"topics created: {', '.join(created) or 'none, all are there'}"


def _initiate(members: str, password: str | None) -> None:
    """Before the first user, mongod lets in whoever comes from its own machine; there is no other way in."""
    if not password:
        raise UserError(f"WEA_MONGO_PASSWORDS has no password for {ADMIN}.")
    server = MongoServer(Path(), PORT, admin_password=password, members=tuple(members.split(",")))
    deadline = time.monotonic() + WITHIN_SECONDS
    while not server.ready():
        if time.monotonic() > deadline:
            raise UserError(f"the mongod on port {PORT} did not become the primary within {WITHIN_SECONDS} s.")
        time.sleep(0.2)
