"""Who calls, and what they may do.

    @blueprint.post("/activities")
    @allow(Caller.SITE, Caller.OPERATOR)
    def create_activity(): ...

Programs present `Authorization: Bearer <key>`: a site key (`hsk_…`), the operator's key, or a service token. People
have a session in a cookie: staff after logging in, residents after opening the link of a message. Whoever changes
something with a cookie must show that the request comes from our own page (`csrf_token`). Routes that are opened by a
signed link carry its token in their path. Every route says with `allow` who may call it; a test lists all routes and
fails on one that does not.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import wraps
from typing import Any, Protocol, TypeVar
from uuid import UUID

from flask import current_app, g, request
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.big_files import posted
from services.common.database import EVERY_SITE, Database
from services.common.errors import FORBIDDEN, SITE_NEEDED, UNAUTHENTICATED, Problem, Words
from services.common.events import Received

SITE_KEY_MARK = "hsk_"
STAFF_COOKIE = "hesheng_staff"
RESIDENT_COOKIE = "hesheng_person"
"""Both hold for every service behind the one gateway."""

TRUST_SECONDS = 2.0
"""How long a site key is taken as good without asking the database: revoking one works within this time."""

View = TypeVar("View", bound=Callable[..., Any])


class Caller(StrEnum):
    """The kinds of caller."""

    ANYONE = "anyone"
    SITE = "site"
    STAFF = "staff"
    PERSON = "person"
    LINK = "link"
    OPERATOR = "operator"
    SERVICE = "service"


class Role(StrEnum):
    """What a member of staff is: of a site, over an area and everything under it, or over everything."""

    SITE_STAFF = "site_staff"
    AREA_ADMIN = "area_admin"
    OPERATOR = "operator"


OPERATORS = (Role.OPERATOR,)
OVER_AREAS = (Role.AREA_ADMIN, Role.OPERATOR)
"""Who looks after sites, and after those who work there."""

NOTHING = "-"
"""The scope of whoever sees no site's rows."""


@dataclass(frozen=True)
class Principal:
    """Who calls: `name` is the id of a key, of staff or of a person, a service's name, or `operator`.

    `site_id` is the site that calls, or the one where staff work just now; `role` is what they are there, or over areas
    before they chose a site. `everywhere` is true of staff with the operator's role on a route for operators, whatever
    site they have chosen (`allow`).
    `address` is the keyed hash, in hex, of the address at which a resident read the message that let them in: all that
    is known of them is that they do. `mailed_by` is the site whose mail let them in, where they have shown no more than
    that they have it: mails are passed on. `since` is when a resident's session began, by registration's clock.
    `areas` are the codes of the areas that a member of staff looks after, whatever site they have chosen.
    """

    caller: Caller
    name: str
    site_id: UUID | None = None
    role: Role | None = None
    session: str = ""
    address: str = ""
    mailed_by: UUID | None = None
    since: datetime | None = None
    everywhere: bool = False
    areas: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """What row-level security lets this caller see."""
        if self.caller in (Caller.OPERATOR, Caller.SERVICE) or self.everywhere:
            return EVERY_SITE
        return str(self.site_id) if self.site_id else NOTHING

    @property
    def is_operator(self) -> bool:
        """Whether everything is theirs: the operator's key, or staff with that role."""
        return self.caller is Caller.OPERATOR or self.role is Role.OPERATOR

    @property
    def actor(self) -> str:
        """By this the audit log names the caller."""
        return self.name if self.caller is Caller.OPERATOR else f"{self.caller}:{self.name}"


def new_site_key() -> tuple[str, str, str]:
    """A fresh site key: (the key itself, its visible prefix, its SHA-256 in hex)."""
    key = SITE_KEY_MARK + secrets.token_urlsafe(32)
    return key, key[: len(SITE_KEY_MARK) + 6], key_hash(key)


