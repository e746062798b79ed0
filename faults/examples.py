"""Counts what Hypothesis draws in one run of the tests without servers, for docs/reliability.md.

`python -m faults.examples` leaves docs/reliability/hypothesis-examples.json. A run that fails leaves nothing.
"""

import json
import re
import subprocess
import sys

from faults.run import RECORDS
from faults.stage import ROOT

FLOORS = "unit or contracts or model"
NAME = re.compile(r"^(tests/\S+::.+):$")
DRAWN = re.compile(r"(\d+) passing")


def counted(said: str) -> dict[str, int]:
    """Passing examples by test, from Hypothesis's own statistics, over all phases."""
    found: dict[str, int] = {}
    test = None
    for line in said.splitlines():
        if name := NAME.match(line):
            test = name[1]
        elif test is not None and (drawn := DRAWN.search(line)):
            found[test] = found.get(test, 0) + int(drawn[1])
    return found


def main() -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-m", FLOORS, "--hypothesis-show-statistics"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = counted(done.stdout)
    if done.returncode or not found:
        print(done.stdout[-2000:])
        return 1
    (RECORDS / "hypothesis-examples.json").write_text(json.dumps(found, indent=1) + "\n")
    print(f"{sum(found.values()):,} examples of {len(found)} properties")
    return 0


if __name__ == "__main__":
    sys.exit(main())
