"""A table of docs/performance.md."""

from typing import Any


def table(head: list[str], rows: list[list[Any]]) -> list[str]:
    """Markdown: the first column to the left, numbers to the right."""
    ruled = ["---", *["---:"] * (len(head) - 1)]
    return [_line(head), "|" + "|".join(ruled) + "|", *(_line(row) for row in rows)]


def _line(cells: list[Any]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
