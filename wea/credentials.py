"""The keys and passwords of one system, made once a state and kept in it for its owner alone."""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from wea import console_users
from wea.state import State, replace

ROLES = ("portal", "staff", "operator")
KEYS = "keys.json"  # of `wea keys`: in the state, beside secrets.json


@dataclass(frozen=True)
class Credentials:
    """`keys`: role to bearer key. `mongo`: database user (admin, or a service) to password; `console`: of people."""

    keys: dict[str, str]
    nea_webhook_secret: str
    secret: str
    mongo: dict[str, str]
    console: dict[str, str]


def credentials(state: State, users: Iterable[str]) -> Credentials:
    """Those of the state; what is not there yet is made and kept."""
    kept = state.read("secrets.json") or {}
    passwords = kept.get("mongo", {})
    ours = Credentials(
        keys={role: kept.get("keys", {}).get(role) or f"{role}-{_random()}" for role in ROLES},
        nea_webhook_secret=kept.get("nea_webhook_secret") or _webhook_secret(),
        secret=kept.get("secret") or _random(),
        mongo={**passwords, **{user: passwords.get(user) or _random() for user in users}},
        console={role: kept.get("console", {}).get(role) or secrets.token_urlsafe(12) for role in console_users.ROLES},
    )
    if asdict(ours) != kept:
        state.write("secrets.json", asdict(ours))
    console_users.write_users(state, ours.console)
    if not state.mongo_key.exists():
        replace(state.mongo_key, base64.b64encode(secrets.token_bytes(96)).decode())
    return ours


def console_passwords(state: State) -> dict[str, str]:
    """Name to password of those who sign in to the console of a state."""
    passwords: dict[str, str] = (state.read("secrets.json") or {}).get("console", {})
    return passwords


def _random() -> str:
    return secrets.token_urlsafe(24)


def _webhook_secret() -> str:
    """Standard Webhooks: `whsec_` and 24 to 64 bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
