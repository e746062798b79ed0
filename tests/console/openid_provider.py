"""A small provider of OpenID Connect over HTTP: discovery, authorization code with PKCE, signed tokens, keys.

Everybody who is sent here is signed in as the person of `claims`. What a test changes makes it a bad provider.
"""

import secrets
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "console", "kept"


def fresh_key() -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": "k1"})


@dataclass
class Provider:
    """What the provider knows. `shown` is the key that it tells of, `signing` the one that it signs with."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    shown: RSAKey = field(default_factory=fresh_key)
    signing: RSAKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def discovery(self) -> dict[str, Any]:
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{name}" for name in names}}

    def agreed(self, query: dict[str, str]) -> str:
        """The person agrees. Where the browser is sent back to."""
        assert query["client_id"] == CLIENT
        assert query["response_type"] == "code"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(12)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """A code is good once, for the client that it was made for, by whoever began."""
        query = self.codes.pop(form.get("code", ""), None)
        expected = f"Basic {b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"
        if query is None or authorization != expected or form["redirect_uri"] != query["redirect_uri"]:
            return None
        if create_s256_code_challenge(form["code_verifier"]) != query["code_challenge"]:
            return None
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "u-1", "exp": int(time.time()) + 300, "nonce": query["nonce"],
            "preferred_username": "rosa", "name": "Rosa Marín", "groups": ["staff", "choir"], **self.claims,
        }  # fmt: skip
        id_token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.signing or self.shown)
        return {"access_token": "a", "token_type": "Bearer", "id_token": id_token}


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.provider.asked.append(url.path)
        match url.path:
            case "/.well-known/openid-configuration":
                self._json(200, self.provider.discovery())
            case "/jwks_uri":
                self._json(200, {"keys": [self.provider.shown.as_dict(private=False)]})
            case "/authorization_endpoint":
                self.send_response(302)
                self.send_header("Location", self.provider.agreed(dict(parse_qsl(url.query))))
                self.end_headers()
            case _:
                self._json(404, {})

    def do_POST(self) -> None:
        self.provider.asked.append(self.path)
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        token = self.provider.token(form, self.headers.get("Authorization", ""))
        self._json(400 if token is None else 200, {"error": "invalid_grant"} if token is None else token)

    def _json(self, status: int, content: dict[str, Any]) -> None:
        body = orjson.dumps(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: a test says what it saw."""


@contextmanager
def openid_provider() -> Iterator[Provider]:
    """One that listens on this machine while the block lasts."""
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": provider}))
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
