"""A small OpenID provider on this machine, which can be told to cheat.

with serving() as provider:
    provider.claims = {"email": "lin@example.com", "email_verified": True}
    provider.cheat = {"nonce": "another"}       # written over the ID token's claims
"""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "hesheng", "a secret of the test"


@dataclass
class OpenProvider:
    """What the provider says of whoever comes."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    cheat: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, parameters={"kid": "one"}))
    signing: RSAKey | OctKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def id_token(self, nonce: str) -> str:
        """Who came, signed."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "subject-1", "iat": now, "exp": now + 300, "nonce": nonce}
        header = {"alg": self.algorithm, "kid": "one"}
        content = {name: value for name, value in (claims | self.claims | self.cheat).items() if value is not None}
        return jwt.encode(header, content, self.signing or self.key, algorithms=[self.algorithm])

    def answer(self, url: str) -> dict[str, str]:
        """Let the person at the browser in: what the provider's redirect back holds."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}


def _app(provider: OpenProvider) -> Flask:
    app = Flask("provider")

    @app.get("/.well-known/openid-configuration")
    def configuration() -> Response:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return jsonify({"issuer": provider.issuer} | {k: f"{provider.issuer}/{v}" for k, v in ends.items()})

    @app.get("/authorize")
    def authorize() -> Any:
        return redirect(f"{request.args['redirect_uri']}?{urlencode(provider.answer(request.url))}")

    @app.get("/keys")
    def keys() -> Response:
        return jsonify({"keys": [provider.key.as_dict(private=False)]})

    @app.post("/token")
    def token() -> tuple[Response, int]:
        asked = provider.codes.pop(request.form.get("code", ""), None)
        proof = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
        good = asked and asked["code_challenge"] == base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        who = request.authorization
        if not asked or not good or not who or (who.username, who.password) != (CLIENT, SECRET):
            return jsonify(error="invalid_grant"), 400
        return jsonify(access_token="x", token_type="Bearer", id_token=provider.id_token(asked["nonce"])), 200

    return app


@contextmanager
def serving() -> Iterator[OpenProvider]:
    """The provider, answering on loopback."""
    provider = OpenProvider()
    server = make_server("127.0.0.1", 0, _app(provider), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
