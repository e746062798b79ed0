"""What only some systems want is not imported by the others: every process would pay for it at its start."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("service", "unwanted"),
    [
        ("enrollment", {"opentelemetry.sdk"}),
        ("clockhours", {"opentelemetry.sdk"}),
        ("notifications", {"opentelemetry.sdk", "dkim", "dns"}),  # without a key nothing is signed
        ("console", {"opentelemetry.sdk", "authlib", "joserfc", "httpx2"}),  # without an issuer: passwords alone
    ],
)
def test_a_service_imports_nothing_that_a_setting_has_to_ask_for(service: str, unwanted: set[str]) -> None:
    asked = f"import sys, services.{service}.app; print(*({unwanted!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
