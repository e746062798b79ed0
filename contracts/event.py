"""What every published event's data has in common."""

from typing import Any, ClassVar

from contracts.fields import Contract, Id
from contracts.topics import Topic

NAMESPACE = "org.washingtonea"


class EventData(Contract):
    """The data of one published event. Its class name is the event's name, said only there.

    `TYPE` is the CloudEvents type; `TOPIC` where it is published; `KEY` the field whose value is the record's key.
    """

    TYPE: ClassVar[str]
    TOPIC: ClassVar[Topic]
    KEY: ClassVar[str] = "educator_id"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.TYPE = f"{NAMESPACE}.{cls.__name__}.v1"

    @property
    def key(self) -> str:
        """The record's key: the id under which the fact came."""
        return str(getattr(self, self.KEY))


class EducatorData(EventData):
    """Data that is about one educator, by own id: a merge never rewrites it."""

    educator_id: Id
