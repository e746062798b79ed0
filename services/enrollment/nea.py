"""NEA's signature on a webhook, by the Standard Webhooks specification 1.0.

    signed = HMAC-SHA256(secret, "{webhook-id}.{webhook-timestamp}.{body}"), sent as "v1,BASE64", several by spaces

Judged over bytes, as they came. The specification's own library is not used: it signs texts only, and on bad input it
leaks errors of JSON, base64 and Unicode.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping

TOLERANCE_SECONDS = 5 * 60
PREFIX = "whsec_"


class Signatures:
    """The secrets that are valid now: several at once while one replaces another."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Raises ValueError for what is no whsec_BASE64."""
        self._secrets = tuple(hmac.new(_decoded(secret), digestmod="sha256") for secret in secrets)

    def authentic(self, headers: Mapping[str, str], body: bytes, now: float) -> bool:
        """Whether one of the secrets signed this, within the tolerance. `now`: seconds of system time."""
        id_, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not id_ or not (moment.isascii() and moment.isdecimal() and len(moment) < 16):
            return False
        if abs(now - int(moment)) > TOLERANCE_SECONDS:
            return False
        content = b".".join((id_.encode("latin-1"), moment.encode(), body))
        known = [sign(secret, content) for secret in self._secrets]
        given = [part[3:] for part in headers.get("webhook-signature", "").split(" ") if part.startswith("v1,")]
        same = [hmac.compare_digest(ours, theirs.encode("latin-1")) for ours in known for theirs in given[:20]]
        return any(same)  # after every pair was compared, each in constant time


def sign(secret: hmac.HMAC, content: bytes) -> bytes:
    signing = secret.copy()  # half of what it takes to key anew
    signing.update(content)
    return b64encode(signing.digest())


def _decoded(secret: str) -> bytes:
    key = b64decode(secret.removeprefix(PREFIX), validate=True)
    if not secret.startswith(PREFIX) or not key:  # with an empty key anyone could sign
        raise ValueError("a webhook secret is whsec_ and base64")
    return key
