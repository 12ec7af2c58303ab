"""Who calls, and what they may do.

    @blueprint.post("/activities")
    @allow(Caller.SITE, Caller.OPERATOR)
    def create_activity(): ...

Callers present `Authorization: Bearer <key>`: a site key (`hsk_…`), the operator's key, or a service token. Every
route says with `allow` who may call it; a test lists all routes and fails on one that does not.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from flask import current_app, g, request
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.errors import FORBIDDEN, UNAUTHENTICATED, Problem, Words
from services.common.events import Received

SITE_KEY_MARK = "hsk_"
TRUST_SECONDS = 2.0
"""How long a site key is taken as good without asking the database: revoking one works within this time."""

View = TypeVar("View", bound=Callable[..., Any])


class Caller(StrEnum):
    """The kinds of caller."""

    ANYONE = "anyone"
    SITE = "site"
    OPERATOR = "operator"
    SERVICE = "service"


@dataclass(frozen=True)
class Principal:
    """Who calls: `name` is a key's id, a service's name or `operator`; `site_id` only for a site."""

    caller: Caller
    name: str
    site_id: UUID | None = None

    @property
    def scope(self) -> str:
        """What row-level security lets this caller see."""
        return str(self.site_id) if self.caller is Caller.SITE else EVERY_SITE


def new_site_key() -> tuple[str, str, str]:
    """A fresh site key: (the key itself, its visible prefix, its SHA-256 in hex)."""
    key = SITE_KEY_MARK + secrets.token_urlsafe(32)
    return key, key[: len(SITE_KEY_MARK) + 6], key_hash(key)


def key_hash(key: str) -> str:
    """SHA-256 in hex. No salt or stretching: the key has 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """Tells who a presented key belongs to."""

    def __init__(self, database: Database, operator_key: str, service_tokens: Mapping[str, str]) -> None:
        self._database = database
        self._fixed = {key_hash(operator_key): Principal(Caller.OPERATOR, "operator")}
        self._fixed |= {key_hash(token): Principal(Caller.SERVICE, name) for name, token in service_tokens.items()}
        self._trusted: dict[str, tuple[float, Principal]] = {}
        self._lock = threading.Lock()

    def principal(self, key: str) -> Principal | None:
        """The caller that this key belongs to, None when it is unknown or revoked."""
        if not key:
            return None
        digest = key_hash(key)
        for known, principal in self._fixed.items():
            if hmac.compare_digest(known, digest):
                return principal
        if not key.startswith(SITE_KEY_MARK):
            return None
        until, principal = self._trusted.get(digest, (0.0, Principal(Caller.ANYONE, "")))
        return principal if time.monotonic() < until else self._look_up(digest)

    def _look_up(self, digest: str) -> Principal | None:
        with self._database.transaction(EVERY_SITE) as session:
            row = session.execute(
                text("SELECT key_id, site_id FROM site_keys WHERE sha256 = :digest AND revoked_at IS NULL"),
                {"digest": digest},
            ).one_or_none()
        with self._lock:
            if row is None:
                self._trusted.pop(digest, None)
                return None
            if len(self._trusted) > 10_000:
                self._trusted.clear()
            principal = Principal(Caller.SITE, str(row.key_id), row.site_id)
            self._trusted[digest] = (time.monotonic() + TRUST_SECONDS, principal)
            return principal


def identify() -> Principal:
    """Who makes the present request. Raises 401 for a key that opens nothing."""
    header = request.headers.get("Authorization", "")
    if not header:
        return Principal(Caller.ANYONE, "anyone")
    scheme, _, key = header.partition(" ")
    found = current_app.extensions["hesheng.keys"].principal(key.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise Problem(
            UNAUTHENTICATED,
            Words("密钥无效或已吊销。", "This key is unknown or was revoked. Send `Authorization: Bearer <key>`."),
        )
    return found


def allow(*callers: Caller) -> Callable[[View], View]:
    """Let only these kinds of caller into the view; it finds the caller in `g.principal`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            principal = g.principal
            if principal.caller not in callers and Caller.ANYONE not in callers:
                if principal.caller is Caller.ANYONE:
                    raise Problem(
                        UNAUTHENTICATED,
                        Words("请发送 `Authorization: Bearer <密钥>`。", "Send `Authorization: Bearer <key>`."),
                    )
                raise Problem(FORBIDDEN, Words("此密钥无权进行此操作。", "This key may not do that."))
            return view(*args, **kwargs)

        checked.allowed_callers = frozenset(callers)  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return decorate


def remember_site_keys(session: Session, events: Sequence[Received]) -> None:
    """Handler of `SiteKeyIssued` for services that check site keys without owning them."""
    session.execute(
        text(
            "INSERT INTO site_keys (key_id, site_id, sha256) VALUES (:key_id, :site_id, :sha256) ON CONFLICT DO NOTHING"
        ),
        [{"key_id": e.data.key_id, "site_id": e.data.site_id, "sha256": e.data.sha256} for e in events],
    )


def forget_site_keys(session: Session, events: Sequence[Received]) -> None:
    """Handler of `SiteKeyRevoked` for the same services."""
    session.execute(
        text("UPDATE site_keys SET revoked_at = :at WHERE key_id = :key_id"),
        [{"key_id": e.data.key_id, "at": e.time} for e in events],
    )
