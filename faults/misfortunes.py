"""What may befall the system, and how often each comes, in proportion to the others."""

from faults.fate import Menu
from faults.of_servers import (
    cut,
    disk_full,
    leader_moved,
    majority_lost,
    server_frozen,
    server_killed,
    step_down,
    step_down_amid_commit,
)
from faults.of_services import burst, clock_jump, crash, kill, offsets_moved, rolled, zombie
from faults.stage import Stage

ALWAYS: Menu = {
    "service killed": (34, kill),
    "killed at a point": (40, crash),
    "service frozen past its session": (4, zombie),
    "mongod killed": (3, server_killed("mongo")),
    "mongod frozen": (2, server_frozen("mongo")),
    "primary steps down": (2, step_down),
    "primary steps down amid a commit": (2, step_down_amid_commit),
    "Kafka killed": (2, server_killed("kafka")),
    "Kafka frozen": (2, server_frozen("kafka")),
    "commit cut off": (3, cut("mongo-proxy", "commit-cut")),
    "commit's answer lost": (3, cut("mongo-proxy", "commit-lost")),
    "produce cut in the middle": (3, cut("kafka-proxy", "produce-cut")),
    "produce's answer lost": (3, cut("kafka-proxy", "produce-lost")),
    "all connections to MongoDB cut": (2, cut("mongo-proxy", "cut")),
    "all connections to Kafka cut": (2, cut("kafka-proxy", "cut")),
    "offsets moved": (1, offsets_moved),
    "clock jump": (2, clock_jump),
    "burst": (8, burst),
}
OF_THREE: Menu = {
    "leader moved": (4, leader_moved),
    "two of three brokers lost": (3, majority_lost("kafka")),
    "two of three mongods lost": (3, majority_lost("mongo")),
}
OF_SMALL_DISKS: Menu = {
    "Kafka's disk full": (2, disk_full("kafka")),
    "MongoDB's disk full": (2, disk_full("mongo")),
}
OF_TWO_VERSIONS: Menu = {
    "another version comes or goes": (6, rolled),
}
ALL: Menu = {**ALWAYS, **OF_THREE, **OF_SMALL_DISKS, **OF_TWO_VERSIONS}


def menu(stage: Stage) -> Menu:
    """What can befall this stage."""
    found = dict(ALWAYS)
    if stage.servers.count > 1:
        found |= OF_THREE
    if stage.servers.small_disks:
        found |= OF_SMALL_DISKS
    if stage.before is not None:
        found |= OF_TWO_VERSIONS
    return found
