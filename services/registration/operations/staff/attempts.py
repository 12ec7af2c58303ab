"""How often somebody may try to log in before they must wait.

    attempts.take(account=hash, device=None, address="192.0.2.1")     # raises 429 with the seconds to wait
    attempts.succeeded(...)                                          # gives the try back

A try takes a token from two buckets: the address's, and the account's. Whoever logged in from a browser before has a
cookie by which that browser has a bucket of its own (OWASP's "device cookies"): a stranger who guesses an account's
password uses up the strangers' bucket, and its owner still comes in from where they always do; from elsewhere they
come in by a link in a mail. Buckets are of e-mail hashes whether or not there is such an account, and in this process:
one api process serves one service, and a restart forgives ten tries.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services.common.errors import TOO_MANY, Problem, Words
from services.common.rates import origin

MOST_BUCKETS = 20_000


@dataclass(frozen=True)
class Size:
    """How many tries there are at once, and the seconds after which there is one more."""

    tokens: int
    seconds: float


ACCOUNT = Size(10, 90)
"""A thousand guesses a day, against passwords of twelve signs."""
ADDRESS = Size(30, 10)
"""A centre's staff share one address."""
MAILS = Size(3, 600)
"""Links to set a new password: enough for who overlooks the first mail, too few to flood a mailbox."""


def now() -> float:
    """Seconds, by the clock that nobody sets."""
    return time.monotonic()


@dataclass
class Buckets:
    """Tokens by owner. Full buckets need not be kept."""

    size: Size
    clock: Callable[[], float] = now
    _kept: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, owner: str) -> float:
        """Seconds until the owner has a token; 0 when there is one."""
        return max(0.0, (1 - self._tokens(owner)) * self.size.seconds)

    def change(self, owner: str, by: float) -> None:
        """Add tokens, or take them."""
        if len(self._kept) >= MOST_BUCKETS:
            fuller = sorted(self._kept, key=self._tokens)
            self._kept = {owner: self._kept[owner] for owner in fuller[: MOST_BUCKETS // 2]}
        self._kept[owner] = (min(self.size.tokens, self._tokens(owner) + by), self.clock())

    def _tokens(self, owner: str) -> float:
        tokens, at = self._kept.get(owner, (float(self.size.tokens), 0.0))
        return min(self.size.tokens, tokens + (self.clock() - at) / self.size.seconds)


class Attempts:
    """The buckets of log-ins, or of mails that somebody asks for."""

    def __init__(self, account: Size = ACCOUNT, address: Size = ADDRESS, clock: Callable[[], float] = now):
        self._lock = threading.Lock()
        self._accounts = Buckets(account, clock)
        self._addresses = Buckets(address, clock)

    def take(self, account: str, device: str, address: str) -> None:
        """Use up one try; raises 429 when there is none. `device` is empty for a browser that is not known."""
        with self._lock:
            whose, where = f"{account} {device}", origin(address)
            seconds = max(self._accounts.wait(whose), self._addresses.wait(where))
            if seconds:
                raise _wait(seconds)
            self._accounts.change(whose, -1)
            self._addresses.change(where, -1)

    def succeeded(self, account: str, device: str, address: str) -> None:
        """The try was no guess."""
        with self._lock:
            self._accounts.change(f"{account} {device}", 1)
            self._addresses.change(origin(address), 1)


def _wait(seconds: float) -> Problem:
    minutes = max(1, round(seconds / 60))
    return Problem(
        TOO_MANY,
        Words(
            f"尝试次数过多，请约 {minutes} 分钟后再试，或通过邮件重设密码。",
            f"Too many tries. Wait about {minutes} minute(s), or set a new password by mail.",
        ),
        retry_after=str(round(seconds) + 1),
    )
