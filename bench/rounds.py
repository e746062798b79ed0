"""Contenders take turns, round after round; of each the run in the middle counts."""

import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Any


def median(results: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """By events or requests a second."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, result in results:
        print(f"  {name}: {result}", flush=True)
        found[name].append(result)
    return {
        name: min(runs, key=lambda run: abs(run["per_second"] - statistics.median_low(r["per_second"] for r in runs)))
        for name, runs in found.items()
    }
