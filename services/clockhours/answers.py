"""The forms of what this service answers over HTTP. An optional field that says nothing is null."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from contracts.kinds import EntryKind, ExceptionKind, ExceptionStatus, MissingStep


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class EntryView(Answer):
    """One ledger entry. A reversal has minus the minutes of the entry that it `reverses`."""

    entry_id: str
    kind: EntryKind
    minutes: int
    micro_credential_id: str | None
    session_id: str | None
    designations: tuple[str, ...] = Field(description="Empty on orientation and workshop entries")
    completed_at: datetime
    registered_at: datetime | None = Field(description="On micro_credential entries only")
    granted_at: datetime
    reverses: str | None
    program_year: str


class HeldView(Answer):
    """Hours that are not due yet, and what they wait for."""

    micro_credential_id: str
    minutes: int
    missing: tuple[MissingStep, ...]


class ExceptionView(Answer):
    """A case for staff."""

    exception_id: str
    kind: ExceptionKind
    educator_id: str | None
    micro_credential_id: str | None
    session_id: str | None
    submission_id: str | None
    attempt: int | None
    status: ExceptionStatus
    opened_at: datetime
    by: str | None
    reason: str | None


class RenewalView(Answer):
    """What a certificate renewal asks of a designation, and what is there."""

    designation: str
    required_minutes: int
    earned_minutes: int


class ClockHoursView(Answer):
    """An educator's clock hours. Asked by a merged id it is the kept educator's."""

    educator_id: str
    orientation_completed_at: datetime | None
    total_minutes: int = Field(description="The sum of the entries")
    by_designation: dict[str, int] = Field(description="Minutes; an entry with two counts in full under each")
    renewal: tuple[RenewalView, ...]
    entries: tuple[EntryView, ...] = Field(description="In granting order")
    held: tuple[HeldView, ...]
    exceptions: tuple[ExceptionView, ...] = Field(description="Open, accepted and dismissed ones")


class ExceptionsPage(Answer):
    items: tuple[ExceptionView, ...]
    next: str | None


class ContactView(Answer):
    name: str
    email: str | None
    url: str | None


class TranscriptEntry(Answer):
    """A line of a transcript: an entry that was not reversed."""

    entry_id: str
    kind: EntryKind
    title: str
    micro_credential_id: str | None
    session_id: str | None
    completed_at: datetime
    completed_on: str = Field(description="The local date of completion")
    minutes: int
    hours: str = Field(description="Clock hours of 60 minutes, such as 1.5")
    designations: tuple[str, ...]


class TranscriptView(Answer):
    """A transcript as issued. A changed record gets a new number, which names the one that it replaces."""

    number: str
    issued_at: datetime
    replaces: str | None
    educator_id: str
    name: str | None
    certificate_number: str | None
    entries: tuple[TranscriptEntry, ...]
    total_minutes: int
    total_hours: str
    provider: str
    contact: ContactView


class Book(Answer):
    """Something in the books that does not add up."""

    educator_id: str | None
    problem: str
    about: str


class BooksView(Answer):
    """What the books say. `problems` is empty when they are right."""

    educators: int
    entries: int
    total_minutes: int
    problems: tuple[Book, ...]
    next: str | None = Field(description="Go on from here; null when all educators were looked at")
