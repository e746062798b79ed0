"""What follows from each event, worked out before the race by the service's rules: what is written by hand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid5

from bench.history import NOW, programs, told
from eventing.envelope import EVENT_IDS
from eventing.mongo import DeleteOne, InsertOne, Operation, UpdateOne
from services.clockhours import policy
from services.clockhours.accounts import HISTORY
from services.clockhours.documents import case_document, entry_document, held_document
from services.clockhours.learning import about
from services.clockhours.state import Account, Closed, Granted, Held, Opened, Outcome, Reversed
from services.clockhours.telling import event_of


@dataclass(frozen=True, slots=True)
class Followed:
    """One event: the row that it adds to a part of its educator's document, if any, and the outcomes."""

    row: tuple[str, dict[str, Any]] | None
    outcomes: "list[Consequence]"


@dataclass(frozen=True, slots=True)
class Consequence:
    """One outcome: the event to publish, the rows to write, and what it changes in the educator's document."""

    id: str
    type: str
    data: dict[str, Any]
    at: datetime
    writes: list[tuple[str, Operation]]
    changes: dict[str, Any]


def consequences(educators: int, each: int) -> dict[tuple[str, int], Followed]:
    """By educator and sequence."""
    years = programs()
    accounts: dict[str, Account] = {}
    found: dict[tuple[str, int], Followed] = {}
    for one in told(educators, each):
        known = {id: accounts[id] for id in about(one.fact) if id in accounts}
        decision = policy.decide(known, one.fact, years, NOW)
        before = {key: account.held.keys() for key, account in known.items()}
        accounts |= decision.accounts
        account = accounts.get(one.key)
        outcomes = [
            _consequence(outcome, account, one.event.id, before.get(one.key, set())) for outcome in decision.outcomes
        ]
        row = _row(known.get(one.key) or Account(one.key), account) if account else None
        found[one.key, one.event.sequence or 0] = Followed(row, outcomes)
    return found


def _row(before: Account, after: Account) -> tuple[str, dict[str, Any]] | None:
    """What is known now and was not, as it is stored."""
    for name, form in HISTORY.items():
        was, now = getattr(before, name), getattr(after, name)
        for key, value in now.items() if now is not was and name != "live" else ():
            if was.get(key) != value:
                return name, form.written(key, value)[-1]
    return None


def _consequence(outcome: Outcome, account: Account | None, cause: str, rows_before: Any) -> Consequence:
    event = event_of(outcome)
    writes: list[tuple[str, Operation]] = []
    changes: dict[str, Any] = {}
    match outcome:
        case Granted(entry) | Reversed(entry):
            writes.append(("entries", InsertOne(entry_document(entry))))
            changes["live"] = HISTORY["live"].rows(account.live) if account else []
            if entry.micro_credential_id in rows_before and entry.kind == "micro_credential":
                writes.append(("held", DeleteOne({"_id": f"{entry.educator_id}\n{entry.micro_credential_id}"})))
                changes["held"] = [held_document(row) for row in account.held.values()] if account else []
        case Held(row):
            id = f"{row.educator_id}\n{row.micro_credential_id}"
            writes.append(("held", UpdateOne({"_id": id}, {"$set": held_document(row)}, upsert=True)))
            changes["held"] = [held_document(row) for row in account.held.values()] if account else []
        case Opened(case) | Closed(case):
            document = case_document(case)
            id = document.pop("_id")
            writes.append(("exceptions", UpdateOne({"_id": id}, {"$set": document}, upsert=True)))
            changes["cases"] = [case_document(case) for case in account.cases.values()] if account else []
    id = str(uuid5(EVENT_IDS, f"{cause} {event.TYPE} {outcome!r}"))
    return Consequence(id, event.TYPE, event.model_dump(mode="json"), NOW, writes, changes)
