"""A bug to order: Python imports this at its start where the folder is on PYTHONPATH.

It makes clockhours fail on every event of the educators that the file WEA_TEST_BUG names, one id a line, as a release
with a wrong model would. No code of the project knows of it.
"""

import os
import sys
from pathlib import Path
from typing import Any


def _break_reading(flag: Path) -> None:
    from contracts import events

    read = events.read

    def failing(type_: str, data: Any) -> Any:
        if flag.exists() and data.get("educator_id") in flag.read_text().split():
            raise RuntimeError("a model bug, injected by a test")
        return read(type_, data)

    events.read = failing


if "services.clockhours" in sys.orig_argv and "WEA_TEST_BUG" in os.environ:
    _break_reading(Path(os.environ["WEA_TEST_BUG"]))
