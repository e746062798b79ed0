"""DKIM, by the library of that name. Imported only where there is a key: it brings a DNS client along."""

from dataclasses import dataclass
from pathlib import Path

import dkim

SIGNED = (b"From", b"To", b"Reply-To", b"Subject", b"Date", b"Message-ID", b"MIME-Version", b"Content-Type",
          b"List-Unsubscribe", b"List-Unsubscribe-Post")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signature:
    """A DKIM key, read once."""

    domain: bytes
    selector: bytes
    key: bytes

    @classmethod
    def read(cls, file: Path, domain: str, selector: str) -> "Signature":
        return cls(domain.encode(), selector.encode(), file.read_bytes())

    def sign(self, content: bytes) -> bytes:
        headers = dkim.sign(content, self.selector, self.domain, self.key, include_headers=_present(content))
        return bytes(headers) + content


def _present(content: bytes) -> list[bytes]:
    head = content.partition(b"\r\n\r\n")[0].lower()
    return [name for name in SIGNED if b"\r\n" + name.lower() + b":" in b"\r\n" + head]
