"""A limit on requests per caller: per key, or per address for whoever shows none or a wrong one.

Counted in this process, in windows of a minute: the request path must not wait for Redis, and one api process serves
one service. (The libraries for this were tried: Flask-Limiter made every request half as long again, and the memory
storage of `limits` starts a thread for each window.)
"""

import ipaddress
import threading
import time
from dataclasses import dataclass

from flask import Flask, Response, g, request

from services.common.auth import Caller, Principal, identify, key_hash, shown_credential
from services.common.database import ACTING, Acting
from services.common.errors import TOO_MANY, Problem, Words

WINDOW_SECONDS = 60
UNLIMITED = {"/healthz", "/readyz", "/metrics"}
WRONG_SHARE = 50
"""An address may show a fiftieth of its requests' limit in keys and cookies that open nothing (600 a minute): each
costs a look-up, and nobody who means well has so many."""
REMEMBERED = 10_000

TOO_FAST = Words("请求过于频繁，请稍后再试。", "Too many requests: try again a little later.")


@dataclass(frozen=True)
class Standing:
    """Where a caller stands: requests left in this window, and seconds until the next one."""

    remaining: int
    reset: int


class Windows:
    """Counts requests per caller and minute. Only the present minute is kept, so that it cannot grow for ever."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._window = 0
        self._counts: dict[str, int] = {}

    def count(self, caller: str, now: float | None = None) -> Standing | None:
        """Count one request; None when the caller has none left."""
        window, into = divmod(int(now if now is not None else time.time()), WINDOW_SECONDS)
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            used = self._counts.get(caller, 0) + 1
            self._counts[caller] = used
        return Standing(self.limit - used, WINDOW_SECONDS - into) if used <= self.limit else None

    def take_back(self, caller: str) -> None:
        """Uncount one request of the present window."""
        with self._lock:
            if self._counts.get(caller):
                self._counts[caller] -= 1


class Guesses:
    """Counts keys and cookies that opened nothing, per address, and says when no more are looked up.

    What opened something lately is always looked up, so that whoever guesses does not shut out their neighbours.
    """

    def __init__(self, limit: int) -> None:
        self._wrong = Windows(limit)
        self._good: set[str] = set()

    def may_try(self, address: str, credential: str) -> bool:
        """Count one try before anything is looked up; False when the address has none left."""
        if not credential or key_hash(credential) in self._good:
            return True
        return self._wrong.count(address) is not None

    def opened(self, address: str, credential: str) -> None:
        """The credential was good: take the try back, and remember it."""
        digest = key_hash(credential)
        if credential and digest not in self._good:
            if len(self._good) >= REMEMBERED:
                self._good = set()
            self._good.add(digest)
            self._wrong.take_back(address)


def origin(address: str | None) -> str:
    """What one party calls from: an IPv4 address, or the /64 network that a household or server has of IPv6."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)


def limit_rates(app: Flask, per_minute: int) -> None:
    """Before each request find the caller (`g.principal`) and count it; answer 429 beyond the limit."""
    windows = Windows(per_minute)
    guesses = Guesses(max(10, per_minute // WRONG_SHARE))

    @app.before_request
    def count() -> None:
        if request.path in UNLIMITED:
            g.principal = Principal(Caller.ANYONE, "anyone")
            return
        address, credential = origin(request.remote_addr), shown_credential()
        caller = f"{Caller.ANYONE}:{address}"
        if not guesses.may_try(address, credential):
            g.standing = None
            raise Problem(TOO_MANY, TOO_FAST)
        try:
            g.principal = identify()
            if g.principal.caller is not Caller.ANYONE:
                caller = f"{g.principal.caller}:{g.principal.name}"
                if g.principal.caller is Caller.SERVICE:  # whoever floods one of its questions holds up no other
                    caller += f" {request.url_rule}"
                if g.principal.session in ("", credential) or not credential:  # and not by another cookie beside it
                    guesses.opened(address, credential)
            ACTING.set(Acting(g.principal.actor, request.remote_addr or "", g.request_id))
        finally:  # a wrong key counts against its address too
            g.standing = windows.count(caller)
            if g.standing is None:
                raise Problem(TOO_MANY, TOO_FAST)

    @app.after_request
    def tell(response: Response) -> Response:
        if "standing" in g:
            standing = g.standing or Standing(0, WINDOW_SECONDS - int(time.time()) % WINDOW_SECONDS)
            response.headers["RateLimit-Limit"] = str(per_minute)
            response.headers["RateLimit-Remaining"] = str(standing.remaining)
            response.headers["RateLimit-Reset"] = str(standing.reset)
            if g.standing is None:
                response.headers["Retry-After"] = str(standing.reset)
        return response
