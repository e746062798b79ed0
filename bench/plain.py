"""One process of each service, on one state for all figures that want this: a start and a stop take seven seconds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.whole import AS_OF, Whole, wea
from wea.state import State


class Plain:
    """`chain` is what the figure `whole` has measured, for whoever shows it too."""

    def __init__(self, folder: Path) -> None:
        self.chain: dict[str, Any] | None = None
        self.has_run = False
        self._folder = folder
        self._fresh = False

    def start(self) -> float:
        """New processes, on the state as it stands. Seconds of `wea up --detach` until all is ready."""
        self.stop()
        began = time.perf_counter()
        wea(self._folder, "up", "--detach", "--as-of", AS_OF)
        self.has_run = self._fresh = True
        return time.perf_counter() - began

    def stop(self) -> None:
        wea(self._folder, "down")
        self._fresh = False

    def fresh(self) -> Whole:
        """A system whose processes have done nothing yet."""
        if not self._fresh:
            self.start()
        self._fresh = False
        return Whole(State(self._folder))


@contextmanager
def plain() -> Iterator[Plain]:
    with TemporaryDirectory(prefix="wea-bench-") as folder:
        system = Plain(Path(folder, "state"))
        try:
            yield system
        finally:
            system.stop()
