"""`make bench`: every figure beside what it is measured against, in one run; ratios are the result.

Writes bench/figures.json and from it docs/performance.md, and fails where a ratio to its limit has fallen by more than
15 % of what bench/ratios.json records. `--full` is the long form; `--only consumer,growth` measures these anew and
leaves the others as they were; `--record` puts the ratios of this run down.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Container, Iterator
from contextlib import nullcontext
from typing import Any

import psutil

from bench import consumer, growth, intake, replicas, report, start, together
from bench.plain import plain
from bench.servers import servers
from eventing.clock import system_now

# By what is measured: bare servers, or a whole system, alone; started once for all its figures, which go in this order.
OF_SERVERS = {"consumer": consumer.figure, "intake": intake.figure, "growth": growth.figure}
OF_THE_SYSTEM = {"whole": together.figure, "start": start.figure, "replicas": replicas.figure}
FIGURES = OF_SERVERS | OF_THE_SYSTEM
# Beside these we are judged, for they need what we need of a machine. Who writes for each event alone follows the disk:
# 197 and 266 events/s within a day. Who writes nothing follows how quick one core is beside the disk and the other.
LIMITS = ("consumer/by_hand", "intake/by_hand")
FALLEN = 0.85


def measured(figure: Callable[..., Any], of: Any, full: bool) -> dict[str, Any]:
    """One figure, with the state of the machine while it was made."""
    load = psutil.getloadavg()[0]
    found = figure(of, full=full)
    loads = [round(load), round(psutil.getloadavg()[0])]
    print(json.dumps(found), flush=True)
    return {"on": system_now().date().isoformat(), "form": "full" if full else "short", "load": loads, "found": found}


def measure(wanted: Container[str], full: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each figure that is wanted, as soon as it is there."""
    groups: tuple[tuple[Any, dict[str, Callable[..., Any]]], ...] = ((servers, OF_SERVERS), (plain, OF_THE_SYSTEM))
    for started, figures in groups:
        asked = {name: figure for name, figure in figures.items() if name in wanted}
        with started() if asked else nullcontext() as of:
            for name, figure in asked.items():
                print(f"{name} ...", flush=True)
                began = time.monotonic()
                yield name, measured(figure, of, full)
                print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Of those figures that are there. The long form has longer histories, so its ratios are others."""
    of = {"consumer": consumer.ratios, "intake": intake.ratios}
    return {
        f"{ratio} ({figures[name]['form']})": value
        for name in of
        if name in figures
        for ratio, value in of[name](figures[name]["found"]).items()
    }


def to_record(figures: dict[str, Any], wanted: Container[str]) -> dict[str, float]:
    """The ratios to the limits of those figures that were measured in this run."""
    of_this_run = ratios({name: found for name, found in figures.items() if name in wanted})
    return {name: ratio for name, ratio in of_this_run.items() if name.partition(" (")[0] in LIMITS}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default=",".join(FIGURES), metavar="FIGURE,...")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    wanted = set(given.only.split(","))
    if unknown := wanted - FIGURES.keys():
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    figures = report.kept()
    for name, found in measure(wanted, given.full):
        figures[name] = found
        report.keep(figures)
    now, recorded = ratios(figures), report.recorded()
    report.write(figures, now)
    if given.record:
        report.record(recorded | to_record(figures, wanted))
    fallen = [name for name, was in recorded.items() if now.get(name, was) < FALLEN * was]
    for name, ratio in now.items():
        was = f" (recorded {recorded[name]:.2f})" if name in recorded else ""
        print(f"{name}: {ratio:.2f}{was}{'  FALLEN' if name in fallen else ''}")
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main())
