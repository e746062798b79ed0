"""Kafka by SASL_SSL with SCRAM and the ACLs of deploy/kubernetes, MongoDB by TLS: for once for real."""

import asyncio
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import CreateAclsRequest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pymongo import MongoClient

from contracts import topics
from eventing.batch import Batch
from eventing.clock import system_now
from eventing.consumer import Consumer, Subscription
from eventing.kafka import KafkaSettings, ensure_topics, producer
from eventing.mongo import Database, InsertOne, connect
from eventing.settings import ServiceSettings
from eventing.unit import UnitOfWork
from tests.conftest import skipped_at_home
from tests.waiting import PATIENCE_SECONDS
from tests.wea.conftest import failed_with_a_sentence, wea
from wea.fleet import SERVICES
from wea.mongo_users import provision, user_uri
from wea.servers import running
from wea.servers.kafka import CLUSTER_ID, QUICK, KafkaServer
from wea.servers.mongo import MongoServer
from wea.servers.ports import LOOPBACK, free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "a-password"
USERS = ("admin", "portal", "enrollment", "clockhours")
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8}
KINDS = {"topic": 2, "group": 3}
LITERAL, ALLOW = 3, 3


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address that vouches for itself: its file with the key, and the one without."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both, public = folder / "server.pem", folder / "ca.pem"
    both.write_bytes(secret + pem)
    public.write_bytes(pem)
    return both, public


class Encrypted(KafkaServer):
    """A Kafka that lets in only whom it knows, by SASL_SSL, and lets each do only what an ACL names."""

    pem = Path()

    def prepare(self) -> None:
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        super().prepare()
        file = self.folder / "server.properties"
        text = (
            file.read_text().replace("PLAINTEXT://", "SASL_SSL://").replace("PLAINTEXT:PLAINTEXT", "SASL_SSL:SASL_SSL")
        )
        text += f"""
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login} username="admin" password="{PASSWORD}";
ssl.keystore.type=PEM
ssl.keystore.location={self.pem}
ssl.truststore.type=PEM
ssl.truststore.location={self.pem.with_name("ca.pem")}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
"""
        file.write_text(text)

    def _format(self) -> None:
        tool = [*self._start_of_command(*QUICK), "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID]
        tool += ["-c", str(self.folder / "server.properties")]
        for user in USERS:
            tool += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={PASSWORD}]"]
        subprocess.run(tool, capture_output=True, check=True)

    def ready(self) -> bool:
        """Kafka shakes hands when it knows its users, not before. By a socket: no loop of its own, which would end
        while the other side still takes leave of a connection, and leave that one open."""
        context = ssl.create_default_context(cafile=self.pem.with_name("ca.pem"))
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=10) as plain:
                context.wrap_socket(plain, server_hostname=LOOPBACK).close()
        except OSError:
            return False
        return True


def signed_in(bootstrap: str, user: str, ca_file: Path) -> KafkaSettings:
    """As a service reads it from WEA_KAFKA_SECURITY."""
    said = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "ca_file": str(ca_file)}
    said |= {"sasl_plain_username": user, "sasl_plain_password": PASSWORD}
    settings = ServiceSettings(kafka=bootstrap, kafka_security=json.dumps(said))  # type: ignore[arg-type]
    assert PASSWORD not in repr(settings)
    return settings.kafka_settings


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with skipped_at_home():
        folder = tmp_path_factory.mktemp("encrypted")
        server = Encrypted(folder, free_port(), free_port(), QUICK)
        server.pem, ca_file = certificate(folder)
        with running(server, folder / "kafka.log", timeout=300):
            yield server.bootstrap, ca_file


def acls() -> Iterator[tuple[str, str, str, int]]:
    """User, kind, name and operation of each ACL that deploy/kubernetes gives."""
    for user in yaml.safe_load_all((ROOT / "deploy/kubernetes/strimzi/users.yaml").read_text()):
        for acl in user["spec"]["authorization"]["acls"]:
            for operation in acl["operations"]:
                about = acl["resource"]
                yield user["metadata"]["name"], about["type"], about["name"], OPERATIONS[operation]


@pytest.fixture(scope="module")
async def kafka(encrypted: tuple[str, Path]) -> dict[str, KafkaSettings]:
    """Each user's settings; topics and ACLs are there."""
    users = {user: signed_in(encrypted[0], user, encrypted[1]) for user in USERS}
    await ensure_topics(users["admin"], topics.ALL)
    client = AIOKafkaAdminClient(**users["admin"].options)
    await client.start()
    try:
        for user, kind, name, operation in acls():
            about = (KINDS[kind], name, LITERAL, f"User:{user}", "*", operation, ALLOW)
            await client._send_to_controller(CreateAclsRequest(*about))
    finally:
        await client.close()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await sends(users["enrollment"], "wea.sessions.v1"):  # the broker takes up ACLs in its own time
            await asyncio.sleep(0.2)
    return users


async def sends(settings: KafkaSettings, topic: str) -> bool:
    sender = producer(settings)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await sender.start()
            await sender.send_and_wait(topic, b"{}", key=b"k")
    except KafkaError:
        return False
    finally:
        await sender.stop()
    return True


async def reads(settings: KafkaSettings, topic: str, group: str) -> bool:
    consumer = AIOKafkaConsumer(topic, **settings.options, group_id=group, auto_offset_reset="earliest")
    try:
        await consumer.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return bool(await consumer.getone())
    except KafkaError:
        return False
    finally:
        await consumer.stop()


