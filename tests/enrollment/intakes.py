"""Both intakes as they stand in the service, on a real mongod, asked over ASGI."""

import base64
import hmac
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx
import orjson

from eventing.bodies import Receive, Scope, Send
from eventing.http import Keys
from eventing.mongo import Database
from services.enrollment.intake import Intake
from services.enrollment.nea import Signatures
from services.enrollment.portal_events import PortalEvents
from services.enrollment.rates import Rates
from services.enrollment.receiving import Door
from services.enrollment.webhooks import Webhooks
from tests.enrollment.builders import PSEUDONYMS, Said

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_" + base64.b64encode(b"the one before").decode()
KEYS = "portal=pk,staff=sk,operator=ok"


@dataclass
class Doors:
    """The two intakes. `rates` counts by a clock that stands, so that a test spends what it has."""

    database: Database
    intake: Intake

    def __post_init__(self) -> None:
        self.rate = Rates(200, lambda: 0.0)
        self.portal = Door("portal", PortalEvents(Keys(KEYS), self.rate, self.intake).accept)
        signatures = Signatures([SECRET, OLD_SECRET])
        self.nea_rate = Rates(2000, lambda: 0.0)
        self.nea = Door("nea", Webhooks(signatures, self.nea_rate, PSEUDONYMS, self.intake).accept)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.portal if scope["path"] == "/portal/events" else self.nea)(scope, receive, send)

    async def post(self, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self)
        async with httpx.AsyncClient(transport=transport, base_url="http://enrollment") as client:
            return await client.post(path, content=content, headers=headers)

    async def structured(self, event: Any, key: str | None = "pk", **headers: str) -> httpx.Response:
        return await self.raw(orjson.dumps(event), key, "application/cloudevents+json", **headers)

    async def batch(self, *events: Any) -> httpx.Response:
        return await self.raw(orjson.dumps(events), "pk", "application/cloudevents-batch+json")

    async def binary(self, fact: Said, **changed: str) -> httpx.Response:
        attributes = {name: str(value) for name, value in fact.cloudevent.items() if name not in _NOT_ATTRIBUTES}
        headers = {f"ce-{name}": value for name, value in attributes.items()} | changed
        return await self.raw(orjson.dumps(fact.data), "pk", headers.pop("content_type", "application/json"), **headers)

    async def raw(
        self, body: bytes, key: str | None = "pk", content_type: str | None = None, **headers: str
    ) -> httpx.Response:
        sent = dict(headers)
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        if content_type is not None:
            sent["Content-Type"] = content_type
        return await self.post("/portal/events", body, sent)

    async def webhook(
        self,
        body: bytes | Said,
        id_: str = "msg_1",
        *,
        secret: str = SECRET,
        age: float = 0,
        signature: str | None = None,
        leave_out: str = "",
    ) -> httpx.Response:
        content = orjson.dumps(body.webhook) if isinstance(body, Said) else body
        moment = str(int(time.time() - age))
        headers = {
            "webhook-id": id_,
            "webhook-timestamp": moment,
            "webhook-signature": signature or signed(secret, id_, moment, content),
            "content-type": "application/json",
        }
        headers.pop(leave_out, None)
        return await self.post("/webhooks/nea", content, headers)

    async def claims(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self.database["intake"].find({}).sort("order", 1).to_list(None)
        return rows

    async def quarantine(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self.database["quarantine"].find({}).to_list(None)
        return rows


_NOT_ATTRIBUTES = ("data", "datacontenttype")


def signed(secret: str, id_: str, moment: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{id_}.{moment}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, sha256).digest()).decode()
