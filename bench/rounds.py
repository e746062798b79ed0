"""Contenders take turns, round after round; of each its best round counts.

Whatever else runs on the machine only ever slows a round down: medians of rounds that were disturbed unequally put one
contender's luck beside another's misfortune (on a busy machine, 285 % of the limit).
"""

from collections.abc import Iterable
from typing import Any


def best(results: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """By events or requests a second."""
    found: dict[str, dict[str, Any]] = {}
    for name, result in results:
        print(f"  {name}: {result}", flush=True)
        found[name] = max(found.get(name, result), result, key=lambda run: float(run["per_second"]))
    return found
