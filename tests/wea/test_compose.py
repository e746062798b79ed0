"""docker-compose.yml and what is written on top of it."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from wea.fleet import SERVICES

ROOT = Path(__file__).parents[2]


def compose(file: str = "docker-compose.yml") -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / file).read_text())["services"])


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
def test_a_service_has_the_time_that_it_takes_to_stop(name: str) -> None:
    """With Kafka away it takes more than the ten seconds that Docker gives; the same as in deploy/kubernetes."""
    pods = yaml.safe_load_all((ROOT / f"deploy/kubernetes/base/{name}.yaml").read_text())
    seconds = next(pods)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert compose()[name]["stop_grace_period"] == f"{seconds}s"


@pytest.mark.parametrize("name", [*(service.name for service in SERVICES), "provision", "check"])
def test_whoever_is_told_to_stop_while_it_still_starts_does(name: str) -> None:
    """Else its process, the first of the container, does not hear it, and is killed a minute later."""
    assert compose()[name].get("init") is True


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_setting_of_a_service_can_be_given_by_the_env_file(service: Any) -> None:
    """Compose hands on what it lists and nothing else, without a word; what it decides itself the page says."""
    fields = import_module(f"{service.module}.settings").Settings.model_fields
    settings = {f"WEA_{name.upper()}" for name in fields} - {"WEA_CRASH_AT"}  # of tests
    environment = compose()[service.name]["environment"]
    assert {name for name in environment if name.startswith("WEA_")} <= settings
    handed_on = {name for name, value in environment.items() if value is None or f"${{{name}:" in str(value)}
    page = (ROOT / "docs/containers.md").read_text()
    assert {name for name in settings - handed_on if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
def test_what_the_settings_read_of_opentelemetrys_variables_is_handed_on(name: str) -> None:
    read = set(re.findall(r"\bOTEL_\w+", (ROOT / "eventing/settings.py").read_text()))
    assert read
    assert read <= {variable for variable, value in compose()[name]["environment"].items() if value is None}


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
def test_what_the_image_says_is_not_taken_away(name: str) -> None:
    """Docker drops a variable of the image that is listed without a value: no service found its programme file."""
    said = re.findall(r"(\w+)=", " ".join(re.findall(r"^ENV (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)))
    assert {"WEA_PROGRAMS", "WEA_HOST"} <= set(said)
    environment = compose()[name]["environment"]
    assert {variable for variable in said if variable in environment and environment[variable] is None} == set()


def test_the_proxy_before_the_console_can_be_named() -> None:
    """Else all browsers have its address, and fifty wrong passwords of a stranger's lock everybody out."""
    assert compose()["console"]["environment"].get("FORWARDED_ALLOW_IPS", "not there") is None, "handed on as it is"
    assert "`FORWARDED_ALLOW_IPS`" in (ROOT / "docs/containers.md").read_text()


@pytest.mark.parametrize("name", ["kafka", "mongo"])
def test_a_server_may_end_in_order(name: str) -> None:
    """One that is killed looks through its logs at the next start."""
    assert compose()[name]["stop_grace_period"] == "60s"


def test_what_cannot_be_provisioned_ends_the_up_that_waits_for_it() -> None:
    """By a wrong password, say: tried for ever, `up --detach` waited as long, without a word."""
    policy, _, tries = compose()["provision"]["restart"].partition(":")
    assert policy == "on-failure"
    assert 3 <= int(tries or 0) <= 10, "each waits twice as long as the one before it, from 0.1 s on"


def test_no_containers_log_fills_the_disk() -> None:
    """Docker keeps all of it unless it is told otherwise."""
    single, cluster = compose(), compose("docker-compose.cluster.yml")
    options = {name: container.get("logging", {}).get("options", {}) for name, container in single.items()}
    assert {name for name, option in options.items() if not option.keys() >= {"max-size", "max-file"}} == set()
    more = {name: container.get("extends") for name, container in cluster.items() if name not in single}
    assert more == {
        f"{name}-{n}": {"file": "docker-compose.yml", "service": name} for name in ("kafka", "mongo") for n in (2, 3)
    }
