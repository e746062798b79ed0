"""What is wrong with a document, field by field, in words for the person who sent it."""

from dataclasses import dataclass

from pydantic import ValidationError


class UnknownType(ValueError):  # noqa: N818 - not an error of ours, but an answer to the sender
    """A `type` that this intake or this version does not know."""

    reason = "unknown_type"  # under which a record is parked, for a version that knows it

    def __init__(self, type_: str) -> None:
        super().__init__("unknown type")
        self.type = type_


@dataclass(frozen=True, slots=True)
class Fault:
    """One faulty field: its path (`data.learner.email`) and what it should be. Never what it was."""

    field: str
    reason: str


def faults(error: ValidationError, under: str = "") -> tuple[Fault, ...]:
    """List the faults that pydantic found, with paths below `under`.

    The values are left out on purpose: they may be personal data, and go into answers and logs.
    """
    found = (
        Fault(_path(under, entry["loc"]), entry["msg"])
        for entry in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return tuple(dict.fromkeys(found))


def _path(under: str, steps: tuple[int | str, ...]) -> str:
    return ".".join(filter(None, (under, *(str(step) for step in steps))))
