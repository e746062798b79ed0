"""NEA's webhooks: what the body of an authentic request may say.

The signature is judged before this; what cannot be read here is quarantined, never answered with an error.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from contracts import strict_json
from contracts.faults import Fault, UnknownType, faults
from contracts.fields import Attempt, Contract, Id, LearnerAddress, MemberId, Moment, OptionalText, OptionalUrl
from contracts.kinds import Decision

SOURCE = "/webhooks/nea"


class Learner(Contract):
    """Whom NEA means: a member id, an address, or both. Which educator that is, enrollment finds out."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["nea_member_id"]}, {"required": ["email"]}]},
    )
    nea_member_id: MemberId | None = None
    email: LearnerAddress = None

    @model_validator(mode="after")
    def _is_someone(self) -> "Learner":
        if self.nea_member_id is None and self.email is None:
            raise PydanticCustomError("learner", "Learner should have nea_member_id or email")
        return self


class NeaData(Contract):
    """What one webhook says of one learner and one micro-credential. `TYPE` is its bare name."""

    TYPE: ClassVar[str]
    learner: Learner
    micro_credential_id: Id


class Registered(NeaData):
    TYPE = "micro_credential.registered"
    registered_at: Moment


class Submitted(NeaData):
    """One attempt of a submission, counted from 1."""

    TYPE = "micro_credential.submitted"
    submission_id: Id
    attempt: Attempt
    submitted_at: Moment


class Reviewed(NeaData):
    """The reviewers' decision on one attempt."""

    TYPE = "micro_credential.reviewed"
    submission_id: Id
    attempt: Attempt
    decision: Decision
    decided_at: Moment
    credential_url: OptionalUrl = None


class Revoked(NeaData):
    TYPE = "micro_credential.revoked"
    revoked_at: Moment
    reason: OptionalText = None


MODELS: Mapping[str, type[NeaData]] = MappingProxyType(
    {model.TYPE: model for model in (Registered, Submitted, Reviewed, Revoked)}
)


class RegisteredWebhook(Contract):
    type: Literal["micro_credential.registered"]
    timestamp: Moment
    data: Registered


class SubmittedWebhook(Contract):
    type: Literal["micro_credential.submitted"]
    timestamp: Moment
    data: Submitted


class ReviewedWebhook(Contract):
    type: Literal["micro_credential.reviewed"]
    timestamp: Moment
    data: Reviewed


class RevokedWebhook(Contract):
    type: Literal["micro_credential.revoked"]
    timestamp: Moment
    data: Revoked


Webhook = RegisteredWebhook | SubmittedWebhook | ReviewedWebhook | RevokedWebhook
WEBHOOK: TypeAdapter[Webhook] = TypeAdapter(Annotated[Webhook, Field(discriminator="type")])


class Unusable(ValueError):  # noqa: N818 - not an error of ours, but a verdict on the body
    """A body that cannot be used. `reason` is strict_json's, or `unknown_type`, or `wrong_shape` with fields."""

    def __init__(self, reason: str, fields: tuple[Fault, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fields = fields


def read(body: bytes) -> Webhook:
    """Read a webhook's body. Raises Unusable, and nothing else."""
    try:
        document = strict_json.loads(body)
    except strict_json.StrictJsonError as refused:
        raise Unusable(refused.reason.value) from None
    try:
        return WEBHOOK.validate_python(document)
    except ValidationError as error:
        raise _unusable(document, error) from None


def _unusable(document: Any, error: ValidationError) -> Unusable:
    if not isinstance(document, dict):
        return Unusable("wrong_shape", (Fault("body", "Body should be an object"),))
    type_ = document.get("type")
    if not isinstance(type_, str):
        return Unusable("wrong_shape", (Fault("type", "Type should be a text"),))
    if type_ not in MODELS:
        return Unusable("unknown_type", (Fault("type", "Type should be one that this intake knows"),))
    # The chosen branch of the union leads each path: it is the type again, not a field.
    found = (Fault(fault.field.removeprefix(f"{type_}."), fault.reason) for fault in faults(error))
    return Unusable("wrong_shape", tuple(found))


def read_data(type_: str, data: Any) -> NeaData:
    """Read the data of a webhook that was accepted and comes back by wea.inbox.v1.

    Raises UnknownType, or pydantic's ValidationError.
    """
    model = MODELS.get(type_)
    if model is None:
        raise UnknownType(type_)
    return model.model_validate(data)
