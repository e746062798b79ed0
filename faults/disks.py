"""A small disk of its own for each server, in memory (tmpfs): it can be full within a moment, and empty again."""

import contextlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

BALLAST = "ballast"


def may_mount() -> bool:
    """Only root mounts."""
    return os.geteuid() == 0


@dataclass
class Disk:
    folder: Path

    def mount(self, megabytes: int) -> None:
        self.folder.mkdir(parents=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(self.folder))

    def fill(self) -> int:
        """Leave not a byte, whatever the server writes meanwhile. Answers how many megabytes were free."""
        taken = 0
        with (self.folder / BALLAST).open("wb") as file:
            while free := self._free():
                with contextlib.suppress(OSError):  # the server was faster
                    os.posix_fallocate(file.fileno(), taken, free)
                    taken += free
        return taken >> 20

    def _free(self) -> int:
        about = os.statvfs(self.folder)
        return about.f_bavail * about.f_frsize

    def empty(self) -> None:
        (self.folder / BALLAST).unlink(missing_ok=True)

    def unmount(self) -> None:
        _run("umount", "--lazy", str(self.folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
