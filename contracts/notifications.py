"""What notifications says: which e-mail went out. Never what it said, never to which address."""

from contracts import topics
from contracts.event import EducatorData
from contracts.fields import Id, Moment


class NotificationData(EducatorData):
    """`kind` and `status` are words of notifications' own lists, which grow with its templates."""

    TOPIC = topics.NOTIFICATIONS
    message_id: Id
    kind: Id
    status: Id
    micro_credential_id: Id | None = None
    session_id: Id | None = None
    at: Moment


class NotificationSent(NotificationData):
    """The mail server took the e-mail."""


class NotificationFailed(NotificationData):
    """It did not, or nobody knows: `status` says which."""


MODELS = (NotificationSent, NotificationFailed)
