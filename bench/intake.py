"""Figure 3: signed webhooks over 64 connections; the doors take turns."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psutil
import pymongo

from bench.rounds import best
from bench.servers import Servers
from bench.table import table
from wea.servers.ports import free_port

DOORS = ("asgi_empty", "fastapi_empty", "by_hand", "enrollment", "fastapi_insert")
BESIDE = {"asgi_empty", "fastapi_insert"}  # no goal is beside them


@contextmanager
def door(name: str, mongo: str) -> Iterator[tuple[int, psutil.Process]]:
    port, database = free_port(), f"bench-{uuid4().hex[:8]}"
    process = subprocess.Popen([sys.executable, "-m", "bench.doors", json.dumps([name, port, mongo, database])])
    try:
        until = time.monotonic() + 60
        while not listens(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} did not start")
            time.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
        with pymongo.MongoClient[dict[str, Any]](mongo) as client:
            client.drop_database(database)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def knock(name: str, mongo: str, seconds: float, connections: int = 64) -> dict[str, Any]:
    with door(name, mongo) as (port, process):
        about = {"port": port, "connections": connections}
        for salt, lasting in (("warm", 1.0), ("real", seconds)):
            before = process.cpu_times()
            count = int(lasting * 12_000)
            asked = json.dumps({**about, "seconds": lasting, "count": count, "salt": salt})
            said = subprocess.run(
                [sys.executable, "-m", "bench.knock", asked], capture_output=True, text=True, check=True
            )
        used = process.cpu_times()
        answer: dict[str, Any] = json.loads(said.stdout)
        cpu = used.user + used.system - before.user - before.system
        answer["cpu_us"] = round(1e6 * cpu / sum(answer["answers"].values()), 1)
        return answer


ROWS = {
    "asgi_empty": "a bare ASGI function, empty 202",
    "fastapi_empty": "FastAPI, empty 202",
    "by_hand": "the limit: inserted in groups by hand, majority-durable, no check, no framework",
    "enrollment": "**enrollment**: signature, every check, majority-durable before the answer",
    "fastapi_insert": "FastAPI with one durable insert a request, no check",
}


def figure(servers: Servers, *, full: bool) -> dict[str, Any]:
    if full:
        return best(knocked(servers, seconds=15.0, rounds=3, rounds_beside=3))
    return best(knocked(servers, seconds=3.0, rounds=2, rounds_beside=1))


def ratios(found: dict[str, Any]) -> dict[str, float]:
    rates = {name: run["per_second"] for name, run in found.items()}
    beside = ("fastapi_empty", "by_hand", "fastapi_insert")
    return {f"intake/{name}": rates["enrollment"] / rates[name] for name in beside}


def lines(found: dict[str, Any]) -> list[str]:
    stands = ratios(found)
    return [
        "Signed webhooks over 64 kept-alive connections, all on the same cores; relay and consumer rest.",
        "",
        *table(
            ["", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU µs a request"],
            [
                [ROWS[name], f"{r['per_second']:,.0f}", r["p50"], r["p99"], r["p999"], f"{r['cpu_us']:,.0f}"]
                for name, r in found.items()
            ],
        ),
        "",
        f"enrollment answers **{100 * stands['intake/fastapi_empty']:.0f} %** of FastAPI's empty 202 (goal 100 %),"
        f" {100 * stands['intake/by_hand']:.0f} % of the groups by hand and **{stands['intake/fastapi_insert']:.1f}"
        " times** one insert a request.",
    ]


def knocked(
    servers: Servers, *, seconds: float, rounds: int, rounds_beside: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each door's result, round after round; those beside are in the first of them."""
    for number in range(rounds):
        for name in DOORS:
            if name not in BESIDE or number < rounds_beside:
                yield name, knock(name, servers.mongo, seconds)
