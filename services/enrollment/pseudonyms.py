"""Names for people that say nothing of them: keyed digests of member ids and e-mail addresses."""

import hmac

from contracts import nea
from services.enrollment.state import intake_key, normal_email


class Pseudonyms:
    """Keyed with the installation's secret, so that a list of addresses cannot be tried against them."""

    def __init__(self, secret: str) -> None:
        self._keyed = hmac.new(secret.encode(), digestmod="sha256")

    def of(self, identity: str) -> str:
        keyed = self._keyed.copy()
        keyed.update(identity.encode())
        return keyed.hexdigest()[:32]

    def learner_id(self, learner: nea.Learner) -> str:
        """One of NEA's learners: by member id, or by address where NEA gives no member id."""
        return self.of(_identity(learner))

    def intake_key(self, learner: nea.Learner) -> str:
        """The key of NEA's events on the inbox: never by a lookup, so that a learner's events keep their order."""
        return intake_key(self.learner_id(learner), learner.nea_member_id)


def _identity(learner: nea.Learner) -> str:
    if learner.nea_member_id is not None:
        return f"nea:{learner.nea_member_id}"
    return f"email:{normal_email(learner.email or '')}"
