"""A limit on requests per caller: per key, or per address for whoever shows none or a wrong one.

Counted in this process, in windows of a minute: the request path must not wait for Redis, and one api process serves
one service. (The libraries for this were tried: Flask-Limiter made every request half as long again, and the memory
storage of `limits` starts a thread for each window.)
"""

import threading
import time
from dataclasses import dataclass

from flask import Flask, Response, g, request

from services.common.auth import Caller, Principal, identify
from services.common.database import ACTING, Acting
from services.common.errors import TOO_MANY, Problem, Words

WINDOW_SECONDS = 60
UNLIMITED = {"/healthz", "/readyz", "/metrics"}


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


def limit_rates(app: Flask, per_minute: int) -> None:
    """Before each request find the caller (`g.principal`) and count it; answer 429 beyond the limit."""
    windows = Windows(per_minute)

    @app.before_request
    def count() -> None:
        if request.path in UNLIMITED:
            g.principal = Principal(Caller.ANYONE, "anyone")
            return
        caller = f"{Caller.ANYONE}:{request.remote_addr}"
        try:
            g.principal = identify()
            if g.principal.caller is not Caller.ANYONE:
                caller = f"{g.principal.caller}:{g.principal.name}"
            ACTING.set(Acting(g.principal.actor, request.remote_addr or "", g.request_id))
        finally:  # a wrong key counts against its address, so that guessing is limited too
            g.standing = windows.count(caller)
            if g.standing is None:
                raise Problem(
                    TOO_MANY, Words("请求过于频繁,请稍后再试。", "Too many requests: try again a little later.")
                )

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
