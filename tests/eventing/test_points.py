"""Crash points: an order kills whom it names, once; nothing is ever taken for an order in production."""

import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from eventing.points import POINTS
from eventing.settings import ServiceSettings

ROOT = Path(__file__).parents[2]

REACH = """
import sys; from pathlib import Path; from eventing.points import obey, reached
obey(Path(sys.argv[1]) if sys.argv[1] else None, sys.argv[2]); reached("relay.sent"); print("alive")
"""


def reaching(folder: str, instance: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", REACH, folder, instance], capture_output=True, text=True, check=False)


def test_an_order_kills_the_process_that_it_names_and_is_carried_out_once(tmp_path: Path) -> None:
    (tmp_path / "enrollment-1@relay.sent").touch()
    assert reaching(str(tmp_path), "enrollment-2").stdout == "alive\n"
    assert reaching("", "enrollment-1").stdout == "alive\n"
    assert reaching(str(tmp_path), "enrollment-1").returncode == -signal.SIGKILL
    assert reaching(str(tmp_path), "enrollment-1").stdout == "alive\n"


def test_a_service_in_production_does_not_start_with_orders_to_die(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="WEA_CRASH_AT"):
        ServiceSettings(env="production", secret=SecretStr("s"), crash_at=tmp_path)


def test_every_named_point_stands_at_one_place_on_the_way() -> None:
    """A name that no code passes is a crash that was never tried."""
    code = [file.read_text() for folder in ("eventing", "services") for file in (ROOT / folder).rglob("*.py")]
    passed = Counter(name for text in code for name in re.findall(r'\breached\("([^"]+)"\)', text))
    assert passed == Counter(POINTS)
