"""Enrollment's settings, from WEA_... variables."""

from pydantic import SecretStr

from eventing.settings import ServiceSettings


class Settings(ServiceSettings):
    port: int = 8081
    database: str = "enrollment"
    nea_secrets: SecretStr = SecretStr("")  # whsec_... by spaces; several while one replaces another
    intake_rate: float = 200.0  # requests a second and key
    webhook_rate: float = 2000.0  # NEA has no key; it only protects us from a flood

    @property
    def webhook_secrets(self) -> list[str]:
        return self.nea_secrets.get_secret_value().split()
