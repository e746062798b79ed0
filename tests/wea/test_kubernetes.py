"""The manifests say what the code says: services, ports, settings, topics, groups."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import topics
from eventing.settings import ServiceSettings
from services.clockhours.settings import Settings as ClockhoursSettings
from services.console.settings import Settings as ConsoleSettings
from services.enrollment.settings import Settings as EnrollmentSettings
from services.notifications.settings import Settings as NotificationsSettings
from wea.fleet import SERVICES

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
SETTINGS: dict[str, type[ServiceSettings]] = {
    "enrollment": EnrollmentSettings,
    "clockhours": ClockhoursSettings,
    "notifications": NotificationsSettings,
    "console": ConsoleSettings,
}


def resources(*folders: str) -> Iterator[dict[str, Any]]:
    for folder in folders or ("base", "strimzi", "keda", "example"):
        for file in (FOLDER / folder).glob("*.yaml"):
            if file.name != "kustomization.yaml":
                yield from yaml.safe_load_all(file.read_text())


def of(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in resources() if one["kind"] == kind}


def pod(name: str) -> dict[str, Any]:
    workloads = {**of("StatefulSet"), **of("Deployment"), **of("Job")}
    return dict(workloads[name]["spec"]["template"]["spec"])


def container(name: str) -> dict[str, Any]:
    (only,) = pod(name)["containers"]
    return dict(only)


@pytest.mark.parametrize("name", [*(service.name for service in SERVICES), "check", "provision"])
def test_whoever_is_told_to_stop_while_it_still_starts_does(name: str) -> None:
    """Else its process, the first of the container, does not hear it, and is killed when its time is over."""
    assert pod(name).get("shareProcessNamespace") is True


def test_every_file_is_named_by_its_kustomization_and_every_name_is_a_file() -> None:
    for kustomization in FOLDER.glob("*/kustomization.yaml"):
        content = yaml.safe_load(kustomization.read_text())
        named = [
            *content["resources"],
            *content.get("components", []),
            *(p["path"] for p in content.get("patches", [])),
        ]
        files = {file.name for file in kustomization.parent.glob("*.yaml")} - {"kustomization.yaml"}
        assert files == {name for name in named if not name.startswith("..")}, kustomization
        assert all((kustomization.parent / name).exists() for name in named), kustomization


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_each_service_is_run_as_what_it_is_at_the_port_that_it_listens_on(service: Any) -> None:
    runs = container(service.name)
    assert runs["args"] == [service.module]
    assert runs["ports"] == [{"name": "http", "containerPort": service.port}]
    assert {"name": "WEA_PORT", "value": str(service.port)} in runs["env"]
    assert of("Service")[service.name]["spec"]["ports"][0]["port"] == service.port
    assert of("PodDisruptionBudget").get(service.name) or service.name == "console", "one replica, which may be away"
    assert runs["securityContext"]["readOnlyRootFilesystem"]


def test_every_setting_is_one_that_a_service_reads() -> None:
    shared = set(of("ConfigMap")["wea"]["data"])
    for example in resources("example"):
        if example["kind"] == "ConfigMap":
            shared |= set(example["data"])
    known = {f"WEA_{name.upper()}" for settings in SETTINGS.values() for name in settings.model_fields}
    assert shared <= known
    for name, settings in SETTINGS.items():
        own = {variable["name"] for variable in container(name)["env"]}
        assert own <= {f"WEA_{field.upper()}" for field in settings.model_fields}, name


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_who_can_answer_is_sent_requests_though_its_consumer_stands(service: Any) -> None:
    """Else a parking storm, or a start with Kafka away, would take the intake of all pods from NEA and the portal."""
    assert container(service.name)["readinessProbe"]["httpGet"] == {"path": "/health/serving", "port": "http"}
    assert container(service.name)["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "http"}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_certificate_that_vouches_for_kafka_is_where_the_page_of_secrets_says(service: Any) -> None:
    """Strimzi signs its brokers' certificates itself: without its own no service would trust them."""
    (mounted,) = [one for one in container(service.name)["volumeMounts"] if one["name"] == "kafka-ca"]
    assert mounted["readOnly"]
    (volume,) = [one for one in pod(service.name)["volumes"] if one["name"] == "kafka-ca"]
    assert volume["secret"]["secretName"] == "kafka-cluster-ca-cert"
    assert f'"ca_file": "{mounted["mountPath"]}/ca.crt"' in (FOLDER / "README.md").read_text()


