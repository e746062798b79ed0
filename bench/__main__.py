"""`make bench`: every figure beside what it is measured against, in one run; ratios are the result.

Writes docs/performance.md, and fails where a ratio has fallen by more than 15 % of what bench/ratios.json records.
`--record` puts the ratios of this run down there.
"""

import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import consumer, intake, report
from bench.servers import servers

RATIOS = Path(__file__).with_name("ratios.json")
FALLEN = 0.85


def median(results: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Of each contender the run in the middle, by events or requests a second."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, result in results:
        print(f"  {name}: {result}", flush=True)
        found[name].append(result)
    return {
        name: min(runs, key=lambda run: abs(run["per_second"] - statistics.median_low(r["per_second"] for r in runs)))
        for name, runs in found.items()
    }


def main(arguments: list[str]) -> int:
    full = "--full" in arguments
    with servers() as running:
        print("consumer: a topic that is there already", flush=True)
        size = {"educators": 1000, "each": 100 if full else 10, "rounds": 3 if full else 2}
        worked = median(consumer.figure(running, **size))
        print("intake: signed webhooks, 64 connections", flush=True)
        taken = median(intake.figure(running, seconds=15.0 if full else 4.0, rounds=3 if full else 2))
    ratios = {
        "consumer/by_hand": worked["clockhours"]["per_second"] / worked["by_hand"]["per_second"],
        "consumer/tutorial": worked["clockhours"]["per_second"] / worked["tutorial"]["per_second"],
        "intake/fastapi_empty": taken["enrollment"]["per_second"] / taken["fastapi_empty"]["per_second"],
        "intake/fastapi_insert": taken["enrollment"]["per_second"] / taken["fastapi_insert"]["per_second"],
    }
    report.write(size, worked, taken, ratios)
    if "--record" in arguments:
        RATIOS.write_text(json.dumps({name: round(ratio, 3) for name, ratio in ratios.items()}, indent=2) + "\n")
    recorded: dict[str, float] = json.loads(RATIOS.read_text())
    fallen = [name for name, was in recorded.items() if ratios[name] < FALLEN * was]
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f} (recorded {recorded.get(name, 0):.2f}){'  FALLEN' if name in fallen else ''}")
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
