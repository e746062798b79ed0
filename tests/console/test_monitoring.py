"""deploy/monitoring: expressions that Prometheus can read, metrics that exist, runbooks that are there."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY, Metric

from services.console.runbooks import files

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
METRIC_MODULES = (
    "eventing.metrics",
    "services.enrollment.metrics",
    "services.clockhours.metrics",
    "services.notifications.metrics",
    "services.console.metrics",
    "wea.check_schedule",
)
PROMETHEUS_OWN = {"up"}


def rules() -> list[dict[str, Any]]:
    content = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    content = orjson.loads((MONITORING / "grafana-dashboard.json").read_bytes())
    return list(content["panels"])


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def named(expression: str) -> set[str]:
    return set(re.findall(r"\b(wea_[a-z_]+|up)\b", expression)) - PROMETHEUS_OWN


def defined() -> set[str]:
    """Every series that the metric modules can show."""
    for module in METRIC_MODULES:
        importlib.import_module(module)
    return {name for family in REGISTRY.collect() for name in series(family)}


def series(family: Metric) -> Iterator[str]:
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
    return (family.name + suffix for suffix in suffixes)


@pytest.mark.parametrize("expression", list(expressions()))
def test_an_expression_is_promql_and_names_only_metrics_that_exist(expression: str) -> None:
    promql_parser.parse(expression)
    assert named(expression) <= defined()
    assert named(expression) or "up" in expression


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_how_bad_it_is_and_which_runbook_helps(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert re.fullmatch(r"\d+[smhd]", rule["for"])
    assert rule["annotations"]["summary"]
    runbook = ROOT / rule["annotations"]["runbook"]
    assert [line for line in runbook.read_text().splitlines() if line.startswith("## ")] == [
        "## What it means", "## How to look", "## How to mend",
    ]  # fmt: skip


def test_alert_names_are_used_once() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))


def test_every_runbook_of_the_overview_and_of_the_alerts_is_there_and_none_is_left_over() -> None:
    policy = (ROOT / "services" / "console" / "policy.py").read_text()
    shown = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', policy))
    alerted = {Path(rule["annotations"]["runbook"]).stem for rule in rules()}
    assert set(files()) == (shown & set(files())) | alerted
    assert {"service-not-ready", "parking-storm", "mail-unknown"} <= shown & set(files())


def test_every_job_that_an_expression_names_is_scraped() -> None:
    scraped = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    jobs = {one["job_name"] for one in scraped["scrape_configs"]}
    assert {job for text in expressions() for job in re.findall(r'job="([^"]+)"', text)} <= jobs
