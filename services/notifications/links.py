"""Personal links: to the progress page (random, kept hashed, 90 days) and to stop reminders (signed, without end)."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from eventing.mongo import Database, InsertOne, faults
from services.notifications.documents import SCHEMA
from services.notifications.standing import groups
from services.notifications.state import Educator
from services.notifications.store import read_educators

LIFE = timedelta(days=90)
# An old link answers 410 for as long again; then nobody can tell that it ever was one.
KEPT = timedelta(days=180)
REMOVED = "removed-from-the-record"  # in the place of a token, in messages as they are kept


class GoneError(LookupError):
    """The link was good once: expired, or void."""


@dataclass(frozen=True, slots=True)
class Linker:
    """Makes and reads links. `secret` signs those that have no document."""

    base: str
    secret: bytes

    def progress(self, token: str) -> str:
        return f"{self.base}/progress/{token}"

    def unsubscribe(self, educator_id: str) -> str:
        name = urlsafe_b64encode(educator_id.encode()).decode().rstrip("=")
        return self.stopping(f"{name}.{self._signature(name)}")

    def stopping(self, token: str) -> str:
        return f"{self.base}/unsubscribe/{token}"

    def educator_of(self, unsubscribe_token: str) -> str | None:
        """Whose reminders a link stops; None for one that we did not make."""
        name, _, signature = unsubscribe_token.partition(".")
        if not hmac.compare_digest(self._signature(name).encode(), signature.encode()):
            return None
        return urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()

    def digest(self, text: str) -> str:
        """A name for an address that does not say it."""
        return hmac.new(self.secret, f"address:{text.strip().casefold()}".encode(), sha256).hexdigest()

    def _signature(self, name: str) -> str:
        return hmac.new(self.secret, f"unsubscribe:{name}".encode(), sha256).hexdigest()[:32]


def new_token() -> str:
    return secrets.token_urlsafe(24)


def kept(token: str, educator: Educator, now: datetime) -> InsertOne[dict[str, Any]]:
    """The token's document. It holds as long as the account's link epoch is the same."""
    return InsertOne(
        {
            "_id": sha256(token.encode()).hexdigest(),
            "educator_id": educator.id,
            "epoch": educator.link_epoch,
            "expires_at": now + LIFE,
            "schema": SCHEMA,
        }
    )


async def holder_of(database: Database, token: str, now: datetime) -> Educator | None:
    """The account that a progress link shows; None for an unknown one. Raises GoneError for one that is void.

    It holds for whom it went to, as long as that address is where she is written to.
    """
    with faults():
        found = await database["tokens"].find_one({"_id": sha256(token.encode(errors="replace")).hexdigest()})
        if found is None:
            return None
        whose = found["educator_id"]
        group = groups(await read_educators(database, [whose]))[whose]
    named = group.named
    void = group.erased or named is None or (named.id, named.link_epoch) != (whose, found["epoch"])
    if void or found["expires_at"] <= now:
        raise GoneError
    return group.root


async def forget_old(database: Database, now: datetime) -> None:
    with faults():
        await database["tokens"].delete_many({"expires_at": {"$lt": now - KEPT}})
