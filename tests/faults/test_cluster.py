"""The containers of docker-compose.cluster.yml."""

from pathlib import Path

import pytest

from faults import cluster

DOCKER = """#!/bin/sh
case "$*" in *label=com.docker.compose.project=wea*label=com.docker.compose.service=mongo-2*) echo wea-mongo-2-1 ;; esac
"""


def test_a_container_is_found_whatever_compose_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker compose` calls it wea-mongo-2-1, the docker-compose of before wea_mongo-2_1; both label it alike."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert cluster.container("mongo-2") == "wea-mongo-2-1"


def test_a_story_that_loses_nobody_proves_nothing() -> None:
    """Told a second time it goes on from its end: all was right, with every container up."""
    play = cluster.Play("stop")
    assert play.missed() == ["no broker was taken away", "no mongod was taken away"]
    play.gone += ["wea-kafka-2-1", "wea-mongo-1"]
    assert play.missed() == []
