"""Strangers at the door of a running system: generated requests, slow connections, bodies that are not meant well."""

import gzip
import json
import os
import re
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.system.conftest import System
from tests.system.outside import Educator, World

SECONDS = float(os.environ.get("WEA_FUZZ_SECONDS", "15"))
ROLES = {"enrollment": "staff", "clockhours": "staff", "notifications": "staff", "console": "operator"}
CROWD = 10_000
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance,response_headers_conformance"


@pytest.mark.parametrize("service", list(ROLES))
def test_generated_requests_never_make_a_server_error(system: System, service: str, tmp_path: Path) -> None:
    """Schemathesis from each service's own description: no 5xx, no answer other than as described."""
    pytest.importorskip("schemathesis", reason="the group 'fuzz' is not installed")
    description = f"{system.url(service)}/openapi.json"
    command: list[str | Path] = [Path(sys.executable).with_name("schemathesis"), "run", description]
    options = ["-H", f"Authorization: Bearer {system.key(ROLES[service])}", "--checks", CHECKS, "--seed", "1"]
    options += ["--phases", "fuzzing", "--max-time", str(int(SECONDS)), "--request-timeout", "30"]
    options += ["--suppress-health-check", "all", "--continue-on-failure", "--no-color"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    generated = re.search(r"(\d[\d,]*) generated", said)
    assert "FAILURES" not in said, said[-6000:]
    if folder := os.environ.get("WEA_FUZZ_RECORD"):
        count = int(generated[1].replace(",", "")) if generated else 0
        (Path(folder) / f"openapi-{service}.json").write_text(json.dumps({service: count}))


def memory(system: System, service: str) -> int:
    return sum(psutil.Process(pid).memory_info().rss for pid in system.status()["services"][service]["pids"])


def test_a_compressed_body_is_not_inflated(system: System, world: World) -> None:
    """A bomb of 100 KB that would be 100 MB is taken for what it is: bytes that are no JSON."""
    bomb = gzip.compress(b" " * 100_000_000)
    headers = {**world.api.key("portal"), "content-type": "application/cloudevents+json", "content-encoding": "gzip"}
    before = memory(system, "enrollment")
    for _ in range(5):
        answer = httpx.post(system.url("enrollment") + "/portal/events", content=bomb, headers=headers, timeout=60)
        assert answer.status_code == 400
    assert memory(system, "enrollment") - before < 50_000_000


def test_a_body_without_end_is_cut_off_at_the_limit(system: System, world: World) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(2000):
            yield b"x" * 65_536

    before = memory(system, "enrollment")
    headers = {**world.api.key("portal"), "content-type": "application/cloudevents+json"}
    try:
        answer = httpx.post(system.url("enrollment") + "/portal/events", content=endless(), headers=headers, timeout=60)
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # closed before all was sent: as good
    assert memory(system, "enrollment") - before < 50_000_000


def test_ten_thousand_slow_connections_leave_others_their_answers(system: System, world: World) -> None:
    """They send half a request and wait: others are answered meanwhile, and memory stays bounded."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < CROWD + 1_000:
        pytest.skip(f"only {most} open files are allowed here")
    where = urlsplit(system.url("enrollment"))
    address = (str(where.hostname), int(where.port or 0))
    before = memory(system, "enrollment")
    slow: list[socket.socket] = []
    try:
        for _ in range(CROWD):
            slow.append(socket.create_connection(address, timeout=60))
            slow[-1].sendall(b"POST /portal/events HTTP/1.1\r\nhost: x\r\ncontent-len")
        opened = memory(system, "enrollment")
        began = time.monotonic()
        educator = Educator()
        world.send(educator.oriented())
        assert time.monotonic() - began < 30
        world.until_total(educator, 90)
        assert max(opened, memory(system, "enrollment")) - before < 300_000_000
    finally:
        for one in slow:
            one.close()


def test_pipelined_requests_are_answered_one_by_one_in_order(system: System) -> None:
    where = urlsplit(system.url("enrollment"))
    request = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    with socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=30) as one:
        one.sendall(request * 50 + request.replace(b"/health/live", b"/nowhere") + request)
        said = b""
        while said.count(b"HTTP/1.1 ") < 52:
            chunk = one.recv(65_536)
            assert chunk, said[-300:]
            said += chunk
    assert [int(code) for code in re.findall(rb"HTTP/1.1 (\d+)", said)] == [200] * 50 + [404, 200]
