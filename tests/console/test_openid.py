"""Sign-in by OpenID Connect, against a provider that we play ourselves."""

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from services.console.oidc import OpenId
from services.console.settings import Settings
from services.console.signin import OpenIdError
from services.console.state import Role

ISSUER = "https://login.example.org"
SETTINGS = Settings(
    oidc_issuer=ISSUER,
    oidc_client_id="console",
    oidc_client_secret="kept",  # type: ignore[arg-type]
    console_url="https://console.example.org",
)
KEY = RSAKey.generate_key(2048, parameters={"kid": "k1"})


@dataclass
class Provider:
    """A provider of OpenID Connect. `changes` makes it a bad one."""

    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey | OctKey = field(default_factory=lambda: KEY)
    algorithm: str = "RS256"
    challenge: str = ""
    nonce: str = ""
    issuer: str = ISSUER

    def visited(self, address: str) -> str:
        """The browser was sent here: the person agrees. Returns the state to come back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["redirect_uri"] == "https://console.example.org/sign-in/openid/back"
        assert asked["code_challenge_method"] == "S256"
        self.challenge, self.nonce = asked["code_challenge"], asked["nonce"]
        return asked["state"]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        match request.url.path:
            case "/.well-known/openid-configuration":
                names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
                return httpx2.Response(
                    200, json={"issuer": self.issuer, **{name: f"{ISSUER}/{name}" for name in names}}
                )
            case "/jwks_uri":
                return httpx2.Response(200, json={"keys": [KEY.as_dict(private=False)]})
            case _:
                form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
                if form.get("code") != "good" or create_s256_code_challenge(form["code_verifier"]) != self.challenge:
                    return httpx2.Response(400, json={"error": "invalid_grant"})
                return httpx2.Response(
                    200, json={"access_token": "a", "token_type": "Bearer", "id_token": self.token()}
                )

    def token(self) -> str:
        claims = {
            "iss": self.issuer, "aud": "console", "sub": "u-1", "exp": int(time.time()) + 300, "nonce": self.nonce,
            "preferred_username": "rosa", "name": "Rosa Marín", "groups": ["staff", "choir"], **self.claims,
        }  # fmt: skip
        return jwt.encode({"alg": self.algorithm, "kid": "k1"}, claims, self.key)


def client(provider: Provider) -> OpenId:
    return OpenId(SETTINGS, httpx2.MockTransport(provider))


async def test_whom_the_provider_vouches_for_is_signed_in_with_the_roles_of_the_claim() -> None:
    provider = Provider()
    openid = client(provider)
    address, begun = await openid.begin("/parked")
    who, goes_to = await openid.finish({"code": "good", "state": provider.visited(address)}, begun)
    assert (who.name, who.full_name, who.roles, goes_to) == ("rosa", "Rosa Marín", frozenset({Role.STAFF}), "/parked")


async def test_a_provider_whose_name_ends_with_a_slash_is_known_by_it() -> None:
    """Its tokens say it as its own document does, and several of the usual ones have one there."""
    provider = Provider(issuer=f"{ISSUER}/")
    openid = client(provider)
    address, begun = await openid.begin("/")
    who, _ = await openid.finish({"code": "good", "state": provider.visited(address)}, begun)
    assert who.name == "rosa"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"groups": ["choir"]},
        {"groups": None},
    ],
    ids=["nonce", "audience", "issuer", "expired", "no role of ours", "no roles"],
)
async def test_a_token_that_is_not_for_us_signs_nobody_in(claims: dict[str, Any]) -> None:
    provider = Provider(claims)
    openid = client(provider)
    address, begun = await openid.begin("/")
    with pytest.raises(OpenIdError):
        await openid.finish({"code": "good", "state": provider.visited(address)}, begun)


async def test_a_token_signed_by_a_shared_secret_or_another_key_signs_nobody_in() -> None:
    for provider in (
        Provider(key=OctKey.import_key("a shared secret of many letters"), algorithm="HS256"),
        Provider(key=RSAKey.generate_key(2048, parameters={"kid": "k1"})),
    ):
        openid = client(provider)
        address, begun = await openid.begin("/")
        with pytest.raises(OpenIdError):
            await openid.finish({"code": "good", "state": provider.visited(address)}, begun)


async def test_an_answer_to_another_browsers_question_signs_nobody_in() -> None:
    provider = Provider()
    openid = client(provider)
    address, begun = await openid.begin("/")
    provider.visited(address)
    for answer, kept in (
        ({"code": "good", "state": "guessed"}, begun),
        ({"code": "good", "state": begun.state}, None),
        ({"state": begun.state}, begun),
        ({"code": "bad", "state": begun.state}, begun),
    ):
        with pytest.raises(OpenIdError):
            await openid.finish(answer, kept)


async def test_a_provider_that_does_not_answer_is_said_so() -> None:
    def down(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("down")

    with pytest.raises(OpenIdError) as refused:
        await OpenId(SETTINGS, httpx2.MockTransport(down)).begin("/")
    assert "does not answer" in refused.value.sentence
