"""What `wea` says to people."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from wea.credentials import console_passwords
from wea.state import State

console = Console(highlight=False, soft_wrap=True)


def show(state: State, found: dict[str, Any], health: dict[str, str] | None = None) -> None:
    """Where everything of a running system is."""
    rows: list[tuple[str, str, str]] = []
    for name, service in found["services"].items():
        pids = ", ".join(map(str, service["pids"])) or "none, it is being started again"
        said = f"   {health[name]}" if health else ""
        rows.append((name, service["url"], f"pid {pids}{said}"))
    rows.append(("Kafka", found["kafka"]["bootstrap"], _pid(found["kafka"])))
    rows.append(("MongoDB", found["mongo"]["uri"], _pid(found["mongo"])))
    rows.append(("mail sink", found["smtp"]["address"], _pid(found["smtp"])))
    rows.append(("mail", found["mail_dir"], "one .eml file a message"))
    for role, key in found["keys"].items():
        rows.append((f"{role} key", key, "Authorization: Bearer ..."))
    for name, password in console_passwords(state).items():
        rows.append((f"console: {name}", password, "the name and password to sign in with"))
    rows.append(("NEA webhooks", found["nea_webhook_secret"], "the secret that they are signed with"))
    rows.append(("log files", str(state.logs), ""))
    rows.append(("state", str(state.path), ""))
    rows.append(("programme time", datetime.fromisoformat(found["now"]).isoformat(" ", "seconds"), ""))
    width = max(len(name) for name, _, _ in rows)
    for name, value, note in rows:  # not a table: it would cut off keys where the terminal is narrow
        console.print(f"{name:<{width}}  {value}{f'  ({note})' if note else ''}", markup=False)


def _pid(server: dict[str, Any]) -> str:
    return f"pid {server['pid']}" if server["pid"] else "not ours"


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under a header, whole: a table of rich's would cut off the ids that one wants to copy."""
    lines = [header, *rows]
    widths = [max(cell_len(line[at]) for line in lines) for at in range(len(header))]
    for number, line in enumerate(lines):
        cells = "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        console.print(Text(cells.rstrip(), "dim" if number == 0 else ""))
