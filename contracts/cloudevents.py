"""CloudEvents 1.0 as the portal sends them: the attributes, apart from what the data says.

Structured mode is one JSON object; binary mode has the attributes in headers, `ce-` over HTTP (HTTP binding
3.1.3) and `ce_` on Kafka (Kafka binding 3.2.3). This module reads what was parsed already: no bytes, no headers
object, no broker.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import unquote_to_bytes

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from contracts.faults import Fault, faults
from contracts.fields import LINE, Contract, Moment

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
HTTP_PREFIX = "ce-"
KAFKA_PREFIX = "ce_"

QUOTED_PAIR = re.compile(r"\\(.)")

_NAME = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_PCHAR = rf"(?:{_NAME}|[:@])"
_URI_REFERENCE = re.compile(  # RFC 3986, 4.1; of an address in brackets only the characters are looked at
    r"(?:[A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#:]*:))"
    rf"(?://(?:(?:{_NAME}|:)*@)?(?:\[[0-9A-Za-z:.]+\]|{_NAME}*)(?::[0-9]*)?(?=[/?#]|$)|(?!//))"
    rf"(?:{_PCHAR}|/)*(?:\?(?:{_PCHAR}|[/?])*)?(?:\#(?:{_PCHAR}|[/?])*)?"
)
_EXTENSION = re.compile(r"[a-z0-9]{1,60}")
_JSON_TYPE = re.compile(r"[a-z]+/(?:[a-z0-9.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)


def _uri_reference(value: str) -> str:
    if _URI_REFERENCE.fullmatch(value) is None:
        raise PydanticCustomError("uri_reference", "Source should be a URI reference, such as /portal")
    return value


def _json_type(value: str) -> str:
    if _JSON_TYPE.fullmatch(value) is None:
        raise PydanticCustomError("json_type", "Type of the data should be application/json")
    return value


def _only_text(value: Any) -> Any:
    """Keep the extensions that are text and have a legal name: the others are nothing that we could pass on."""
    return {name: text for name, text in value.items() if isinstance(text, str) and _EXTENSION.fullmatch(name)}


_Attribute = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1000, pattern=LINE)]
Source = Annotated[_Attribute, AfterValidator(_uri_reference)]


class CloudEvent(Contract):
    """One event's attributes. (source, id) is its idempotency key; `data` is as it came, null if there was none."""

    specversion: Literal["1.0"]
    id: _Attribute
    source: Source
    type: _Attribute
    time: Moment
    subject: _Attribute | None = None
    datacontenttype: Annotated[_Attribute, AfterValidator(_json_type)] | None = None
    dataschema: _Attribute | None = None
    # On the wire extensions stand beside the attributes, so the schema does not show them as a field.
    extensions: SkipJsonSchema[Annotated[Mapping[str, str], BeforeValidator(_only_text)]] = Field(default_factory=dict)
    data: Any = None

    @property
    def others(self) -> dict[str, str]:
        """What the event says beside what every event of ours says: to be passed on as it came."""
        known = {name: value for name in ("subject", "dataschema") if (value := getattr(self, name)) is not None}
        return {**self.extensions, **known}


ATTRIBUTES = frozenset(CloudEvent.model_fields) - {"extensions", "data"}


class CloudEventError(ValueError):
    """Attributes that are missing or broken, each by name."""

    def __init__(self, found: tuple[Fault, ...]) -> None:
        super().__init__(", ".join(fault.field for fault in found))
        self.faults = found


def structured(document: Any) -> CloudEvent:
    """Read an event in structured mode from its parsed JSON object. Raises CloudEventError."""
    if not isinstance(document, dict):
        raise CloudEventError((Fault("event", "Event should be an object"),))
    attributes = {name: value for name, value in document.items() if name in ATTRIBUTES}
    extensions = {name: value for name, value in document.items() if name not in ATTRIBUTES and name != "data"}
    if extensions.pop("data_base64", None) is not None:
        raise CloudEventError((Fault("data_base64", "Data should be JSON, in the field data"),))
    return _event(attributes, extensions, document.get("data"))


def binary(
    headers: Iterable[tuple[str, str]], content_type: str | None, data: Any, prefix: str = HTTP_PREFIX
) -> CloudEvent:
    """Read an event in binary mode: attributes from headers, `data` from the parsed body.

    Header names are compared without case, those without the prefix are passed over. Over HTTP the values
    may be quoted, and are percent-encoded (HTTP protocol binding 3.1.3.2). Raises CloudEventError, also for an
    attribute that is there twice.
    """
    attributes: dict[str, str] = {}
    found: list[Fault] = []
    for header, value in headers:
        name = header.lower()
        if not name.startswith(prefix):
            continue
        name = name.removeprefix(prefix)
        if name in attributes:
            found.append(Fault(name, "Attribute should be there once"))
        try:
            attributes[name] = _decoded(value) if prefix == HTTP_PREFIX else value
        except UnicodeDecodeError:
            found.append(Fault(name, "Attribute should be percent-encoded UTF-8"))
    if found:
        raise CloudEventError(tuple(found))
    extensions = {name: value for name, value in attributes.items() if name not in ATTRIBUTES}
    attributes = {name: value for name, value in attributes.items() if name in ATTRIBUTES}
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    return _event(attributes, extensions, data)


def _decoded(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':  # a quoted-string (RFC 9110, section 5.6.4)
        value = QUOTED_PAIR.sub(r"\1", value[1:-1])
    if "%" not in value:
        return value
    return unquote_to_bytes(value).decode("utf-8")


def _event(attributes: Mapping[str, Any], extensions: Mapping[str, Any], data: Any) -> CloudEvent:
    try:
        return CloudEvent.model_validate({**attributes, "extensions": extensions, "data": data})
    except ValidationError as error:
        raise CloudEventError(faults(error)) from None
