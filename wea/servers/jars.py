"""Kafka's jars: fetched by Maven once, checked against committed digests, then kept in the cache."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from wea import settings
from wea.errors import UserError
from wea.servers import apt
from wea.servers.progress import bar

KAFKA = "4.3.1"
MAVEN_SAYS = re.compile(r"(?:Downloaded from .*/|Copying )([^/\s]+\.jar)")


def kafka_jars() -> Path:
    """The folder of Kafka's jars, fetched on the first call; UserError where they cannot be had."""
    wanted, folder = _digests(), kafka_folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two first starts at once: the second waits and finds them
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                fetched = Path(scratch) / "libs"
                with bar(f"Fetching Apache Kafka {KAFKA} (43 MB, once)", len(wanted)) as show:
                    _fetch(fetched, wanted, show)
                _verify(fetched, wanted)
                fetched.rename(folder)
    return folder


def kafka_folder() -> Path:
    """Where the jars are, or will be."""
    return settings.cache_folder() / f"kafka-{KAFKA}-{_fingerprint(_digests())}"


def _fetch(into: Path, wanted: dict[str, str], show: Callable[[int], None]) -> None:
    with as_file(files("wea.servers") / "pom.xml") as pom:
        command = [_maven(), "-B", "-f", str(pom), "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={into}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as maven:
            seen: set[str] = set()
            said: list[str] = []
            for line in maven.stdout or ():
                said.append(line.strip())
                if (found := MAVEN_SAYS.search(line)) and found[1] in wanted:
                    seen.add(found[1])
                    show(len(seen))
    if maven.returncode:
        first = next((line for line in said if "ERROR" in line), "no reason given")
        raise UserError(f"Maven could not fetch Kafka {KAFKA}: {first}")


def _maven() -> str:
    found = shutil.which("mvn")
    if found is None and apt.install("maven"):
        found = shutil.which("mvn")
    if found is None:
        raise UserError(
            "Kafka's jars are fetched by Maven, once: `sudo apt-get install maven` helps "
            "(or set WEA_KAFKA to a Kafka that runs)."
        )
    return found


def _verify(folder: Path, wanted: dict[str, str]) -> None:
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*.jar")}
    if found != wanted:
        wrong = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        raise UserError(
            f"Kafka's jars are not those that this project names: {', '.join(wrong[:3])}. Nothing was kept."
        )


def _digests() -> dict[str, str]:
    lines = (files("wea.servers") / "jars.sha256").read_text().split()
    return dict(zip(lines[1::2], lines[::2], strict=True))


def _fingerprint(digests: dict[str, str]) -> str:
    """New jars get a new folder: whoever still runs the old ones is left alone."""
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()[:12]
