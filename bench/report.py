"""docs/performance.md: what a run measured, between what is written by hand in bench/notes.md."""

import platform
from pathlib import Path
from typing import Any

import psutil

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "performance.md"

CONSUMERS = {
    "by_hand": "the limit: the same writes batched by hand, no framework, no rules, one batch at a time",
    "clockhours": "**clockhours**: sequence, position, rules, ledger, outbox in one transaction a batch",
    "tutorial": "the tutorial's way: FastStream, a transaction for each record, the same writes",
}
DOORS = {
    "asgi_empty": "a bare ASGI function, empty 202",
    "fastapi_empty": "FastAPI, empty 202",
    "enrollment": "**enrollment**: signature, every check, majority-durable before the answer",
    "fastapi_insert": "FastAPI with one durable insert a request, no check",
}


def write(size: dict[str, int], worked: dict[str, Any], taken: dict[str, Any], ratios: dict[str, float]) -> None:
    events = size["educators"] * size["each"]
    lines = [
        "# Performance",
        "",
        "Made by `make bench` (`--full` for the long form): do not edit; what is written by hand is in bench/notes.md.",
        f"Machine: {psutil.cpu_count()} cores, Python {platform.python_version()}; Kafka, mongod, contenders all on it;"
        f" load {psutil.getloadavg()[0]:.0f} at the end. Ratios within the run are the result; the rest is colour.",
        "",
        "## Consumer",
        "",
        f"A topic of {events:,} enrollment events of {size['educators']:,} educators, mixed up, 12 partitions.",
        "",
        "| | events/s | CPU µs an event | peak MB |",
        "|---|---:|---:|---:|",
        *(
            f"| {CONSUMERS[name]} | {r['per_second']:,.0f} | {r['cpu_us']:,.0f} | {r['peak_mb']:,.0f} |"
            for name, r in worked.items()
        ),
        "",
        f"clockhours stands at **{100 * ratios['consumer/by_hand']:.0f} %** of the limit (goal 80 %) and at"
        f" **{ratios['consumer/tutorial']:.0f} times** the tutorial's way (goal 60). CPU is the contender's own, the"
        " servers' not counted; the first and the second write the same rows, which the run checks.",
        "",
        "## Intake",
        "",
        "Signed webhooks over 64 kept-alive connections, all on the same cores; relay and consumer rest.",
        "",
        "| | requests/s | p50 ms | p99 ms | p99.9 ms | CPU µs a request |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {DOORS[name]} | {r['per_second']:,.0f} | {r['p50']} | {r['p99']} | {r['p999']} | {r['cpu_us']:,.0f} |"
            for name, r in taken.items()
        ),
        "",
        f"enrollment answers **{100 * ratios['intake/fastapi_empty']:.0f} %** of FastAPI's empty 202 (goal 100 %) and"
        f" **{ratios['intake/fastapi_insert']:.1f} times** one insert a request.",
        "",
        (FOLDER / "notes.md").read_text().strip(),
        "",
    ]
    PAGE.write_text("\n".join(lines))
