"""Bearer keys by role, known only by their SHA-256: from WEA_KEYS, and from a file of keys made and revoked one by one.

    WEA_KEYS       role=KEY,role=sha256:HEX    a role may repeat; plain keys are for development
    WEA_KEYS_FILE  {"keys": [{"role", "prefix", "sha256", "created_at", "revoked_at"?, "note"?}]}

The file is read again when it has changed, so that a key is made, handed over, and the old one revoked with nobody
restarted. Keys are long and random: a plain hash is enough, a slow one would only help who floods us with wrong keys.
"""

import time
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

import orjson
import structlog

log = structlog.get_logger(__name__)

PREFIX_LENGTH = 12  # of a key, kept and shown so that people can tell keys apart
HASHED = "sha256:"
LOOK_EVERY_SECONDS = 1.0

Known = tuple[str, bytes]
"""A role and the digest of a key that has it."""


def hashed(key: str) -> bytes:
    return sha256(key.encode(errors="surrogateescape")).digest()


class KeyBook:
    """Every key that is valid now."""

    def __init__(self, text: str, file: Path | None = None) -> None:
        """Raises ValueError for what is not role=KEY, and for a file that is none of ours. A missing one is empty."""
        self._given = _of_text(text)
        self._file, self._made, self._version, self._looked = file, list[Known](), 0, float("-inf")
        if file is not None and file.exists():
            _of_file(file.read_bytes())  # what is wrong at the start is said at the start
        self._look()

    def role_of(self, key: str) -> tuple[str, str] | None:
        """The key's role and the first digits of its digest. Every key is compared, each in constant time."""
        self._look()
        digest, found = hashed(key), None
        for role, known in [*self._given, *self._made]:
            if compare_digest(known, digest):
                found = role, digest.hex()[:8]
        return found

    def _look(self) -> None:
        """Read the file where it has changed. One that cannot be read leaves the keys that were."""
        if self._file is None or time.monotonic() - self._looked < LOOK_EVERY_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            version = self._file.stat().st_mtime_ns
            if version != self._version:
                self._made, self._version = _of_file(self._file.read_bytes()), version
        except FileNotFoundError:
            self._made, self._version = [], 0
        except (OSError, ValueError) as error:
            log.warning("keys_not_read", error=type(error).__name__)


def _of_text(text: str) -> list[Known]:
    roles: dict[bytes, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        role, separator, key = part.partition("=")
        if not separator or not role or not key:
            raise ValueError("WEA_KEYS is role=KEY,role=KEY")
        digest = _digest(key.removeprefix(HASHED)) if key.startswith(HASHED) else hashed(key)
        if (other := roles.setdefault(digest, role)) != role:
            raise ValueError(f"WEA_KEYS has one key for two roles, {other} and {role}: a key has one")
    return [(role, digest) for digest, role in roles.items()]


def _of_file(content: bytes) -> list[Known]:
    try:
        rows: Sequence[dict[str, str]] = orjson.loads(content)["keys"]
        return [(row["role"], _digest(row["sha256"])) for row in rows if not row.get("revoked_at")]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError('the file of keys is {"keys": [{"role": …, "sha256": …}]}') from None


def _digest(text: str) -> bytes:
    digest = bytes.fromhex(text)
    if len(digest) != sha256().digest_size:
        raise ValueError("a hashed key is sha256: and 64 hexadecimal digits")
    return digest
