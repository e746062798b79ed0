"""A running system as the outside world meets it: signed webhooks, portal events, and reading over HTTP.

httpx is imported where something is sent: it takes longer to import than all the rest of the command line.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import orjson

from eventing.clock import system_now
from wea.errors import UserError

if TYPE_CHECKING:
    import httpx
    from tenacity import Retrying

TIMEOUT_SECONDS = 15.0
SLOW = {"/admin/books": 120.0}  # the first page looks for what is gone among all keys
PROBE_SECONDS = 2.0
BUSY = frozenset({429, 503})
MOST_A_PAGE = 1000


class NoAnswerError(UserError):
    """A service is away, or too busy, for longer than we are patient."""

    def __init__(self, service: str, said: str) -> None:
        super().__init__(said)
        self.service = service


def path(*parts: str) -> str:
    """A URL path of these parts, whatever characters an id has."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def key_of(keys: Mapping[str, str], role: str) -> str:
    """Raises UserError where there is none: WEA_KEYS need not have them all."""
    if role not in keys:
        raise UserError(f"WEA_KEYS has no {role}'s key: write {role}=KEY.")
    return keys[role]


@dataclass(frozen=True)
class System:
    """What `wea status --json` says, and a client to go with it."""

    status: Mapping[str, Any]
    client: "httpx.Client"
    patience_seconds: float = 90.0  # a service that was killed starts again in seconds; on a busy machine, in more

    def url(self, service: str) -> str:
        if service not in self.status["services"]:
            raise UserError(f"there is no address of {service}: WEA_URLS is SERVICE=URL,SERVICE=URL.")
        return cast(str, self.status["services"][service]["url"])

    def key(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key_of(self.status['keys'], role)}"}

    def unready(self, service: str) -> str | None:
        """Why a service is not ready, None where it is: as it stands, so asked once."""
        import httpx

        try:
            response = self.client.get(self.url(service) + "/health/ready", timeout=PROBE_SECONDS)
        except httpx.HTTPError as error:
            return f"it does not answer ({type(error).__name__})"
        if response.is_success:
            return None
        is_json = "json" in response.headers.get("content-type", "")
        reasons = orjson.loads(response.content).get("reasons", ()) if is_json else ()
        return ", ".join(reasons) or f"the answer was {response.status_code}"

    def get(self, service: str, path: str, role: str = "staff", **query: Any) -> Any:
        """What a GET answers. Raises UserError for anything but 2xx."""
        params = {name: value for name, value in query.items() if value is not None}
        return _content(self._send("GET", service, path, headers=self.key(role), params=params))

    def find(self, service: str, path: str, role: str = "staff") -> Any:
        """What a GET answers; None for 404."""
        response = self._send("GET", service, path, headers=self.key(role))
        return None if response.status_code == HTTPStatus.NOT_FOUND else _content(response)

    def post(self, service: str, path: str, body: Mapping[str, Any], role: str = "staff") -> Any:
        """What a POST answers. Raises UserError for anything but 2xx."""
        return _content(self._send("POST", service, path, headers=self.key(role), content=orjson.dumps(body)))

    def items(self, service: str, path: str, role: str = "staff", **query: Any) -> Iterator[Any]:
        """Every item of a list, page by page."""
        after: str | None = None
        while True:
            page = self.get(service, path, role, limit=MOST_A_PAGE, after=after, **query)
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def portal(self, *events: Mapping[str, Any], role: str = "portal") -> None:
        """Send CloudEvents as one batch, as the portal does."""
        headers = {**self.key(role), "content-type": "application/cloudevents-batch+json"}
        _content(self._send("POST", "enrollment", "/portal/events", headers=headers, content=orjson.dumps(events)))

    def nea(self, webhook_id: str, body: Mapping[str, Any]) -> None:
        """Send a webhook, signed, as NEA does."""
        from standardwebhooks.webhooks import Webhook

        if "nea_webhook_secret" not in self.status:
            raise UserError("set WEA_NEA_SECRETS: what NEA says is signed.")
        content = orjson.dumps(body)
        now = system_now()
        signature = Webhook(self.status["nea_webhook_secret"]).sign(webhook_id, now, content.decode())
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
            "content-type": "application/json",
        }
        _content(self._send("POST", "enrollment", "/webhooks/nea", headers=headers, content=content))

    def _send(self, method: str, service: str, path: str, **request: Any) -> "httpx.Response":
        """Send, and again while the service is away: everything here is safe to repeat, and a restart takes seconds."""
        import httpx

        request["headers"] = {"content-type": "application/json", **request["headers"]}
        request["timeout"] = SLOW.get(path, TIMEOUT_SECONDS)
        try:
            return self._patiently(self._once, method, self.url(service) + path, **request)
        except httpx.HTTPStatusError as busy:
            said = f"answers {busy.response.status_code} again and again"
            raise NoAnswerError(service, f"{service} at {self.url(service)} {said}.") from busy
        except httpx.HTTPError as error:
            said = f"does not answer ({type(error).__name__})"
            raise NoAnswerError(service, f"{service} at {self.url(service)} {said}.") from error

    def _once(self, method: str, url: str, **request: Any) -> "httpx.Response":
        response = self.client.request(method, url, **request)
        if response.status_code in BUSY:
            response.raise_for_status()
        return response

    @property
    def _patiently(self) -> "Retrying":
        import httpx
        from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

        return Retrying(
            retry=retry_if_exception_type(httpx.HTTPError),
            wait=wait_random_exponential(multiplier=0.1, max=2.0),
            stop=stop_after_delay(self.patience_seconds),
            reraise=True,
        )


def _content(response: "httpx.Response") -> Any:
    if response.is_success:
        is_json = "json" in response.headers.get("content-type", "")
        return orjson.loads(response.content) if is_json and response.content else response.content
    told = response.json() if "json" in response.headers.get("content-type", "") else {}
    fields = "; ".join(f"{e.get('field')}: {e.get('reason')}" for e in told.get("errors", ()) if isinstance(e, dict))
    why = " ".join(filter(None, (told.get("detail") or told.get("title"), fields)))
    asked = f"{response.status_code} for {response.request.method} {response.request.url.path}"
    raise UserError(f"{why} ({asked})" if why else f"the answer was {asked}.")


@contextmanager
def connected(status: Mapping[str, Any]) -> Iterator[System]:
    """The running system that this status describes."""
    import httpx

    with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
        yield System(status, client)
