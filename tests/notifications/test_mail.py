"""E-mails as bytes: whole, signed, and broken by nothing that a person typed. No server."""

from base64 import b64encode
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.notifications.mail import Calendar, UnusableAddressError, address, compose
from services.notifications.rendering import Rendered
from services.notifications.signature import Signature

AT = datetime(2024, 4, 2, 19, tzinfo=UTC)
FROM = "WEA – clock hours <hours@example.org>"
STOP = "https://notifications.example.org/unsubscribe/" + "x" * 120
FILE = Calendar("REQUEST", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")


def read(content: bytes) -> EmailMessage:
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


@pytest.mark.parametrize("calendar", [None, FILE], ids=["plain", "with a calendar file"])
@pytest.mark.parametrize("subject", ["Welcome", "Grüße, Zoë: " + "clock hours " * 12, "=?utf-8?q?x?=", "a" * 190])
def test_what_is_composed_is_read_back_without_a_defect(subject: str, calendar: Calendar | None) -> None:
    text, html = "Hello Zoë,\n\n.\nFrom here\n" + "long " * 80 + "\n", "<p>Zoë = ünd</p>\n"
    envelope = compose(
        "id-1", FROM, "zoe@example.org", Rendered(subject, text, html), AT, unsubscribe=STOP, calendar=calendar
    )
    mail = read(envelope.content)
    assert mail.defects == []
    assert all(part.defects == [] for part in mail.walk())
    assert str(mail["Subject"]).strip() == subject.strip()
    assert str(mail["From"]) == FROM
    assert mail["Message-ID"] == "<id-1@example.org>"
    assert f"List-Unsubscribe: <{STOP}>\r\n".encode() in envelope.content
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().replace("\r\n", "\n") == text
    assert rich.get_content().replace("\r\n", "\n") == html
    assert [part.get_content_type() for part in mail.iter_attachments()] == (
        [] if calendar is None else ["application/ics"]
    )
    assert max(len(line) for line in envelope.content.split(b"\r\n")) < 998
    assert b"\n" not in envelope.content.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "typed", ["Hi\r\nBcc: x@example.org", "Hi\nBcc: x@example.org", "Hi\x00", "Hi\u2028Bcc: x", "x" * 5000]
)
def test_a_subject_stays_one_header(typed: str) -> None:
    mail = read(compose("id-1", FROM, "a@example.org", Rendered(typed, "t", "<p>t</p>"), AT).content)
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    "typed",
    ["a@example.org\r\nBcc: x@example.org", "a@example.org\n", "a\x00@example.org", "a b@example.org", "@example.org",
     "a@", "a", "", "a@b@c", '"a@example.org', "a@exa mple.org", "x@" + "y" * 70 + ".org"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(UnusableAddressError):
        address(typed)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ('"a b"@example.org', '"a b"@example.org'),
        ("rosa@bücher.example", "rosa@xn--bcher-kva.example"),
        ("jörg@example.org", "jörg@example.org"),
        (" o'neil+x@example.org ", "o'neil+x@example.org"),
    ],
)
def test_quoted_and_international_addresses_are_written_as_dns_and_smtp_have_them(typed: str, written: str) -> None:
    assert address(typed).addr_spec == written


def test_a_signed_message_verifies_and_a_changed_one_does_not(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(pem)
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + b64encode(der)
    signature = Signature.read(tmp_path / "key.pem", "example.org", "wea")
    envelope = compose("id-1", FROM, "a@example.org", Rendered("Zoë", "text", "<p>x</p>"), AT, unsubscribe=STOP)
    signed = signature.sign(envelope.content)
    assert dkim.verify(signed, dnsfunc=lambda *_, **__: record)
    assert not dkim.verify(signed.replace(b"text", b"tent"), dnsfunc=lambda *_, **__: record)
