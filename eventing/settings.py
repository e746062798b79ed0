"""The settings that every service has. A service's settings.py extends these; nothing else reads the environment."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from eventing.gate import MOST_KEYS
from eventing.kafka import KafkaSettings, read_security
from eventing.keys import HASHED

DEVELOPMENT_SECRET = "development-only"  # noqa: S105 - refused in production


class ServiceSettings(BaseSettings):
    """Read from WEA_... variables."""

    model_config = SettingsConfigDict(env_prefix="WEA_", frozen=True, extra="ignore")

    env: Literal["development", "production"] = "development"
    kafka: str = "127.0.0.1:9092"
    kafka_prefix: str = ""
    mongo: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?replicaSet=rs0")
    database: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    programs: Path = Path("programs")
    keys: SecretStr = SecretStr("")  # role=KEY or role=sha256:HEX, comma separated; a role may repeat
    keys_file: Path | None = None  # keys made and revoked one by one (keys.py)
    secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)  # HMAC key for e-mail addresses, learner ids and tokens
    clock_file: Path | None = None
    instance: str | None = None
    parking_limit: int = Field(MOST_KEYS, ge=1)  # raise it where records are wrong and the code is right
    log: Literal["json", "text"] = "json"
    crash_at: Path | None = None  # a folder of orders to die, for tests (points.py)
    # JSON: security_protocol SASL_SSL, sasl_mechanism SCRAM-SHA-512, sasl_plain_username, sasl_plain_password, ca_file.
    kafka_security: SecretStr = SecretStr("{}")

    @model_validator(mode="after")
    def _has_secrets_of_its_own(self) -> Self:
        """In production nothing secret has a default."""
        if self.env == "production" and self.secret.get_secret_value() == DEVELOPMENT_SECRET:
            raise ValueError("WEA_SECRET must be set in production")
        if self.env == "production" and self.crash_at is not None:
            raise ValueError("WEA_CRASH_AT is for tests: it must not be set in production")
        return self

    @property
    def kafka_settings(self) -> KafkaSettings:
        security = read_security(self.kafka_security.get_secret_value())
        return KafkaSettings(self.kafka, self.kafka_prefix, self.instance, security)


class NeighbourSettings(ServiceSettings):
    """Of a service that asks the others over HTTP, with their own keys."""

    urls: str = ""  # SERVICE=URL, comma separated; a service may repeat, once for each replica

    @property
    def addresses(self) -> dict[str, list[str]]:
        """Service to the addresses of its replicas. Raises ValueError."""
        found: dict[str, list[str]] = {}
        for part in filter(None, (one.strip() for one in self.urls.split(","))):
            name, separator, url = part.partition("=")
            if not separator or not name or not url:
                raise ValueError("WEA_URLS is SERVICE=URL,SERVICE=URL")
            found.setdefault(name, []).append(url.rstrip("/"))
        return found

    @property
    def key_of(self) -> dict[str, str]:
        """Role to the first of its keys that stands here whole: of a hashed one nobody knows what to send."""
        parts = [part.strip().partition("=") for part in self.keys.get_secret_value().split(",")]
        return {role: key for role, _, key in reversed(parts) if key and not key.startswith(HASHED)}


def traces_wanted() -> bool:
    """Whether OpenTelemetry's standard variables name a collector, and nothing switches the traces off."""
    named = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    return bool(named) and not off
