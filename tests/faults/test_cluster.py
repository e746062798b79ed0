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
