"""Debian's packages, where we are root and may: the one thing that a missing tool needs."""

import os
import shutil
import subprocess

from wea import settings
from wea.servers.progress import step


def can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> bool:
    """Install packages; False where that is not ours to do, or where it fails."""
    if not can_install():
        return False
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    with step(f"apt-get install {' '.join(packages)}"):
        if _run(command):
            return True
        # A fresh machine knows no package lists yet.
        return _run(["apt-get", "update", "-qq"]) and _run(command)


def _run(command: list[str]) -> bool:
    environment = {**settings.environment(), "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, capture_output=True, env=environment, check=False).returncode == 0
