"""Who signs in: the users file, passwords by argon2, lock-out on guessing, sessions kept on our side.

[users.rosa]
full_name = "Rosa Alvarez"
password = "$argon2id$..."        # python -m services.console.signin prints one
roles = ["staff"]                 # of viewer, staff, operator
"""

import asyncio
import getpass
import secrets
import sys
import tomllib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from eventing.clock import system_now
from eventing.mongo import Database, ReturnDocument, faults
from services.console.state import Role, Who

log = structlog.get_logger(__name__)

SESSION_LIFE = timedelta(hours=12)
GUESSES_ALLOWED = 5  # for one name from one address
GUESSES_ALLOWED_FOR = 30  # for one name: few enough to find nothing, enough that a stranger locks nobody out by a slip
GUESSES_ALLOWED_FROM = 50  # from one address, whatever the names
LOCKED_FOR = timedelta(minutes=15)

HASHER = PasswordHasher()


def _hash_of_nobody() -> str:
    """A hash to compare the password of an unknown name with, so that the answer takes as long as to a wrong password.

    It is random, of the right form: computing the hash of some password took a sixth of the console's import.
    """
    salt, hash = (
        b64encode(secrets.token_bytes(length)).decode().rstrip("=") for length in (HASHER.salt_len, HASHER.hash_len)
    )
    return f"$argon2id$v=19$m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}${salt}${hash}"


NOBODY = _hash_of_nobody()


class UsersFileError(Exception):
    """The users file is missing or wrong: a sentence."""


class LockedError(Exception):
    """Too many guesses: no password is looked at for a while, the right one included. `just_now`: by this one."""

    def __init__(self, *, just_now: bool) -> None:
        super().__init__()
        self.just_now = just_now


class OpenIdError(Exception):
    """A sign-in by OpenID Connect is refused: a code for the audit, a sentence for the person."""

    def __init__(self, reason: str, sentence: str = "Signing in did not work. Try once more.") -> None:
        super().__init__(reason)
        self.reason, self.sentence = reason, sentence


class User(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    password: str = Field(pattern=r"^\$argon2")
    roles: frozenset[Role] = Field(min_length=1)
    full_name: str = ""


USERS = TypeAdapter(dict[str, User])


class Users:
    """The users file, read again when it changes. A change that cannot be read leaves what was, and is logged."""

    def __init__(self, file: Path | None) -> None:
        self._file, self._read_at, self._users = file, 0.0, dict[str, User]()
        if file is not None:
            self._users, self._read_at = read(file), file.stat().st_mtime

    def __getitem__(self, name: str) -> User | None:
        self._follow()
        return self._users.get(name)

    def __bool__(self) -> bool:
        return bool(self._users)

    def _follow(self) -> None:
        try:
            if self._file is not None and (changed := self._file.stat().st_mtime) != self._read_at:
                self._read_at = changed
                self._users = read(self._file)
        except (OSError, UsersFileError) as error:
            log.warning("users_not_read", reason=str(error))


def read(file: Path) -> dict[str, User]:
    """Raises UsersFileError with the place and the reason."""
    try:
        return USERS.validate_python(tomllib.loads(file.read_text()).get("users", {}))
    except OSError as error:
        raise UsersFileError(f"{file}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsersFileError(f"{file} is not TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise UsersFileError(f"{file}: {'.'.join(map(str, ('users', *first['loc'])))}: {first['msg']}.") from None


@dataclass(slots=True)
class SignIn:
    """Passwords and sessions. A token is known only to the browser; we keep its hash."""

    users: Users
    database: Database
    hashing: asyncio.Semaphore

    @classmethod
    def of(cls, users: Users, database: Database) -> "SignIn":
        return cls(users, database, asyncio.Semaphore(2))  # argon2 takes memory: two at a time

    async def by_password(self, name: str, password: str, address: str) -> Who | None:
        """Who that is; None for a wrong name or password. Raises LockedError.

        The guess is counted before it is judged, so guesses side by side count as well.
        """
        counts = {
            f"{name[:200]} from {address}": GUESSES_ALLOWED,
            f"{name[:200]} from anywhere": GUESSES_ALLOWED_FOR,
            f"anyone from {address}": GUESSES_ALLOWED_FROM,
        }
        over = [await self._guessed(whose, allowed) for whose, allowed in counts.items()]
        if max(over) > 0:
            raise LockedError(just_now=1 in over)
        user = self.users[name]
        async with self.hashing:
            right = await asyncio.to_thread(_matches, user.password if user else NOBODY, password)
        if user is None or not right:
            return None
        with faults():
            await self.database["guesses"].update_many({"_id": {"$in": list(counts)}}, {"$inc": {"failures": -1}})
            await self.database["guesses"].delete_one({"_id": next(iter(counts))})
        return Who(name, user.roles, full_name=user.full_name)

    async def begin(self, who: Who, *, by_password: bool = False) -> str:
        """A session for this person. Returns the token of its cookie."""
        token = secrets.token_urlsafe(32)
        session = {
            "_id": _hash(token), "name": who.name, "full_name": who.full_name, "roles": sorted(who.roles),
            "csrf": secrets.token_urlsafe(24), "until": system_now() + SESSION_LIFE,
            "by_password": by_password,
        }  # fmt: skip
        with faults():
            await self.database["sessions"].insert_one(session)
        return token

    async def who(self, token: str | None) -> Who | None:
        """Whose session it is; None where there is none, or it has ended.

        Who signed in by password is who the users file says now: nobody goes on with what was taken from them.
        """
        if not token:
            return None
        with faults():
            session = await self.database["sessions"].find_one({"_id": _hash(token)})
        if session is None or session["until"] <= system_now():
            return None
        if not session.get("by_password"):
            return _person(session, frozenset(Role(role) for role in session["roles"]))
        user = self.users[session["name"]]
        return _person(session, user.roles) if user else None

    async def end(self, token: str | None) -> None:
        if token:
            with faults():
                await self.database["sessions"].delete_one({"_id": _hash(token)})

    async def _guessed(self, whose: str, allowed: int) -> int:
        """Count one more; how many are that too many? A lock ends after its time, however much is guessed meanwhile."""
        now = system_now()
        anew = {"$or": [{"$lte": ["$until", now]}, {"$eq": [{"$type": "$until"}, "missing"]}]}
        failures = {"$cond": [anew, 1, {"$add": ["$failures", 1]}]}
        locked = {"$and": [{"$not": [anew]}, {"$gt": ["$failures", allowed]}]}
        until = {"$cond": [locked, "$until", now + LOCKED_FOR]}
        with faults():
            document: dict[str, Any] = await self.database["guesses"].find_one_and_update(
                {"_id": whose},
                [{"$set": {"failures": failures, "until": until}}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return int(document["failures"]) - allowed


def _person(session: Mapping[str, Any], roles: frozenset[Role]) -> Who:
    return Who(session["name"], roles, session["csrf"], session["full_name"])


def _matches(hash: str, password: str) -> bool:
    try:
        return HASHER.verify(hash, password[:1000])
    except (VerificationError, InvalidHashError):
        return False


def _hash(token: str) -> str:
    return sha256(token.encode(errors="surrogateescape")).hexdigest()


def roles_of(values: Iterable[Any]) -> frozenset[Role]:
    """Those of our roles that are named there."""
    return frozenset(Role(value) for value in values if value in set(Role))


def main() -> None:
    """Ask for a password and print the line of the users file that holds it."""
    password = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(password) < 12:
        sys.exit("a password has at least 12 characters.")
    sys.stdout.write(f'password = "{HASHER.hash(password)}"\n')


if __name__ == "__main__":
    main()
