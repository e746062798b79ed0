"""What is shipped, and what a container of it may do."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SERVICES = ("enrollment", "clockhours", "notifications", "console", "provision")


def test_every_container_of_ours_is_read_only_and_has_no_capabilities() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name in SERVICES:
        assert compose[name]["read_only"] is True, name
        assert compose[name]["cap_drop"] == ["ALL"], name
    for name, service in compose.items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service, name
    assert re.search(r"^USER 10001", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_every_locked_file_has_a_hash() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    files = [file for package in locked for file in [*package.get("wheels", ()), package.get("sdist")] if file]
    assert len(files) > 500
    assert all(file["hash"].startswith("sha256:") for file in files)


def test_the_image_is_built_from_the_lock_alone() -> None:
    image = (ROOT / "Dockerfile").read_text()
    assert image.count("uv sync --frozen --no-dev") == 2


def test_the_bill_of_materials_names_all_that_is_shipped() -> None:
    uv = ROOT / ".venv" / "bin" / "uv"
    if not uv.exists():
        pytest.skip("uv is not in .venv")
    options = ["--frozen", "--no-dev", "--all-extras", "--format", "cyclonedx1.5", "--preview-features", "sbom-export"]
    done = subprocess.run([uv, "export", *options, "-q"], cwd=ROOT, capture_output=True, text=True, check=True)
    bill = json.loads(done.stdout)
    named = {component["name"] for component in bill["components"]}
    assert bill["bomFormat"] == "CycloneDX"
    assert {"aiokafka", "motor", "fastapi", "faststream", "pymongo"} <= named
    assert not named & {"pytest", "mypy", "schemathesis"}
