"""Single sign-on by OpenID Connect, with Authlib: discovery, authorization code with PKCE, state and nonce.

    provider = Provider(issuer, client_id, client_secret, redirect_uri)
    begun = provider.begin()                 # send the browser to begun.url, keep the rest in its cookie
    identity = provider.finish(begun, request.args)   # raises 401 in plain words unless everything agrees

An account opens to whoever the provider vouches for, by a subject that was bound at the first such log-in; and it is
bound only where somebody was invited with the address that the provider has verified. Nobody gets in by having an
account with the provider alone. No database connection is held while the provider is asked.
"""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from services.common.errors import UNAUTHENTICATED, UNAVAILABLE, Problem, Words
from services.common.logs import get_logger

log = get_logger(__name__)

TIMEOUT_SECONDS = 5
FRESH_SECONDS = 3600
LEEWAY_SECONDS = 60
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures with the provider's private key. Never `none`, and never one that our own secret can make."""

REFUSED = Words(
    "单位账号登录没有成功，请重新登录。", "The log-in with your organisation's account failed. Please try again."
)
AWAY = Words(
    "单位的登录服务暂时没有回应，请稍后再试，或用密码登录。",
    "Your organisation's log-in does not answer. Try again later, or log in with your password.",
)


@dataclass(frozen=True)
class Begun:
    """A log-in that has begun: what its answer must agree with."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Identity:
    """Whom the provider vouches for; `email` only where it has verified it."""

    subject: str
    email: str | None


class Provider:
    """An OpenID provider, asked over HTTPS and believed for an hour."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, redirect_uri: str) -> None:
        self.issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}

    def begin(self) -> Begun:
        """Where to send the browser, and what to remember meanwhile."""
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        with self._client() as client:
            url, state = client.create_authorization_url(
                self._metadata()["authorization_endpoint"], nonce=nonce, code_verifier=verifier
            )
        return Begun(url, state, nonce, verifier)

    def finish(self, begun: Begun, answer: Mapping[str, str]) -> Identity:
        """Whom the provider vouches for. Raises 401 unless it answers this very log-in, 503 when it is away."""
        if not compare_digest(answer.get("state", "").encode(), begun.state.encode()) or "code" not in answer:
            raise Problem(UNAUTHENTICATED, REFUSED)
        if "iss" in answer and answer["iss"].rstrip("/") != self.issuer:  # RFC 9207: another provider's answer
            raise Problem(UNAUTHENTICATED, REFUSED)
        try:
            with self._client() as client:
                token = client.fetch_token(
                    self._metadata()["token_endpoint"],
                    code=answer["code"],
                    code_verifier=begun.verifier,
                    timeout=TIMEOUT_SECONDS,
                )
            return self._identity(token, begun.nonce)
        except requests.RequestException as error:
            log.error("oidc_provider_away", error=type(error).__name__)
            raise Problem(UNAVAILABLE, AWAY) from error
        except (OAuthError, JoseError, KeyError, ValueError, TypeError) as error:
            log.warning("oidc_refused", error=type(error).__name__, claim=getattr(error, "claim", None))
            raise Problem(UNAUTHENTICATED, REFUSED) from error

    def _identity(self, token: dict[str, Any], nonce: str) -> Identity:
        claims = self._verified(token, nonce)
        verified = claims.get("email_verified") is True
        return Identity(str(claims["sub"]), str(claims["email"]) if verified and claims.get("email") else None)

    def _verified(self, token: dict[str, Any], nonce: str) -> CodeIDToken:
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            decoded = jwt.decode(token["id_token"], self._keys(), registry=registry)
        except (JoseError, ValueError):  # the provider may have new keys
            decoded = jwt.decode(token["id_token"], self._keys(afresh=True), registry=registry)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "values": [self.issuer, f"{self.issuer}/"]},
                "aud": {"essential": True, "value": self._client_id},
                "sub": {"essential": True},
            },
            {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=LEEWAY_SECONDS)
        return claims

    def _client(self) -> OAuth2Session:
        return OAuth2Session(
            self._client_id,
            self._client_secret,
            redirect_uri=self._redirect_uri,
            scope="openid email",
            code_challenge_method="S256",
        )

    def _metadata(self) -> dict[str, Any]:
        try:
            found = self._get(f"{self.issuer}/.well-known/openid-configuration")
        except (requests.RequestException, ValueError) as error:
            log.error("oidc_provider_away", error=type(error).__name__)
            raise Problem(UNAVAILABLE, AWAY) from error
        if str(found.get("issuer", "")).rstrip("/") != self.issuer:
            log.error("oidc_wrong_issuer")
            raise Problem(UNAVAILABLE, AWAY)
        return found

    def _keys(self, afresh: bool = False) -> KeySet:
        return KeySet.import_key_set(self._get(self._metadata()["jwks_uri"], afresh))  # type: ignore[arg-type]

    def _get(self, url: str, afresh: bool = False) -> dict[str, Any]:
        until, known = self._known.get(url, (0.0, {}))
        if time.monotonic() < until and not afresh:
            return known
        answer = requests.get(url, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        with self._lock:
            self._known[url] = (time.monotonic() + FRESH_SECONDS, found)
        return found
