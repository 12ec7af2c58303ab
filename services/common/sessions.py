"""Whose session a cookie is, for the services that know no people: they ask registration.

    sessions = SessionsElsewhere(settings.registration_url, token)
    principal = sessions.principal(request.cookies)     # staff, a resident, or None

The answer is taken as good for `TRUST_SECONDS`, as that about a key is: logging out, or taking a grant away, works
everywhere within that time.
"""

import threading
import time
from collections.abc import Mapping

import requests
from pydantic import BaseModel, ValidationError

from services.common.auth import RESIDENT_COOKIE, STAFF_COOKIE, TRUST_SECONDS, Principal, key_hash
from services.common.errors import UNAVAILABLE, Problem, Words
from services.common.logs import get_logger

log = get_logger(__name__)

TIMEOUT = (2, 5)
MOST_KEPT = 10_000

NOT_NOW = Words(
    "暂时无法确认您是谁，请稍后重试。", "Who you are cannot be looked up at the moment. Please try again shortly."
)


class CookiesBody(BaseModel):
    """The cookies that a browser shows, by kind."""

    staff: str = ""
    resident: str = ""


class WhoAnswer(BaseModel):
    """Whose they are; None where nobody's."""

    principal: Principal | None


class SessionsElsewhere:
    """Tells whose session a cookie is, by asking the service that knows people."""

    def __init__(self, registration_url: str, token: str) -> None:
        self._url = f"{registration_url.rstrip('/')}/internal/sessions"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._trusted: dict[str, tuple[float, Principal | None]] = {}
        self._lock = threading.Lock()

    def shown(self, cookies: Mapping[str, str]) -> str:
        """The cookie that must be looked up, empty without one."""
        return cookies.get(STAFF_COOKIE, "") or cookies.get(RESIDENT_COOKIE, "")

    def principal(self, cookies: Mapping[str, str]) -> Principal | None:
        """The member of staff or resident, None without a valid cookie. Raises 503 while registration is down."""
        body = CookiesBody(staff=cookies.get(STAFF_COOKIE, ""), resident=cookies.get(RESIDENT_COOKIE, ""))
        if not (body.staff or body.resident):
            return None
        digest = key_hash(f"{body.staff}\n{body.resident}")
        until, principal = self._trusted.get(digest, (0.0, None))
        return principal if time.monotonic() < until else self._look_up(digest, body)

    def _look_up(self, digest: str, body: CookiesBody) -> Principal | None:
        try:
            answer = requests.post(self._url, json=body.model_dump(), headers=self._headers, timeout=TIMEOUT)
            answer.raise_for_status()
            principal = WhoAnswer.model_validate_json(answer.content).principal
        except (requests.RequestException, ValidationError) as error:
            log.warning("session_not_looked_up", reason=type(error).__name__)
            raise Problem(UNAVAILABLE, NOT_NOW) from None
        with self._lock:
            if len(self._trusted) > MOST_KEPT:
                self._trusted.clear()
            self._trusted[digest] = (time.monotonic() + TRUST_SECONDS, principal)
        return principal
