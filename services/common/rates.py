"""A limit on requests per caller: per key, or per address for whoever shows none or a wrong one.

Counted in this process (`limits`, fixed windows): the request path must not wait for Redis, and one api process
serves one service. Flask-Limiter on top of the same library made every request half as long again.
"""

import time

from flask import Flask, Response, g, request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from services.common.auth import Caller, Principal, identify
from services.common.errors import TOO_MANY, Problem, Words


def limit_rates(app: Flask, rate: str) -> None:
    """Before each request find the caller (`g.principal`) and count it; answer 429 beyond `rate`."""
    limiter = FixedWindowRateLimiter(MemoryStorage())
    allowed = parse(rate)
    unlimited = {"/healthz", "/readyz", "/metrics"}

    @app.before_request
    def count() -> None:
        if request.path in unlimited:
            g.principal = Principal(Caller.ANYONE, "anyone")
            return
        address = request.remote_addr or "unknown"
        g.rate_key = f"{Caller.ANYONE}:{address}"
        try:
            g.principal = identify()
            if g.principal.caller is not Caller.ANYONE:
                g.rate_key = f"{g.principal.caller}:{g.principal.name}"
        finally:  # a wrong key counts against its address, so that guessing is limited too
            if not limiter.hit(allowed, g.rate_key):
                raise Problem(
                    TOO_MANY, Words("请求过于频繁,请稍后再试。", "Too many requests: try again a little later.")
                )

    @app.after_request
    def tell(response: Response) -> Response:
        if "rate_key" in g:
            _tell(limiter, allowed, response)
        return response


def _tell(limiter: FixedWindowRateLimiter, allowed: RateLimitItem, response: Response) -> None:
    window = limiter.get_window_stats(allowed, g.rate_key)
    wait = str(max(0, int(window.reset_time - time.time()) + 1))
    response.headers["RateLimit-Limit"] = str(allowed.amount)
    response.headers["RateLimit-Remaining"] = str(window.remaining)
    response.headers["RateLimit-Reset"] = wait
    if response.status_code == 429:
        response.headers["Retry-After"] = wait
