"""Sign-in by OpenID Connect with a provider that is a server of its own: every step is HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventing.mongo import Database
from services.console.settings import Settings
from services.console.signin import Users
from tests.console.conftest import KEYS, Browser, World
from tests.console.openid_provider import CLIENT, SECRET, Provider, fresh_key, openid_provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with openid_provider() as one:
        yield one


@pytest.fixture
def console(database: Database, users_file: Path, provider: Provider) -> World:
    settings = Settings(
        keys=KEYS,  # type: ignore[arg-type]
        secret="a secret of tests",  # type: ignore[arg-type]
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,  # type: ignore[arg-type]
        console_url="http://console",
    )
    return World(database, settings, Users(users_file))


@pytest.fixture
async def outside() -> AsyncIterator[httpx.AsyncClient]:
    """The same browser, on the provider's pages."""
    async with httpx.AsyncClient() as client:
        yield client


async def agreed(browser: Browser, outside: httpx.AsyncClient, goes_to: str = "/streams") -> str:
    """Choose to sign in with the organization, and agree there. The address on which the browser comes back."""
    sent = await browser.get("/sign-in/openid", params={"next": goes_to})
    assert sent.status_code in (302, 303)
    answer = await outside.get(sent.headers["location"])
    assert answer.status_code == 302
    return answer.headers["location"]


async def test_discovery_code_token_and_keys_sign_a_person_in_and_once(
    console: World, provider: Provider, outside: httpx.AsyncClient
) -> None:
    browser = console.browser()
    assert "Sign in with your organization" in (await browser.get("/sign-in")).text
    back = await agreed(browser, outside)
    answer = await browser.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/streams")
    page = await browser.get("/streams")
    assert page.status_code == 200
    assert "Rosa Marín" in page.text
    assert provider.asked == [
        "/.well-known/openid-configuration",
        "/authorization_endpoint",
        "/token_endpoint",
        "/jwks_uri",
    ]
    [noted] = await console.audit()
    assert (noted["who"], noted["action"], noted["reason"]) == ("person:rosa", "sign-in", "openid")
    # The same answer once more, as from a browser's history or a thief's log.
    assert (await console.browser().get(back)).headers.get("location") != "/streams"


@pytest.mark.parametrize("fault", ["nonce", "signature", "audience", "issuer", "expired", "no role"])
async def test_what_a_bad_provider_answers_signs_nobody_in(
    console: World, provider: Provider, outside: httpx.AsyncClient, fault: str
) -> None:
    bad: dict[str, dict[str, Any]] = {
        "nonce": {"nonce": "another"}, "audience": {"aud": "another"}, "issuer": {"iss": "https://evil.example"},
        "expired": {"exp": 1}, "no role": {"groups": ["choir"]},
    }  # fmt: skip
    provider.claims = bad.get(fault, {})
    if fault == "signature":
        provider.signing = fresh_key()
    browser = console.browser()
    answer = await browser.get(await agreed(browser, outside))
    assert answer.headers.get("location") != "/streams"
    assert (await browser.get("/streams")).status_code == 303


async def test_an_answer_that_another_browser_brings_signs_nobody_in(
    console: World, outside: httpx.AsyncClient
) -> None:
    back = await agreed(console.browser(), outside)
    thief = console.browser()
    assert (await thief.get(back)).headers.get("location") != "/streams"
    assert (await thief.get("/streams")).status_code == 303


async def test_a_provider_that_is_away_is_said_on_the_sign_in_page(console: World) -> None:
    console.settings = console.settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:1"})
    console.__post_init__()
    answer = await console.browser().get("/sign-in/openid")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert "Sign in with your organization" in answer.text


async def test_a_state_that_is_no_ascii_signs_nobody_in(console: World) -> None:
    browser = console.browser()
    await browser.get("/sign-in/openid")
    assert (await browser.get("/sign-in/openid/back", params={"state": "é", "code": "x"})).status_code == 403
