"""The state folder: everything of a system on this machine that outlives its processes."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wea.errors import UserError

VERSION = 1
# The journals of mongod and Kafka take 300 MB at the first start; later ones find them there.
ROOM_AT_FIRST, ROOM_LATER = 500 << 20, 100 << 20


class State:
    """Paths and small files of one state folder. `open` it before anything is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.marker = path / "state.json"
        self.logs = path / "logs"
        self.mail = path / "mail"
        self.clock = path / "clock.json"
        self.mongo_key = path / "mongo.key"

    def exists(self) -> bool:
        return self.marker.exists()

    def check(self) -> None:
        """Refuse a folder that is not ours, or that another version of `wea` has written."""
        if not self.exists():
            if self.path.is_dir() and any(self.path.iterdir()):
                raise UserError(f"{self.path} is not empty and no state folder of wea: name another one with --state.")
            if self.path.exists() and not self.path.is_dir():
                raise UserError(f"{self.path} is not a folder: name another one with --state.")
            return
        marker = self.read("state.json")
        version = marker.get("version") if isinstance(marker, dict) else None
        if version != VERSION:
            raise UserError(
                f"{self.path} was written by another version of wea (state version {version}, this one has {VERSION}): "
                "use that version, or name another folder with --state."
            )

    def create(self) -> None:
        """Make the folder where it is new. Refuses a disk that is about to be full."""
        self.check()
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        free, needed = shutil.disk_usage(self.path).free, ROOM_LATER if self.exists() else ROOM_AT_FIRST
        if free < needed:
            raise UserError(
                f"the disk of {self.path} is full: {free >> 20} MB are free and {needed >> 20} MB are needed."
            )
        for folder in (self.logs, self.mail):
            folder.mkdir(exist_ok=True)
        if not self.exists():
            self.write("state.json", {"version": VERSION})

    def read(self, name: str) -> Any:
        """The content of a JSON file of the folder; None where there is no such file."""
        try:
            return json.loads((self.path / name).read_text())
        except FileNotFoundError:
            return None
        except (ValueError, UnicodeDecodeError):
            raise UserError(f"{self.path / name} is damaged: it is not JSON.") from None

    def write(self, name: str, content: Any) -> None:
        """Write a JSON file whole or not at all, for its owner alone."""
        replace(self.path / name, json.dumps(content, indent=1) + "\n")

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One supervisor a state. The lock ends with the process that holds it, however that dies."""
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"a system runs on {self.path} already: `wea status` shows it, `wea down` stops it."
                ) from None
            yield

    @contextlib.contextmanager
    def changing(self, what: str) -> Iterator[None]:
        """One change at a time: the later of two would undo the other, and a revoked key be valid again."""
        with (self.path / f"{what}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file whole or not at all."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
            file.write(text)
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
