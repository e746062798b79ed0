"""docs/performance.md: the figures as they were last measured, between what is written by hand in bench/notes.md."""

import json
import platform
from pathlib import Path
from typing import Any

import psutil

from bench import chain, consumer, growth, intake, latency, memory, replicas, sizes, start

FOLDER = Path(__file__).parent
FIGURES, RATIOS = FOLDER / "figures.json", FOLDER / "ratios.json"
PAGE = FOLDER.parent / "docs" / "performance.md"

Figures = dict[str, Any]


def kept() -> Figures:
    """What was measured last, by figure."""
    found: Figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    return found


def keep(figures: Figures) -> None:
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")


def recorded() -> dict[str, float]:
    found: dict[str, float] = json.loads(RATIOS.read_text())
    return found


def record(ratios: dict[str, float]) -> None:
    RATIOS.write_text(json.dumps({name: round(ratio, 3) for name, ratio in ratios.items()}, indent=2) + "\n")


def write(figures: Figures, ratios: dict[str, float]) -> None:
    found = {name: figure["found"] for name, figure in figures.items()}
    sections = [
        ("Consumer", "consumer", consumer.lines),
        ("Intake", "intake", intake.lines),
        ("Latency at 50 events a second", "whole", lambda of: latency.lines(of["latency"])),
        ("The whole chain", "whole", lambda of: chain.lines(of["chain"])),
        ("Memory", "whole", memory.lines),
        ("What is kept", "whole", lambda of: sizes.lines(of["sizes"])),
        ("Start", "start", start.lines),
        ("Growth", "growth", growth.lines),
        ("Replicas", "replicas", replicas.lines),
    ]
    lines = [
        "# Performance",
        "",
        "Made by `make bench` (`--full` for the long form): do not edit; what is written by hand is in bench/notes.md.",
        f"Machine: {psutil.cpu_count()} cores, Python {platform.python_version()}; Kafka, mongod, contenders all on it."
        " Ratios within a run are the result; the rest is colour, and each figure says what load (the first minute's"
        " average) the machine was under when it began and when it ended.",
    ]
    for title, name, told in sections:
        if name in found:
            lines += ["", f"## {title}", "", made(figures[name]), "", *told(found[name])]
    PAGE.write_text("\n".join([*lines, "", (FOLDER / "notes.md").read_text().strip(), ""]))


def made(figure: dict[str, Any]) -> str:
    before, after = figure["load"]
    return f"{figure['on']}, {figure['form']} form, load {before} to {after}."
