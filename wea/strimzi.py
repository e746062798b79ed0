"""Topics and users of Kafka as Strimzi's resources, written from the registry: `python -m wea.strimzi [--check]`.

A service may write the topics it owns, read those it is named a reader of, and nothing else.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from contracts import topics
from contracts.topics import Topic
from eventing.topics import topic_settings
from wea import fleet

FOLDER = Path(__file__).parents[1] / "deploy" / "kubernetes" / "strimzi"
HEAD = "# Written by `python -m wea.strimzi` from contracts/topics.py.\n"
PORTAL = "portal"  # WEA's course registration: owns a topic, and is no service of ours
REPLICAS = 3


def topic(one: Topic) -> str:
    lines = "\n".join(f"    {name}: {value}" for name, value in topic_settings(one, REPLICAS).items())
    return f"""apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata:
  name: {one.name}
  labels: {{strimzi.io/cluster: kafka}}
spec:
  partitions: {one.partitions}
  replicas: {REPLICAS}
  config:
{lines}
"""


def user(name: str) -> str:
    """A user that signs in with a password, which the operator makes and keeps in the secret of the same name."""
    acls = "\n".join(_acls(name))
    return f"""apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata:
  name: {name}
  labels: {{strimzi.io/cluster: kafka}}
spec:
  authentication: {{type: scram-sha-512}}
  authorization:
    type: simple
    acls:
{acls}
"""


def _acls(name: str) -> Iterator[str]:
    for one in topics.ALL:
        operations = ["Describe"] if name in (one.owner, *one.readers) else []
        operations += ["Read"] if name in one.readers else []
        operations += ["Write"] if name == one.owner else []
        if operations:
            yield _acl("topic", one.name, operations)
    if name == PORTAL:
        return
    yield _acl("group", name, ["Describe", "Read"])
    if name == fleet.CONSOLE:  # shows how far behind the others are
        yield from (_acl("group", other.name, ["Describe"]) for other in fleet.SERVICES if other.name != name)


def _acl(kind: str, name: str, operations: list[str]) -> str:
    resource = f"{{type: {kind}, name: {name}, patternType: literal}}"
    return f"      - {{resource: {resource}, operations: [{', '.join(operations)}]}}"


def files() -> dict[str, str]:
    """Name to content."""
    users = [PORTAL, *(service.name for service in fleet.SERVICES)]
    return {
        "topics.yaml": HEAD + "---\n".join(topic(one) for one in topics.ALL),
        "users.yaml": HEAD + "---\n".join(user(name) for name in users),
    }


def main(arguments: list[str]) -> int:
    """Write the files, or with --check exit with 1 if one is not as it would be written."""
    for name, content in files().items():
        file = FOLDER / name
        if "--check" not in arguments:
            file.write_text(content)
        elif not file.exists() or file.read_text() != content:
            sys.stderr.write(f"deploy/kubernetes/strimzi/{name} is not what contracts/topics.py says: make schemas.\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
