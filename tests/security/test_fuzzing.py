"""What strangers send never makes a parser raise anything but its own refusal.

WEA_FUZZ_SECONDS is how long each target runs (3 unless told); docs/reliability/fuzz.json has the counts of long runs.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.fuzzing import TARGETS, by_hand

ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("WEA_FUZZ_SECONDS", "3"))


@pytest.mark.parametrize("name", list(TARGETS))
def test_mutations_of_what_is_right_are_refused_in_order(name: str) -> None:
    target, seeds = TARGETS[name]
    if not seeds:
        seeds = ((ROOT / "programs" / "2023-24.toml").read_bytes()[:3500],)
    assert by_hand(target, seeds, SECONDS / 3, seed=1) > 100


@pytest.mark.parametrize("name", list(TARGETS))
def test_coverage_guided_fuzzing_finds_nothing(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="the group 'fuzz' is not installed, or has no wheel for this Python")
    command = [sys.executable, "-m", "tests.security.fuzzing", name, str(max(1, int(SECONDS))), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stderr + done.stdout
    assert done.returncode == 0, said[-3000:]
    found = re.search(r"number_of_executed_units: (\d+)", said)
    assert found is not None, said[-2000:]
    if folder := os.environ.get("WEA_FUZZ_RECORD"):
        (Path(folder) / f"fuzz-{name}.json").write_text(json.dumps({name: int(found[1])}))
