"""What a load needs, from the costs in bench/figures.json: the tables of docs/scaling.md.

    .venv/bin/python -m bench.needs

A core is planned for half of its time: before one server a batch then waits half as long as it is worked on (M/D/1).
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from bench.queueing import FIGURES
from bench.table import table
from contracts import topics

BUSY = 0.5  # of a core's time, in the busiest hour
PARTITIONS = topics.PARTITIONS
EVENLY = 3  # partitions for each process, so that shares of whole partitions are about even
COPIES = 3  # of each record and each document
SERVICES = ("enrollment", "clockhours", "notifications", "console")


@dataclass(frozen=True)
class Demand:
    """Events from outside: a year's, and those of the busiest second."""

    name: str
    year: float
    busiest: float


def of_members(name: str, members: int) -> Demand:
    """Each goes one micro-credential's way in a year: seven events. A fifth of them come on the day of the deadline,
    a fifth of those in its last hour."""
    year = 7.0 * members
    return Demand(name, year, year / 25 / 3600)


DEMANDS = (
    of_members("95,000 members", 95_000),
    of_members("3,000,000 members", 3_000_000),
    Demand("100,000,000 events a day", 365 * 100e6, 100e6 / 5 / 3600),  # a fifth of the day in one hour
)


def cores(demand: Demand, chain: dict[str, Any]) -> dict[str, float]:
    """Of each process's kind, in the busiest second."""
    return {name: demand.busiest * cost / 1000 / BUSY for name, cost in chain["cpu_per_1000"].items() if name != "smtp"}


def partitions(processes: int) -> int:
    """The next doubling of what there is that gives each process its share."""
    return PARTITIONS * 2 ** max(0, math.ceil(math.log2(processes * EVENLY / PARTITIONS)))


def needs(demand: Demand, figures: dict[str, Any]) -> dict[str, Any]:
    """What the demand asks for."""
    system = figures["whole"]["found"]
    used, sizes = cores(demand, system["chain"]), system["sizes"]
    processes = {name: max(1, math.ceil(used[name])) for name in SERVICES}
    kept = {topic.name: topic.retention for topic in topics.ALL}
    written = {name: of["bytes"] / sizes["events"] for name, of in sizes["topics"].items()}
    days = {name: min(365, retention.days) if (retention := kept[name]) else 365 for name in written}
    topic_bytes = sum(written[name] * days[name] / 365 for name in written)
    database_bytes = sum(sizes["databases"].values()) / sizes["events"]
    terabyte = COPIES * demand.year / 1e12
    return {
        "events in the busiest second": f"{demand.busiest:,.1f}",
        "cores of the services": f"{sum(used[name] for name in SERVICES):,.1f}",
        **{f"processes of {name}": number for name, number in processes.items()},
        "partitions": partitions(max(processes.values())),
        "cores of Kafka, all copies": f"{COPIES * used['kafka']:,.1f}",
        "cores of MongoDB, all copies": f"{COPIES * used['mongo']:,.1f}",
        "TB of topics after a year, all copies": f"{topic_bytes * terabyte:,.2f}",
        "TB of databases after a year, all copies": f"{database_bytes * terabyte:,.2f}",
    }


def main() -> None:
    figures = json.loads(FIGURES.read_text())
    found = [needs(demand, figures) for demand in DEMANDS]
    print(
        "\n".join(
            table(["", *(demand.name for demand in DEMANDS)], [[row, *(of[row] for of in found)] for row in found[0]])
        )
    )
    spent = figures["whole"]["found"]["chain"]["cpu_per_1000"]
    total = sum(cost for name, cost in spent.items() if name != "smtp")
    print(
        f"\nA million events take {total * 1000 / 3600:.2f} core hours at the costs measured, all processes together."
    )


if __name__ == "__main__":
    main()
