"""The services that `wea` runs: a table, for wea/ imports none of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Indexes = tuple[tuple[tuple[str, ...], Mapping[str, Any]], ...]
"""Of each index its fields, ascending, and MongoDB's options."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service: `python -m MODULE`, its usual port, and its own database (none: no user either)."""

    name: str
    port: int
    module: str
    database: str
    # Collections where the service's user may find and insert, nothing else: what was written stays. Their indexes are
    # made for it, since whoever may make one may have documents expire by it; a test compares them with the store.
    append_only: Mapping[str, Indexes] = field(default_factory=dict)
    # Those where it may do everything. Needed only beside append-only ones; a test compares them with the store.
    collections: tuple[str, ...] = ()


# What eventing keeps in every service's database.
EVENTING = ("positions", "lanes", "outbox", "parked", "quarantine", "leases", "audit")

CONSOLE = "console"
NOTIFICATIONS = "notifications"

LEDGER: Indexes = (
    (
        ("educator_id", "kind", "subject", "generation"),
        {"unique": True, "partialFilterExpression": {"generation": {"$exists": True}}},
    ),
    (("reverses",), {"unique": True, "partialFilterExpression": {"reverses": {"$exists": True}}}),
    (("educator_id",), {}),
    (("program_year", "granted_at", "ordinal", "_id"), {}),
)

SERVICES = (
    Service("enrollment", 8081, "services.enrollment", "enrollment"),
    Service(
        "clockhours",
        8082,
        "services.clockhours",
        "clockhours",
        append_only={"entries": LEDGER},
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
