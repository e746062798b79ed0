"""Kafka's classes as Java keeps them in memory (a class data archive): it halves the work of every start.

The archive belongs to one Java and one set of jars. It is made once, by `python -m wea.servers` (`make setup`), which
runs a Kafka and ends it; where it is missing, or does not fit, Java starts without.
"""

import hashlib
import tempfile
from pathlib import Path

from wea import settings
from wea.servers import running
from wea.servers.ports import free_port
from wea.servers.progress import step


def use(java: str, jars: Path) -> list[str]:
    """The options that make Java use the archive; none where there is none."""
    archive = _archive(java, jars)
    return [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto"] if archive.exists() else []


def archive(java: str, jars: Path) -> None:
    """Make the archive, where it is missing."""
    from wea.servers.kafka import KafkaServer

    wanted = _archive(java, jars)
    if wanted.exists():
        return
    with step("Preparing Kafka for quick starts (once)"), tempfile.TemporaryDirectory(dir=wanted.parent) as folder:
        made = Path(folder) / "classes.jsa"
        server = KafkaServer(
            Path(folder) / "kafka", free_port(), free_port(), java_options=(f"-XX:ArchiveClassesAtExit={made}",)
        )
        with running(server, Path(folder) / "log", stop_within=60):
            pass
        if made.exists():
            made.rename(wanted)


def _archive(java: str, jars: Path) -> Path:
    """Beside the jars, named after them and the very binary of Java."""
    binary = Path(java).resolve()
    of = f"{jars} {binary} {binary.stat().st_mtime_ns}"
    return settings.cache_folder() / f"classes-{hashlib.sha256(of.encode()).hexdigest()[:12]}.jsa"
