"""What led to what, laid out for a picture: causes to the left, effects to the right. Pure."""

from collections import defaultdict
from collections.abc import Iterable

from services.console.state import JsonObject, Kept

WIDTH, HEIGHT, GAP_X, GAP_Y = 210, 46, 50, 14


def layout(records: Iterable[Kept], here: str) -> JsonObject:
    """Boxes and lines. A record stands one column right of its cause; one whose cause is not there stands leftmost.

    A relay may have sent an event twice: only its first record is drawn.
    """
    first: dict[tuple[str, str], Kept] = {}
    for one in sorted(records, key=lambda one: (one.at, one.place)):
        if one.place == here or (one.source, one.event_id) not in first:
            first[one.source, one.event_id] = one
    depth: dict[tuple[str, str], int] = {}
    columns: dict[int, list[Kept]] = defaultdict(list)
    for event, one in first.items():
        columns[_depth(event, first, depth)].append(one)
    boxes, at = [], {}
    for column in sorted(columns):
        for row, one in enumerate(columns[column]):
            x, y = column * (WIDTH + GAP_X) + 2, row * (HEIGHT + GAP_Y) + 2
            at[one.source, one.event_id] = (x, y)
            boxes.append(
                {"x": x, "y": y, "type": one.type, "place": one.place, "source": one.source, "here": one.place == here}
            )
    lines = [
        {
            "x1": at[cause][0] + WIDTH,
            "y1": at[cause][1] + HEIGHT // 2,
            "x2": at[event][0],
            "y2": at[event][1] + HEIGHT // 2,
        }
        for event, one in first.items()
        if (cause := _cause(one)) in at
    ]
    rows = max((len(column) for column in columns.values()), default=1)
    return {
        "boxes": boxes,
        "lines": lines,
        "width": max(1, len(columns)) * (WIDTH + GAP_X) - GAP_X + 4,
        "height": rows * (HEIGHT + GAP_Y) - GAP_Y + 4,
        "box": {"width": WIDTH, "height": HEIGHT},
    }


def _cause(one: Kept) -> tuple[str, str]:
    return one.causation_source or "", one.causation_id or ""


def _depth(event: tuple[str, str], all_: dict[tuple[str, str], Kept], known: dict[tuple[str, str], int]) -> int:
    """How many steps after the first cause that is there. Whatever names itself as its cause is a first cause."""
    path: list[tuple[str, str]] = []
    while event in all_ and event not in known and event not in path:
        path.append(event)
        event = _cause(all_[event])
    base = known.get(event, -1)
    for steps, one in enumerate(reversed(path), start=1):
        known[one] = base + steps
    return known[path[0]] if path else known.get(event, 0)
