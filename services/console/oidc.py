"""Sign-in by OpenID Connect: authorization code with PKCE, state and nonce, by Authlib.

Imported only where it is configured: its libraries take 50 ms to import.
"""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.console.settings import Settings
from services.console.signin import OpenIdError, roles_of
from services.console.state import Begun, Who

SECONDS = 10.0
LEEWAY_SECONDS = 60
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]  # never none, never a shared secret


class OpenId:
    """One provider, found by its issuer's well-known document."""

    def __init__(self, settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._client_id = settings.oidc_client_id
        self._roles_claim = settings.oidc_roles_claim
        self._back = f"{settings.console_url.rstrip('/')}/sign-in/openid/back"
        self._client = AsyncOAuth2Client(
            self._client_id,
            settings.oidc_client_secret.get_secret_value() or None,
            scope="openid profile email",
            redirect_uri=self._back,
            code_challenge_method="S256",
            timeout=SECONDS,
            transport=transport,
        )
        self._known: dict[str, Any] = {}
        self._finding = asyncio.Lock()

    async def begin(self, goes_to: str) -> tuple[str, Begun]:
        """Where to send the browser, and what to keep until it comes back. Raises OpenIdError."""
        provider = await self._provider()
        begun = Begun(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), goes_to)
        address, _ = self._client.create_authorization_url(
            provider["authorization_endpoint"], state=begun.state, code_verifier=begun.verifier, nonce=begun.nonce
        )
        return address, begun

    async def finish(self, answer: Mapping[str, str], begun: Begun | None) -> tuple[Who, str]:
        """The person whom the provider vouches for, and the page that was wanted. Raises OpenIdError."""
        if begun is None or not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise OpenIdError("state")
        if "code" not in answer:
            raise OpenIdError("no_code")
        provider = await self._provider()
        try:
            token = await self._client.fetch_token(
                provider["token_endpoint"],
                code=answer["code"],
                code_verifier=begun.verifier,
                grant_type="authorization_code",
            )
            keys = (await self._client.request("GET", provider["jwks_uri"], withhold_token=True)).json()
            claims = self._claims(token.get("id_token", ""), keys, begun.nonce, provider["issuer"])
        except (OAuthError, JoseError, httpx2.HTTPError, ValueError, KeyError) as error:
            raise OpenIdError(type(error).__name__) from None
        return self._person(claims), begun.goes_to

    def _claims(self, id_token: str, keys: Any, nonce: str, issuer: str) -> Mapping[str, Any]:
        """The ID token's claims (OpenID Connect Core 3.1.3.7). Raises JoseError, ValueError."""
        token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        registry.validate(token.claims)
        return token.claims

    def _person(self, claims: Mapping[str, Any]) -> Who:
        named = claims.get(self._roles_claim, [])
        roles = roles_of([named] if isinstance(named, str) else named if isinstance(named, list) else [])
        if not roles:
            raise OpenIdError(
                "no_role", "You are known, but hold no role here. Ask an operator of this system for one."
            )
        name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])[:200]
        return Who(name, roles, full_name=str(claims.get("name", ""))[:200])

    async def _provider(self) -> Mapping[str, Any]:
        async with self._finding:
            if not self._known:
                try:
                    address = f"{self._issuer}/.well-known/openid-configuration"
                    answer = await self._client.request("GET", address, withhold_token=True)
                    answer.raise_for_status()
                    found = answer.json()
                except (httpx2.HTTPError, ValueError) as error:
                    raise OpenIdError(type(error).__name__, "The sign-in provider does not answer.") from None
                if str(found.get("issuer", "")).rstrip("/") != self._issuer:
                    raise OpenIdError("issuer")
                self._known = found
            return self._known
