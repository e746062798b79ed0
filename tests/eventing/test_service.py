"""A service that cannot start yet says which server it waits for."""

import asyncio
from functools import partial
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from eventing.clock import Clock
from eventing.mongo import Database
from eventing.service import Service, configured
from eventing.transient import TransientError
from tests.waiting import PATIENCE_SECONDS, until_true


class Starting:
    """A consumer whose first start fails, and whose next one begins `again` and goes on until it is let through."""

    stopped_because = None

    def __init__(self, error: Exception) -> None:
        self._errors, self.again, self.let_through = [error], asyncio.Event(), asyncio.Event()

    async def start(self) -> None:
        if self._errors:
            raise self._errors.pop()
        self.again.set()
        await self.let_through.wait()

    async def stop(self) -> None: ...


@pytest.mark.parametrize(
    ("error", "said"), [(TransientError("away"), "no_mongodb"), (KafkaConnectionError(), "no_kafka")]
)
async def test_the_server_that_did_not_answer_is_named_whichever_step_asked_it(
    database: Database, error: Exception, said: str
) -> None:
    consumer: Any = Starting(error)
    service = Service("toy", database, Clock(), {}, consumer)
    async with service.running():
        async with asyncio.timeout(PATIENCE_SECONDS):
            await consumer.again.wait()
        assert service.unready() == [said]
        consumer.let_through.set()
        await until_true(partial(_ready, service))


async def test_what_is_asked_over_http_waits_for_what_answers_need_and_not_for_the_consumer(
    database: Database,
) -> None:
    consumer: Any = Starting(KafkaConnectionError())
    prepared = asyncio.Event()

    async def prepare() -> None:
        await prepared.wait()

    service = Service("toy", database, Clock(), {}, consumer, prepare=(prepare,))
    async with service.running():
        await until_true(partial(_waits_for, service, "preparing"))
        assert service.unable_to_serve() == ["preparing"]
        prepared.set()
        await until_true(partial(_waits_for, service, "no_kafka"))
        assert service.unable_to_serve() == []
        consumer.let_through.set()
        await until_true(partial(_ready, service))
        consumer.stopped_because = "parking_storm"
        assert (service.unready(), service.unable_to_serve()) == (["parking_storm"], [])


async def _waits_for(service: Service, reason: str) -> bool:
    return service.unready() == [reason]


async def _ready(service: Service) -> bool:
    return not service.unready()


@pytest.mark.parametrize(("proxy", "browser"), [("172.18.0.1", "203.0.113.9"), ("198.51.100.7", "198.51.100.7")])
async def test_the_browser_behind_a_proxy_is_known_by_the_address_that_the_named_one_says(
    proxy: str, browser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "172.16.0.0/12")
    seen: list[Any] = []

    async def application(scope: Any, _: Any, __: Any) -> None:
        seen.append(scope["client"][0])

    config = configured(application, "127.0.0.1", 0)
    config.load()
    headers = [(b"x-forwarded-for", b"192.0.2.66, 203.0.113.9")]  # the first is what the browser itself made up
    await config.loaded_app({"type": "http", "scheme": "http", "client": (proxy, 1), "headers": headers}, None, None)
    assert seen == [browser]
