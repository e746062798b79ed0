"""How long a start takes: `wea up` where it ran before, and what importing each service costs."""

import re
import statistics
import subprocess
import sys
from typing import Any

from bench.plain import Plain
from bench.table import table
from wea.fleet import SERVICES

LINE = re.compile(r"import time:\s+\d+ \|\s+(\d+) \|\s+(\S+)")


def figure(plain: Plain, *, full: bool) -> dict[str, Any]:
    rounds = 5 if full else 1
    plain.stop()  # a system at rest takes a third of a core
    found = {service.name: imports(service.name, rounds) for service in SERVICES}
    return {"up": up(plain, rounds), "imports": found}


def up(plain: Plain, rounds: int) -> float:
    """Seconds of `wea up --detach` until all is ready, on a state that has its databases and topics."""
    if not plain.has_run:
        plain.start()
    return round(statistics.median_low([plain.start() for _ in range(rounds)]), 2)


def imports(service: str, rounds: int) -> dict[str, Any]:
    """Milliseconds of importing a service, as -X importtime has it, and the three libraries that take most of them."""
    runs = [imported(f"services.{service}.app") for _ in range(rounds)]
    run = min(runs, key=lambda taken: taken[f"services.{service}.app"])
    libraries = {name: us for name, us in run.items() if "." not in name and name != "services"}
    most = sorted(libraries, key=lambda name: -libraries[name])[:3]
    return {
        "ms": round(run[f"services.{service}.app"] / 1000),
        "most": {name: round(libraries[name] / 1000) for name in most},
    }


def imported(module: str) -> dict[str, int]:
    """Microseconds of each module, with all that it imports first."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"], capture_output=True, text=True, check=True
    )
    return {name: int(us) for us, name in LINE.findall(done.stderr)}


def lines(found: dict[str, Any]) -> list[str]:
    return [
        f"`wea up --detach` on a state that has run before, until every service is ready: **{found['up']:.1f} s**.",
        "",
        *table(
            ["", "import ms", "of which"],
            [
                [service, run["ms"], ", ".join(f"{name} {ms}" for name, ms in run["most"].items())]
                for service, run in found["imports"].items()
            ],
        ),
    ]
