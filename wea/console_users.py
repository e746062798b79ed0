"""Who may sign in to the console of a system on this machine: one person a role, with passwords of the state."""

import json
from collections.abc import Mapping

from argon2 import PasswordHasher

from wea.state import State, replace

FILE = "console-users.toml"
ROLES = ("viewer", "staff", "operator")


def write_users(state: State, passwords: Mapping[str, str]) -> None:
    """The users file of a new state. One that is there is left alone: people may have added others."""
    file = state.path / FILE
    if file.exists():
        return
    hasher = PasswordHasher()
    lines = ["# Who signs in to the console: see services/console/signin.py."]
    for name, password in passwords.items():
        hashed = json.dumps(hasher.hash(password))
        lines += ["", f"[users.{name}]", f'full_name = "The {name}"', f"password = {hashed}", f'roles = ["{name}"]']
    replace(file, "\n".join(lines) + "\n")
