"""The console's settings."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr

from eventing.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from WEA_... variables. WEA_KEYS holds a key of each role: the console asks the other services with them."""

    port: int = 8080
    database: str = "console"
    urls: str = ""  # SERVICE=URL, comma separated; a service may repeat, once for each replica
    console_users: Path | None = None  # TOML: who may sign in, with which roles
    oidc_issuer: str = ""  # sign-in by OpenID Connect when given, with the two below
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_roles_claim: str = "groups"  # a claim of the ID token whose values are our roles
    console_url: str = ""  # how browsers reach us; https makes cookies Secure; needed behind a proxy and for OIDC
    keep_days: int = Field(default=90, ge=1, le=3660)

    @property
    def keep(self) -> timedelta:
        return timedelta(days=self.keep_days)

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
        """Role to the first key of it."""
        parts = [part.strip().partition("=") for part in self.keys.get_secret_value().split(",") if part.strip()]
        return {role: key for role, _, key in reversed(parts)}

    @property
    def secure(self) -> bool:
        return self.console_url.startswith("https://")
