"""`make bench`: every figure beside what it is measured against, in one run; ratios are the result.

Writes bench/figures.json and from it docs/performance.md, and fails where a ratio to its limit has fallen by more than
15 % of what bench/ratios.json records. `--full` is the long form; `--only consumer,growth` measures these anew and
leaves the others as they were; `--record` puts the ratios of this run down.
"""

import argparse
import json
import sys
from typing import Any

import psutil

from bench import consumer, growth, intake, replicas, report, start, together
from bench.servers import servers
from eventing.clock import system_now

FIGURES = {
    "consumer": consumer.figure,
    "intake": intake.figure,
    "whole": together.figure,
    "start": start.figure,
    "growth": growth.figure,
    "replicas": replicas.figure,
}
OF_THE_SYSTEM = {"whole", "start", "replicas"}  # these start servers of their own, and are measured alone
# Beside these we are judged. Who writes for each event alone follows the disk: 197 and 266 events/s within a day.
LIMITS = ("consumer/by_hand", "intake/fastapi_empty")
FALLEN = 0.85


def measured(name: str, full: bool) -> dict[str, Any]:
    """One figure, with the state of the machine while it was made."""
    print(f"{name} ...", flush=True)
    load = psutil.getloadavg()[0]
    if name in OF_THE_SYSTEM:
        found = FIGURES[name](full=full)
    else:
        with servers() as running:
            found = FIGURES[name](running, full=full)
    loads = [round(load), round(psutil.getloadavg()[0])]
    print(json.dumps(found), flush=True)
    return {"on": system_now().date().isoformat(), "form": "full" if full else "short", "load": loads, "found": found}


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Of those figures that are there."""
    of = {"consumer": consumer.ratios, "intake": intake.ratios}
    return {ratio: value for name in of if name in figures for ratio, value in of[name](figures[name]["found"]).items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default=",".join(FIGURES), metavar="FIGURE,...")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    figures = report.kept()
    for name in given.only.split(","):
        figures[name] = measured(name, given.full)
        report.keep(figures)
    now, recorded = ratios(figures), report.recorded()
    report.write(figures, now)
    if given.record:
        report.record({name: now[name] for name in LIMITS})
    fallen = [name for name, was in recorded.items() if now.get(name, was) < FALLEN * was]
    for name, ratio in now.items():
        was = f" (recorded {recorded[name]:.2f})" if name in recorded else ""
        print(f"{name}: {ratio:.2f}{was}{'  FALLEN' if name in fallen else ''}")
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main())