async def test_a_service_writes_and_reads_only_its_own_topics(kafka: dict[str, KafkaSettings]) -> None:
    enrollment, clockhours, portal = kafka["enrollment"], kafka["clockhours"], kafka["portal"]
    assert await sends(enrollment, "wea.enrollment.v1")
    assert await sends(portal, "wea.portal.v1")
    assert not await sends(portal, "wea.enrollment.v1"), "the portal tells no award"
    assert not await sends(clockhours, "wea.enrollment.v1")
    assert not await sends(enrollment, "wea.clockhours.v1")
    assert await reads(clockhours, "wea.enrollment.v1", "clockhours")
    assert not await reads(clockhours, "wea.portal.v1", "clockhours"), "personal data is not for the ledger"
    assert not await reads(clockhours, "wea.enrollment.v1", "enrollment"), "another's group"


async def test_who_is_not_known_is_not_let_in(kafka: dict[str, KafkaSettings]) -> None:
    known = dict(kafka["enrollment"].security)
    for wrong in ({**known, "sasl_plain_password": "no"}, {"security_protocol": "PLAINTEXT"}):
        sender = producer(KafkaSettings(kafka["enrollment"].bootstrap, security=tuple(wrong.items())))
        with pytest.raises((KafkaError, OSError, TimeoutError)):
            async with asyncio.timeout(20):
                await sender.start()
        await sender.stop()


async def test_the_consumer_signs_in_too(kafka: dict[str, KafkaSettings], mongo: str) -> None:
    """FastStream's broker has its own form of the same settings."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def on_records(batch: Batch, database: Database, now: datetime) -> None:
        async with UnitOfWork.begin(database, batch, now) as unit:
            for record in unit.every():
                heard.put_nowait(record.key)
            await unit.write()
        heard.put_nowait("a batch")

    with connect(mongo, "encrypted") as database:
        await database.ensure({"positions": ()})
        subscription = Subscription(topics.ENROLLMENT, on_records)
        consumer = Consumer(kafka["clockhours"], "clockhours", [subscription], database, database, clock=system_now)
        await sends(kafka["enrollment"], "wea.enrollment.v1")
        await consumer.start()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await heard.get()
        finally:
            await consumer.stop()
            await database.client.drop_database("encrypted")


def test_provision_signs_in_as_the_services_do(encrypted: tuple[str, Path], mongo: str) -> None:
    """The topics of a secured cluster are made by the settings that its services are given."""
    bootstrap, ca_file = encrypted
    admin = dict(signed_in(bootstrap, "admin", ca_file).security)
    given = {"WEA_KAFKA": bootstrap, "WEA_KAFKA_PREFIX": "provisioned.", "WEA_MONGO": mongo}
    given |= {"WEA_MONGO_PASSWORDS": ",".join(f"{service.name}=secret" for service in SERVICES)}

    done = wea("provision", **given, WEA_KAFKA_SECURITY=json.dumps(admin))
    assert "topics created: provisioned.wea.portal.v1, " in done.stdout, done.stderr

    wrong = json.dumps({**admin, "sasl_plain_password": "wrong"})
    done = wea("provision", **given, WEA_KAFKA_SECURITY=wrong)
    assert f"Kafka at {bootstrap} does not answer" in failed_with_a_sentence(done, steps=True)


class Tls(MongoServer):
    """A mongod that speaks TLS alone."""

    pem = Path()

    def command(self) -> list[str]:
        ca_file = str(self.pem.with_name("ca.pem"))
        tls = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(self.pem), "--tlsCAFile", ca_file]
        return [*super().command(), *tls, "--tlsAllowConnectionsWithoutCertificates"]

    def _connect(self, authenticated: bool = False) -> Any:
        who: dict[str, Any] = {"username": "admin", "password": PASSWORD} if authenticated else {}
        who |= {"tls": True, "tlsCAFile": str(self.pem.with_name("ca.pem"))}
        return MongoClient("127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=3000, **who)

    @property
    def uri(self) -> str:
        return f"{super().uri}&tls=true&tlsCAFile={self.pem.with_name('ca.pem')}"


async def test_mongodb_by_tls_with_a_user_of_its_own(tmp_path: Path) -> None:
    with skipped_at_home():
        key = tmp_path / "mongo.key"
        key.write_text("a" * 64)
        key.chmod(0o600)
        server = Tls(tmp_path / "mongo", free_port(), key, PASSWORD)
        server.pem, _ = certificate(tmp_path)
        ledger = next(service for service in SERVICES if service.name == "clockhours")
        with running(server, tmp_path / "mongo.log", timeout=300):
            await asyncio.to_thread(provision, server.uri, ledger, PASSWORD)
            with connect(user_uri(server.uri, ledger, PASSWORD), "clockhours") as database:
                async with database.transaction() as session:
                    await database["entries"].bulk_write([InsertOne({"_id": "e"})], session=session)
                with pytest.raises(Exception, match="not authorized"):
                    await database["entries"].delete_one({"_id": "e"})
            plain = user_uri(server.uri, ledger, PASSWORD).partition("&tls")[0]
            with connect(plain + "&serverSelectionTimeoutMS=1500", "clockhours") as database:
                with pytest.raises(Exception, match=r"."):
                    await database["entries"].find_one({})
