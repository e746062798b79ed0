"""The services that `wea` runs: a table, for wea/ imports none of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One service: `python -m MODULE`, its usual port, and its own database (none: no user either)."""

    name: str
    port: int
    module: str
    database: str
    # Collections where the service's user may find and insert, nothing else: what was written stays.
    append_only: tuple[str, ...] = ()
    # Those where it may do everything. Needed only beside append-only ones; a test compares them with the store.
    collections: tuple[str, ...] = ()


# What eventing keeps in every service's database.
EVENTING = ("positions", "lanes", "outbox", "parked", "quarantine", "leases", "audit")

CONSOLE = "console"
NOTIFICATIONS = "notifications"

SERVICES = (
    Service("enrollment", 8081, "services.enrollment", "enrollment"),
    Service(
        "clockhours",
        8082,
        "services.clockhours",
        "clockhours",
        append_only=("entries",),
        collections=(
            "educators",
            "exceptions",
            "held",
            "sessions",
            "names",
            "transcripts",
            "counters",
            "evaluations",
            *EVENTING,
        ),
    ),
    Service(NOTIFICATIONS, 8083, "services.notifications", "notifications"),
    Service(CONSOLE, 8080, "services.console", "console"),
)