def key_hash(key: str) -> str:
    """SHA-256 in hex. No salt or stretching: the key has 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """Tells who a presented key belongs to; and whoever owns the keys, by `note_use`, that a site's was looked up."""

    def __init__(
        self,
        database: Database,
        operator_key: str,
        service_tokens: Mapping[str, str],
        note_use: Callable[[Session, UUID], None] | None = None,
    ) -> None:
        self._database = database
        self._note_use = note_use
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
            if row is not None and self._note_use:
                self._note_use(session, row.key_id)
        with self._lock:
            if row is None:
                self._trusted.pop(digest, None)
                return None
            if len(self._trusted) > 10_000:
                self._trusted.clear()
            principal = Principal(Caller.SITE, str(row.key_id), row.site_id)
            self._trusted[digest] = (time.monotonic() + TRUST_SECONDS, principal)
            return principal


class Sessions(Protocol):
    """Tells whose session a cookie is; the service that knows people has one."""

    def shown(self, cookies: Mapping[str, str]) -> str:
        """The cookie that must be looked up to know whose it is, empty where there is none."""

    def principal(self, cookies: Mapping[str, str]) -> Principal | None:
        """The person or member of staff, None without a valid cookie."""


def csrf_token(principal: Principal) -> str:
    """What a form of ours carries, and nobody else's can: it follows from the cookie, which only we can read."""
    return hashlib.sha256(b"csrf " + principal.session.encode()).hexdigest()


def shown_credential() -> str:
    """What the present request shows that must be looked up: a key, or the cookie of a session; empty without."""
    sessions: Sessions | None = current_app.extensions.get("hesheng.sessions")
    return request.headers.get("Authorization", "") or (sessions.shown(request.cookies) if sessions else "")


def from_elsewhere() -> bool:
    """Whether a page of another origin sends this, for routes without a session to show a token of. Browsers say so
    over TLS and on loopback; programs say nothing, and need not: no visitor's cookies are with them."""
    return request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")


def _in_session() -> Principal:
    sessions: Sessions | None = current_app.extensions.get("hesheng.sessions")
    found = sessions.principal(request.cookies) if sessions and request.cookies else None
    if found is None:
        return Principal(Caller.ANYONE, "anyone")
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        shown = posted().get("csrf_token", "") or request.headers.get("X-CSRF-Token", "")
        if not hmac.compare_digest(shown.encode(), csrf_token(found).encode()):
            raise Problem(
                FORBIDDEN,
                Words("页面已过期，请刷新后重试。", "This page is out of date. Reload it and try again."),
            )
    return found


def identify() -> Principal:
    """Who makes the present request. Raises 401 for a key that opens nothing, 403 for a forged form."""
    header = request.headers.get("Authorization", "")
    if not header:
        return _in_session()
    scheme, _, key = header.partition(" ")
    found = current_app.extensions["hesheng.keys"].principal(key.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise Problem(
            UNAUTHENTICATED,
            Words("密钥无效或已吊销。", "This key is unknown or was revoked. Send `Authorization: Bearer <key>`."),
        )
    return found


def _may(principal: Principal, callers: Sequence[Caller]) -> bool:
    if Caller.ANYONE in callers or Caller.LINK in callers or principal.caller in callers:
        return True
    return principal.is_operator and Caller.OPERATOR in callers


def _lacks_a_site(principal: Principal) -> bool:
    return principal.caller is Caller.STAFF and principal.site_id is None


def allow(*callers: Caller, areas: bool = False) -> Callable[[View], View]:
    """Let only these kinds of caller into the view; it finds the caller in `g.principal`.

    `Caller.LINK` lets in everybody: the view itself opens the token in its path. On a route for operators, staff with
    that role act everywhere; on a route for sites, staff act for the site they have chosen, and must have chosen one;
    where it is for `areas` too, whoever looks after some need not.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            principal = g.principal
            if not _may(principal, callers):
                if principal.caller is Caller.ANYONE:
                    raise Problem(
                        UNAUTHENTICATED,
                        Words("请发送 `Authorization: Bearer <密钥>`。", "Send `Authorization: Bearer <key>`."),
                    )
                raise Problem(FORBIDDEN, Words("您无权进行此操作。", "You may not do that."))
            if principal.is_operator and Caller.OPERATOR in callers:
                g.principal = replace(principal, everywhere=True)
            elif _lacks_a_site(principal) and Caller.SITE in callers and not (areas and principal.areas):
                raise Problem(SITE_NEEDED, Words("请先选择站点。", "Choose a site first."))
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
