"""The settings of this service; nothing else reads the environment."""

from eventing.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from WEA_... variables."""

    database: str = "clockhours"
    port: int = 8082
