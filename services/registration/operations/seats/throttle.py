"""How often strangers may sign up or ask for mails: by the address they come from, and by whom it concerns.

    throttle = Throttle(SIGN_UPS)
    throttle.take(data.fingerprint("contact", "wang@example.org").hex(), request.remote_addr)   # raises 429

The contact's bucket is one whether or not anybody is known by it, so that nothing can be learned from it. Kept in this
process, like all such counts: one api process serves one service.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from services.common.errors import TOO_MANY, Problem, Words
from services.common.rates import origin
from services.registration.operations.staff.attempts import Buckets, Size, now


@dataclass(frozen=True)
class Limits:
    """Sizes of the buckets of an address and of a contact."""

    address: Size
    contact: Size


SIGN_UPS = Limits(Size(40, 6), Size(12, 300))
"""A crowd at a centre shares one address; a family of five signs up for two activities with one phone."""
TRIALS = Limits(Size(60, 6), Size(20, 10))
"""What a leader tries before it counts, by membership: each trial takes the locks of the shift or the site."""
LOG_INS = Limits(Size(20, 15), Size(3, 1200))
"""Links by mail: enough for who overlooks the first one, too few to flood a mailbox."""


class Throttle:
    """The buckets of one kind of request."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = now) -> None:
        self._lock = threading.Lock()
        self._addresses = Buckets(limits.address, clock)
        self._contacts = Buckets(limits.contact, clock)

    def take(self, contact: str, address: str | None) -> None:
        """Count one request. Raises 429 with how long to wait, and then counts nothing."""
        where = origin(address)
        with self._lock:
            seconds = max(self._addresses.wait(where), self._contacts.wait(contact))
            if not seconds:
                self._addresses.change(where, -1)
                self._contacts.change(contact, -1)
                return
        minutes = max(1, round(seconds / 60))
        raise Problem(
            TOO_MANY,
            Words(
                f"操作过于频繁，请约 {minutes} 分钟后再试，或联系站点。",
                f"Too many requests. Please try again in about {minutes} minute(s), or ask the site.",
            ),
            retry_after=str(round(seconds) + 1),
        )
