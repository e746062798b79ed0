"""The only reader of the environment in wea/."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wea.errors import UserError

if TYPE_CHECKING:
    from eventing.kafka import KafkaSettings


def environment() -> dict[str, str]:
    """The environment as children inherit it."""
    return dict(os.environ)


def take(environment: Mapping[str, str]) -> None:
    """Have this environment and no other: for a process that was forked to be another."""
    os.environ.clear()
    os.environ.update(environment)


def cache_folder() -> Path:
    """Where what was fetched once is kept, so that everything afterwards works offline."""
    named = os.environ.get("WEA_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named).absolute() if named else Path(base) / "wea"


def state_folder() -> Path:
    """Where a system on this machine keeps everything that must survive it."""
    named = os.environ.get("WEA_STATE")
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(named).absolute() if named else Path(base) / "wea"


def given_kafka() -> str | None:
    """The bootstrap address of a Kafka that exists already, to be used instead of starting one."""
    return os.environ.get("WEA_KAFKA") or None


def given_mongo() -> str | None:
    """The URI of a MongoDB that exists already, to be used instead of starting one."""
    return os.environ.get("WEA_MONGO") or None


def java_home() -> str | None:
    return os.environ.get("JAVA_HOME") or None


def is_production() -> bool:
    return os.environ.get("WEA_ENV", "development") == "production"


def given_programs() -> Path | None:
    """The folder of the programme's files, where WEA_PROGRAMS names one."""
    named = os.environ.get("WEA_PROGRAMS")
    return Path(named).absolute() if named else None


def mongo_passwords() -> dict[str, str]:
    """WEA_MONGO_PASSWORDS, "admin=...,enrollment=...": what `wea provision` gives to whom."""
    return _pairs("WEA_MONGO_PASSWORDS")


def kafka_at(bootstrap: str) -> "KafkaSettings":
    """How the services reach it, by the same two variables. UserError where one is wrong."""
    from eventing.kafka import KafkaSettings, read_security  # only here: most verbs have no use for Kafka's client

    try:
        security = read_security(os.environ.get("WEA_KAFKA_SECURITY", "{}"))
    except ValueError as error:
        raise UserError(f"{error}.") from None
    return KafkaSettings(bootstrap, os.environ.get("WEA_KAFKA_PREFIX", ""), security=security)


def given_urls() -> dict[str, str]:
    """WEA_URLS, "enrollment=http://...,clockhours=...": services that were not started by `wea up`."""
    return _pairs("WEA_URLS")


def given_host() -> str:
    """Where what we serve listens: on this machine alone, unless WEA_HOST says otherwise."""
    return os.environ.get("WEA_HOST", "127.0.0.1")


def given_keys() -> dict[str, str]:
    """WEA_KEYS, "operator=KEY,...": role to bearer key."""
    return _pairs("WEA_KEYS")


def given_nea_secrets() -> list[str]:
    """WEA_NEA_SECRETS, "whsec_...": what NEA's webhooks are signed with, several while one is replaced."""
    return os.environ.get("WEA_NEA_SECRETS", "").split()


def _pairs(name: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in os.environ.get(name, "").split(",") if pair.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}
