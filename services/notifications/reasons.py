"""Why a message was not sent, or not now: each code with a line of meaning, for staff and operators."""

from enum import StrEnum


class Drop(StrEnum):
    """A message that will not be sent."""

    CAUSE_GONE = "cause_gone"
    TOO_OLD = "too_old"
    ERASED = "erased"
    UNSUBSCRIBED = "unsubscribed"
    ADDRESS_SUPPRESSED = "address_suppressed"
    DAY_PASSED = "day_passed"

    @property
    def meaning(self) -> str:
        return _DROPS[self]


class Failure(StrEnum):
    """A message that the mail server will not take."""

    ADDRESS_REFUSED = "address_refused"
    ADDRESS_UNUSABLE = "address_unusable"
    CONTENT_REFUSED = "content_refused"
    NOT_TAKEN_IN_TIME = "not_taken_in_time"
    OUTCOME_UNKNOWN = "outcome_unknown"
    CANNOT_BE_WRITTEN = "cannot_be_written"

    @property
    def meaning(self) -> str:
        return _FAILURES[self]


class Task(StrEnum):
    """What staff should see to."""

    ADDRESS_REFUSED = "address_refused"
    PARKED_LANE = "parked_lane"

    @property
    def meaning(self) -> str:
        return _TASKS[self]


_DROPS = {
    Drop.CAUSE_GONE: "what it was about no longer holds",
    Drop.TOO_OLD: "it is about something older than 7 days",
    Drop.ERASED: "the educator was erased",
    Drop.UNSUBSCRIBED: "the educator does not want reminders",
    Drop.ADDRESS_SUPPRESSED: "the address was refused by its mail server before",
    Drop.DAY_PASSED: "a reminder of a day that has passed; what is still open is in the next one",
}
_FAILURES = {
    Failure.ADDRESS_REFUSED: "the mail server does not take mail for this address; nothing more is sent to it",
    Failure.ADDRESS_UNUSABLE: "the address cannot be used with this mail server",
    Failure.CONTENT_REFUSED: "the mail server refused the message itself",
    Failure.NOT_TAKEN_IN_TIME: "the mail server put it off for 48 hours",
    Failure.OUTCOME_UNKNOWN: "the connection or the process was lost after the message was handed over",
    Failure.CANNOT_BE_WRITTEN: "a fault in our own code or in a template",
}
_TASKS = {
    Task.ADDRESS_REFUSED: "an address refuses mail: ask the educator for another one",
    Task.PARKED_LANE: "records that the code could not process wait for an operator",
}
