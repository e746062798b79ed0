"""A log line says where something went wrong, and never what it was about; whichever library wrote it."""

import json
import subprocess
import sys

import pytest

MARKER = "zyxquorra"
FAILS = f"""
import logging, sys
import structlog
from eventing.log import configure
from eventing.transient import RefusedError

configure("toy", sys.argv[1])
log = structlog.get_logger("toy")

def stumble(email):
    try:
        raise KeyError(email)
    except KeyError as error:
        raise ExceptionGroup(email, [ValueError(f"no place for {{email}}")]) from error

def refuse():
    raise RefusedError("DuplicateKeyError 11000")

for act, given in ((stumble, ["{MARKER}@example.org"]), (refuse, [])):
    try:
        act(*given)
    except Exception:
        log.exception("handler_failed")
        logging.getLogger("faststream").exception("a library of ours logs it too")
"""

LIBRARIES = ("aiokafka.client", "faststream", "uvicorn.error", "pymongo")
LIBRARIES_FAIL = f"""
import logging
from eventing import log, service

log.configure("toy")
service.configured(None, "127.0.0.1", 0)
for name in {LIBRARIES}:
    logging.getLogger(name).info("of no concern")
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger(name).exception("it %s", "failed")
"""


def _logged(code: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True).stderr


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_is_logged_by_its_place_without_its_text_and_variables(form: str) -> None:
    """They quote the record that our code stumbled over: a name, an address, a key. A log outlives an erasure."""
    logged = _logged(FAILS, form)
    assert MARKER not in logged
    assert logged.count("handler_failed") == logged.count("a library of ours") == 2
    for said in ("KeyError", "ValueError", "in stumble"):
        assert said in logged
    assert "DuplicateKeyError 11000" in logged  # of errors that are ours the text is made of codes


def test_a_log_line_is_one_json_object() -> None:
    first = json.loads(_logged(FAILS, "json").splitlines()[0])
    assert [raised["type"] for raised in first["exception"]] == ["ExceptionGroup", "ValueError", "KeyError"]


def test_what_libraries_log_is_in_our_form_and_said_once() -> None:
    lines = [json.loads(line) for line in _logged(LIBRARIES_FAIL).splitlines()]
    assert [(one["logger"], one["event"], one["level"]) for one in lines] == [
        (name, "it failed", "error") for name in LIBRARIES
    ]
    assert {one["service"] for one in lines} == {"toy"}
    assert all("ZeroDivisionError" in json.dumps(one["exception"]) and one["timestamp"] for one in lines)
