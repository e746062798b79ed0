"""What runs on a state, as programs and people read it."""

from typing import Any

from wea import record
from wea.clock import ProgrammeClock
from wea.state import State


def status(state: State) -> dict[str, Any] | None:
    """The whole of `wea status --json`; None where no system runs on the state."""
    run = record.load(state)
    if run is None or run.supervisor.find() is None or not run.status:
        return None
    found = run.status
    services = {name: {**service, "pids": run.pids_of(name)} for name, service in found["services"].items()}
    return {
        "services": services,
        "kafka": {**found["kafka"], "pid": run.pid_of("kafka")},
        "mongo": {**found["mongo"], "pid": run.pid_of("mongo")},
        "smtp": {**found["smtp"], "pid": run.pid_of("smtp")},
        "mail_dir": found["mail_dir"],
        "keys": found["keys"],
        "nea_webhook_secret": found["nea_webhook_secret"],
        "now": ProgrammeClock(state).now().isoformat(),
    }
