"""A small disk of its own for each server, in memory (tmpfs): it can be full within a moment, and empty again."""

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
        """Leave not a byte. Answers how many megabytes were free."""
        about = os.statvfs(self.folder)
        free = about.f_bavail * about.f_frsize
        with (self.folder / BALLAST).open("wb") as file:
            if free:
                os.posix_fallocate(file.fileno(), 0, free)
        return free >> 20

    def empty(self) -> None:
        (self.folder / BALLAST).unlink(missing_ok=True)

    def unmount(self) -> None:
        _run("umount", "--lazy", str(self.folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
