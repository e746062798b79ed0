"""The way to a real mail server: TLS from the first byte or after STARTTLS, a login, connections kept."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from services.notifications.mail import compose
from services.notifications.rendering import Rendered
from services.notifications.smtp import Fate, Pool, Server

# aiosmtpd does not see that the whole connection is TLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")

USER, PASSWORD = "wea", "right"
MAIL = compose(
    "id-1",
    "WEA <hours@example.org>",
    "a@example.org",
    Rendered("Hi", "text", "<p>x</p>"),
    datetime(2024, 4, 2, tzinfo=UTC),
)


class Kept:
    """aiosmtpd's handler: keeps what it takes."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.sessions: set[int] = set()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert server.transport is not None
        assert server.transport.get_extra_info("ssl_object") is not None
        assert session.authenticated
        self.taken.append(envelope)
        self.sessions.add(id(session))
        return "250 fine"


def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine's loopback address, and its key, in one PEM file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begins = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*form))
    return file


@asynccontextmanager
async def listening(certificate: Path, tls: str) -> AsyncIterator[tuple[int, Kept]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    kept = Kept()

    def session() -> SMTP:
        options: dict[str, Any] = {"authenticator": check, "auth_required": True, "hostname": "test"}
        if tls == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        else:
            options |= {"auth_require_tls": False}
        return SMTP(kept, **options)

    server = await asyncio.get_running_loop().create_server(
        session, "127.0.0.1", 0, ssl=context if tls == "tls" else None
    )
    try:
        yield server.sockets[0].getsockname()[1], kept
    finally:
        server.close()


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_mail_goes_out_over_tls_with_a_login_and_connections_are_kept(
    certificate: Path, tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with listening(certificate, tls) as (port, kept):
        async with Pool(Server("127.0.0.1", port, tls, USER, PASSWORD, timeout=5, connections=2)) as pool:
            for _ in range(5):
                assert (await pool.send(MAIL)).fate is Fate.TAKEN
    assert len(kept.taken) == 5
    assert len(kept.sessions) == 1


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_a_wrong_login_or_an_unknown_certificate_puts_mail_off(
    certificate: Path, tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are ours to mend: no message is the worse for them."""
    async with listening(certificate, tls) as (port, kept):
        async with Pool(Server("127.0.0.1", port, tls, USER, PASSWORD, timeout=5)) as pool:
            unknown = await pool.send(MAIL)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with Pool(Server("127.0.0.1", port, tls, USER, "wrong", timeout=5)) as pool:
            refused = await pool.send(MAIL)
    assert {answer.fate for answer in (unknown, refused)} == {Fate.PUT_OFF}
    assert not unknown.about_message
    assert not refused.about_message
    assert kept.taken == []
