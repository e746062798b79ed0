"""Every published event, by its CloudEvents type."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from contracts import clockhours, enrollment, notifications, registers
from contracts.clockhours import (
    ClockHoursAwarded,
    ClockHoursHeld,
    ClockHoursReversed,
    ExceptionOpened,
    ExceptionResolved,
)
from contracts.enrollment import (
    AttendanceCorrected,
    ClockHoursRegistered,
    ClockHoursWithdrawn,
    ConflictOpened,
    ConflictResolved,
    CredentialAwarded,
    CredentialDenied,
    CredentialReturned,
    CredentialRevoked,
    CredentialSubmitted,
    EducatorErased,
    EducatorsMerged,
    EducatorsUnmerged,
    LearnerUnlinked,
    MicroCredentialRegistered,
    OrientationCompleted,
    ReservationCancelled,
    SessionReserved,
    WorkshopAttended,
)
from contracts.event import EventData
from contracts.faults import UnknownType
from contracts.notifications import NotificationFailed, NotificationSent
from contracts.registers import EducatorProfile, SessionCancelled, SessionScheduled

__all__ = [
    "MODELS",
    "AttendanceCorrected",
    "ClockHoursAwarded",
    "ClockHoursHeld",
    "ClockHoursRegistered",
    "ClockHoursReversed",
    "ClockHoursWithdrawn",
    "ConflictOpened",
    "ConflictResolved",
    "CredentialAwarded",
    "CredentialDenied",
    "CredentialReturned",
    "CredentialRevoked",
    "CredentialSubmitted",
    "EducatorErased",
    "EducatorProfile",
    "EducatorsMerged",
    "EducatorsUnmerged",
    "EventData",
    "ExceptionOpened",
    "ExceptionResolved",
    "LearnerUnlinked",
    "MicroCredentialRegistered",
    "NotificationFailed",
    "NotificationSent",
    "OrientationCompleted",
    "ReservationCancelled",
    "SessionCancelled",
    "SessionReserved",
    "SessionScheduled",
    "UnknownType",
    "WorkshopAttended",
    "read",
]

MODELS: Mapping[str, type[EventData]] = MappingProxyType(
    {model.TYPE: model for model in (*registers.MODELS, *enrollment.MODELS, *clockhours.MODELS, *notifications.MODELS)}
)


def read(type_: str, data: Any) -> EventData:
    """Read a published event's data. Raises UnknownType, or pydantic's ValidationError.

    A tombstone (an erased educator's EducatorProfile) has no data and is not for this function.
    """
    model = MODELS.get(type_)
    if model is None:
        raise UnknownType(type_)
    return model.model_validate(data)
