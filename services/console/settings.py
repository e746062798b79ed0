"""The console's settings."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr

from eventing.settings import NeighbourSettings


class Settings(NeighbourSettings):
    """Read from WEA_... variables. WEA_KEYS holds a key of each role: the console asks the other services with them."""

    port: int = 8080
    database: str = "console"
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
    def secure(self) -> bool:
        return self.console_url.startswith("https://")