def test_what_other_namespaces_ask_for_is_named_with_its_own() -> None:
    """KEDA's operator asks Kafka from its own namespace, where a bare name is nobody's."""
    (namespace,) = of("Namespace")
    for scaled in of("ScaledObject").values():
        for trigger in scaled["spec"]["triggers"]:
            assert trigger["metadata"]["bootstrapServers"] == f"kafka-kafka-bootstrap.{namespace}.svc:9093"


def test_the_console_sees_each_replica_ready_or_not() -> None:
    """By the one name of a Service it would see one of them by chance, and none that is not ready."""
    (urls,) = [one["value"] for one in container("console")["env"] if one["name"] == "WEA_URLS"]
    seen = set(urls.split(","))
    expected = set()
    for name, workload in of("StatefulSet").items():
        governing = of("Service")[workload["spec"]["serviceName"]]["spec"]
        assert governing["clusterIP"] == "None"
        assert governing["publishNotReadyAddresses"], "what has stopped itself shows what it has parked"
        assert governing["selector"] == workload["spec"]["selector"]["matchLabels"]
        port = governing["ports"][0]["port"]
        for number in range(workload["spec"]["replicas"]):
            expected.add(f"{name}=http://{name}-{number}.{workload['spec']['serviceName']}:{port}")
    assert seen == expected


def test_the_books_are_checked_by_a_verb_that_there_is_and_its_result_can_be_read() -> None:
    runs = container("check")
    program, *verb = runs["args"]
    assert program == "wea"
    port = runs["ports"][0]["containerPort"]
    assert verb == ["check", "--every", "15m", "--metrics-port", str(port)]
    assert of("Service")["check"]["spec"]["ports"][0]["port"] == port
    said = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yml").read_text())["services"]["check"]["command"]
    assert said == runs["args"], "the same as in compose"


def test_replicas_follow_the_lag_of_topics_that_the_service_reads_and_never_outnumber_partitions() -> None:
    for name, scaled in of("ScaledObject").items():
        assert scaled["spec"]["scaleTargetRef"] == {"kind": "StatefulSet", "name": name}
        assert name in of("StatefulSet")
        for trigger in scaled["spec"]["triggers"]:
            metadata = trigger["metadata"]
            topic = next(one for one in topics.ALL if one.name == metadata["topic"])
            assert name == metadata["consumerGroup"]
            assert name in topic.readers
            assert scaled["spec"]["maxReplicaCount"] <= topic.partitions


def test_every_topic_and_every_user_of_the_registry_is_there() -> None:
    assert set(of("KafkaTopic")) == {topic.name for topic in topics.ALL}
    assert set(of("KafkaUser")) == {"portal", *(service.name for service in SERVICES)}


def test_only_the_owner_of_a_topic_may_write_it() -> None:
    for topic in topics.ALL:
        writers = {
            name
            for name, user in of("KafkaUser").items()
            for acl in user["spec"]["authorization"]["acls"]
            if acl["resource"]["name"] == topic.name and "Write" in acl["operations"]
        }
        assert writers == {topic.owner}


@pytest.mark.skipif(shutil.which("kustomize") is None, reason="kustomize is not installed")
def test_the_example_can_be_built() -> None:
    built = subprocess.run(["kustomize", "build", FOLDER / "example"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    kinds = [one["kind"] for one in yaml.safe_load_all(built.stdout)]
    assert kinds.count("StatefulSet") == 3
    assert "image: registry.example.org/wea-clock-hours:1.0.0" in built.stdout
