"""The portal's intake: what WEA's course registration site may say, over HTTP or wea.portal.v1.

Types are bare names. NEA's reviews are not among them: an award comes only with NEA's signature.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from contracts.faults import UnknownType
from contracts.fields import (
    Contract,
    Email,
    Id,
    MemberId,
    Minutes,
    Moment,
    Name,
    Names,
    OptionalName,
    OptionalText,
    OptionalUrl,
    Reason,
)
from contracts.kinds import SessionKind

__all__ = ["MODELS", "PortalData", "UnknownType", "read"]


class PortalData(Contract):
    """The data of one portal event. `TYPE` is its bare name, `KEY` the field whose value keys its record."""

    TYPE: ClassVar[str]
    KEY: ClassVar[str] = "educator_id"

    @property
    def key(self) -> str:
        """The id whose record this event belongs to, and the key on Kafka."""
        return str(getattr(self, self.KEY))


class EducatorUpdated(PortalData):
    """An educator's whole profile: an optional field that is absent is cleared."""

    TYPE = "educator.updated"
    educator_id: Id
    name: Name
    email: Email
    nea_member_id: MemberId | None = None
    certificate_number: Id | None = None
    roles: Names = ()
    district: OptionalName = None


class EducatorMerged(PortalData):
    """Two accounts are one person. An account merged with itself is taken in here and refused later, as a case."""

    TYPE = "educator.merged"
    KEY = "kept_educator_id"
    kept_educator_id: Id
    merged_educator_id: Id


class EducatorUnmerged(PortalData):
    TYPE = "educator.unmerged"
    KEY = "kept_educator_id"
    kept_educator_id: Id
    merged_educator_id: Id


class EducatorErased(PortalData):
    TYPE = "educator.erased"
    educator_id: Id


class SessionScheduled(PortalData):
    """A session as planned, whole: an optional field that is absent is cleared."""

    TYPE = "session.scheduled"
    KEY = "session_id"
    session_id: Id
    kind: SessionKind
    title: Name
    starts_at: Moment
    ends_at: Moment
    location: OptionalName = None
    registration_url: OptionalUrl = None

    @field_validator("ends_at", mode="after")
    @classmethod
    def _ends_after_it_starts(cls, ends_at: Moment, info: ValidationInfo) -> Moment:
        starts_at = info.data.get("starts_at")  # absent when it is faulty itself
        if starts_at is not None and ends_at <= starts_at:
            raise PydanticCustomError("ends_at", "A session should end after it starts")
        return ends_at


class SessionCancelled(PortalData):
    TYPE = "session.cancelled"
    KEY = "session_id"
    session_id: Id
    reason: OptionalText = None


class SessionReserved(PortalData):
    """A seat in a session, for the micro-credential that it names: never a step by itself."""

    TYPE = "session.reserved"
    educator_id: Id
    session_id: Id
    micro_credential_id: Id | None = None


class ReservationCancelled(PortalData):
    TYPE = "reservation.cancelled"
    educator_id: Id
    session_id: Id
    micro_credential_id: Id | None = None


class SessionAttended(PortalData):
    """Who was in a session, and for how many minutes. `micro_credential_id` null is as absent."""

    TYPE = "session.attended"
    educator_id: Id
    session_id: Id
    kind: SessionKind
    minutes: Minutes
    ended_at: Moment
    micro_credential_id: Id | None = None


class AttendanceCorrected(PortalData):
    """The one thing that changes an attendance. 0 minutes revoke it."""

    TYPE = "attendance.corrected"
    educator_id: Id
    session_id: Id
    minutes: Minutes
    micro_credential_id: Id | None = Field(
        default=None,
        description="Absent: leave it as it is. Null: name none, and let the reservation not apply.",
    )
    reason: Reason

    @property
    def names_micro_credential(self) -> bool:
        """Whether the field is there at all: null clears the micro-credential, absent leaves it."""
        return "micro_credential_id" in self.model_fields_set


class MicroCredentialRegistered(PortalData):
    """Registered with NEA, as the portal was told; NEA's own word of it is a webhook."""

    TYPE = "micro_credential.registered"
    educator_id: Id
    micro_credential_id: Id
    registered_at: Moment


class ClockHoursRegistered(PortalData):
    TYPE = "clock_hours.registered"
    educator_id: Id
    micro_credential_id: Id
    registered_at: Moment


class ClockHoursWithdrawn(PortalData):
    TYPE = "clock_hours.withdrawn"
    educator_id: Id
    micro_credential_id: Id
    withdrawn_at: Moment
    reason: Reason


MODELS: Mapping[str, type[PortalData]] = MappingProxyType(
    {
        model.TYPE: model
        for model in (
            EducatorUpdated,
            EducatorMerged,
            EducatorUnmerged,
            EducatorErased,
            SessionScheduled,
            SessionCancelled,
            SessionReserved,
            ReservationCancelled,
            SessionAttended,
            AttendanceCorrected,
            MicroCredentialRegistered,
            ClockHoursRegistered,
            ClockHoursWithdrawn,
        )
    }
)


def read(type_: str, data: Any) -> PortalData:
    """Read one event's data by its bare type.

    Raises UnknownType, or pydantic's ValidationError with the path of every faulty field.
    """
    model = MODELS.get(type_)
    if model is None:
        raise UnknownType(type_)
    return model.model_validate(data)
