"""Why a record is parked or quarantined: codes and places, never texts that could carry personal data."""

import traceback
from dataclasses import dataclass
from typing import Any, cast

from eventing.transient import RefusedError


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` is for programs, `detail` for whoever looks into it."""

    code: str
    detail: str = ""


BEHIND = Reason("behind")  # an earlier record of its key is parked
GAP = "sequence_gap"  # a record of its key is missing; the detail is the topic and the sequence that is next
REFUSED = "write_refused"  # MongoDB refuses what it leads to, now and later
INVALID = "invalid"  # its data are none that our models take; the detail names the fields
DELETED_UNREAD = "deleted_unread"  # Kafka has deleted these records before we read them; the detail is their offsets
BUG = "bug"  # our code fails; the detail is the place


def why(error: Exception) -> Reason:
    """What an error is as a reason: that which it names itself, else one of the above."""
    code = getattr(error, "reason", None)
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno} {frames[-1].name}" if frames else ""
    if isinstance(error, RefusedError):
        return Reason(REFUSED, str(error))  # codes of MongoDB's
    if isinstance(code, str):
        return Reason(code, place)
    errors = getattr(error, "errors", None)
    if callable(errors):  # pydantic: which fields, and why, without the input
        faults = cast(list[dict[str, Any]], errors())
        named = "; ".join(f"{'.'.join(str(part) for part in f['loc'])}: {f['type']}" for f in faults[:5])
        return Reason(INVALID, named)
    return Reason(BUG, f"{type(error).__name__} at {place}")
