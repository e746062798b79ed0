"""The topics: who writes each, who reads it, by what it is keyed, and how long it is kept.

Partitions are never changed in place: a key would move to another partition and lose its order.
"""

from dataclasses import dataclass
from datetime import timedelta

PARTITIONS = 12


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic.

    `retention` None keeps records without limit. On a `sequenced` topic each record carries `sequence`,
    counted per key from 1; gaps are faults there, unless it is `compacted`: then only order is promised.
    """

    name: str
    owner: str
    readers: tuple[str, ...]
    key: str
    partitions: int = PARTITIONS
    retention: timedelta | None = None
    compacted: bool = False
    sequenced: bool = True


PORTAL = Topic(
    name="wea.portal.v1",
    owner="portal",
    readers=("enrollment", "console"),
    key="educator_id; session_id of session.scheduled and session.cancelled; kept_educator_id of merges",
    retention=timedelta(days=14),
    sequenced=False,
)
INBOX = Topic(
    name="wea.inbox.v1",
    owner="enrollment",
    readers=("enrollment", "console"),
    key="as wea.portal.v1; nea:MEMBER or email:HMAC of NEA's events",
    retention=timedelta(days=14),
    sequenced=False,
)
EDUCATORS = Topic(
    name="wea.educators.v1",
    owner="enrollment",
    readers=("clockhours", "notifications", "console"),
    key="educator_id",
    compacted=True,
)
ENROLLMENT = Topic(
    name="wea.enrollment.v1",
    owner="enrollment",
    readers=("clockhours", "notifications", "console"),
    key="educator_id",
)
SESSIONS = Topic(
    name="wea.sessions.v1",
    owner="enrollment",
    readers=("clockhours", "notifications", "console"),
    key="session_id",
)
CLOCKHOURS = Topic(
    name="wea.clockhours.v1",
    owner="clockhours",
    readers=("notifications", "console"),
    key="educator_id",
)
NOTIFICATIONS = Topic(
    name="wea.notifications.v1",
    owner="notifications",
    readers=("console",),
    key="educator_id",
    retention=timedelta(days=90),
)

ALL = (PORTAL, INBOX, EDUCATORS, ENROLLMENT, SESSIONS, CLOCKHOURS, NOTIFICATIONS)
