"""The settings of this service; nothing else reads the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from eventing.settings import NeighbourSettings


class Settings(NeighbourSettings):
    """Read from WEA_... variables. The others are asked for what is unmatched and parked: staff hear of it."""

    database: str = "notifications"
    port: int = 8083
    smtp: str = "127.0.0.1:1025"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_timeout: float = Field(60.0, gt=0)  # seconds for each answer of the mail server: one after 30 s still counts
    smtp_connections: int = Field(16, ge=1, le=100)
    mail_from: str = "WEA micro-credentials <microcredentials@example.org>"
    mail_domain_rate: float = Field(300.0, gt=0)  # messages a second to one recipient domain, in each process
    mail_retry_seconds: float = Field(20.0, gt=0)  # the first wait after "try again later"; it doubles up to an hour
    dkim_key: Path | None = None  # a PEM file; without it nothing is signed
    dkim_domain: str = ""
    dkim_selector: str = "wea"
    public_url: str = "http://127.0.0.1:8083"  # the base of the links in mails: this service as educators reach it
    portal_url: str = "https://example.org/courses"  # WEA's course registration

    @property
    def smtp_address(self) -> tuple[str, int]:
        host, _, port = self.smtp.rpartition(":")
        return host.strip("[]") or "127.0.0.1", int(port)
