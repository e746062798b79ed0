"""What enrollment publishes whole, newest version only: profiles (compacted) and sessions."""

from typing import ClassVar

from contracts import topics
from contracts.event import EducatorData, EventData
from contracts.fields import Id, Moment, Name, Names, OptionalName, OptionalText, OptionalUrl
from contracts.kinds import SessionKind


class EducatorProfile(EducatorData):
    """Who an educator is: the only published event with personal data. Erasure is a tombstone (no data)."""

    TOPIC = topics.EDUCATORS
    name: Name
    email: Name
    nea_member_id: Id | None = None
    certificate_number: Id | None = None
    roles: Names = ()
    district: OptionalName = None


class SessionData(EventData):
    TOPIC = topics.SESSIONS
    KEY: ClassVar[str] = "session_id"
    session_id: Id


class SessionScheduled(SessionData):
    """A session as planned, whole."""

    kind: SessionKind
    title: Name
    starts_at: Moment
    ends_at: Moment
    location: OptionalName = None
    registration_url: OptionalUrl = None


class SessionCancelled(SessionData):
    """It does not take place: attendance at it earns nothing."""

    reason: OptionalText = None


MODELS = (EducatorProfile, SessionScheduled, SessionCancelled)
