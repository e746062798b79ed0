"""Reading a list page by page, as everybody does who follows `next`."""

from collections.abc import Awaitable, Callable
from typing import Any


async def pages(ask: Callable[..., Awaitable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """All pages of a list. A cursor that comes round again would be followed without end: that fails."""
    read, told = [await ask()], list[Any]()
    while (after := read[-1]["next"]) is not None:
        assert after not in told, f"{after} was told before"
        told.append(after)
        read.append(await ask(after=after))
    return read
