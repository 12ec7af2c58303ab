"""What the clients were told: the acknowledged answers that the databases must agree with afterwards."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

REFUSED = "refused.example"
"""Whoever has an address there is refused by the mail server for good: by policy, which says nothing of the address."""

GONE, FULL, SPAM, TOLD = "gone.example", "full.example", "spam.example", "told.example"
"""Mails to these are taken, and later come back: there is no such mailbox, or it is full; their reader calls us spam;
they are said to be delivered."""


class Told(StrEnum):
    """What became of a request as its caller saw it."""

    ACKED = "acked"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass
class SignUp:
    """One Idempotency-Key and what came of it. `name` is unique to the key, empty where a known person signed up."""

    key: str
    site_id: str
    shift_id: str
    name: str
    body: dict[str, object]
    told: Told = Told.UNKNOWN
    registration_id: str = ""
    person_id: str = ""
    status: str = ""
    clashes_with: str = ""
    """The registration that an answer `overlap` named."""


@dataclass(frozen=True)
class ShiftChange:
    """An acknowledged edit of a shift."""

    shift_id: str
    version: int
    capacity: int


@dataclass
class Attendance:
    """What was acknowledged of one registration's attendance; `unsure` after a request without an answer."""

    outcome: str = ""
    minutes: int = 0
    unsure: bool = False


@dataclass(frozen=True)
class Announced:
    """An announcement that was approved; `stopped_at` (seconds since 1970) where somebody stopped it."""

    id: str
    site_id: str
    stopped_at: float | None


@dataclass
class Ledger:
    """Shared by all load threads: take `lock` around every change. `before`: sign-ups of before the faults."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    sign_ups: list[SignUp] = field(default_factory=list)
    cancels: dict[str, Told] = field(default_factory=dict)
    accepts: dict[str, Told] = field(default_factory=dict)
    attendance: dict[str, Attendance] = field(default_factory=dict)
    shift_changes: list[ShiftChange] = field(default_factory=list)
    shift_cancels: dict[str, Told] = field(default_factory=dict)
    announced: list[Announced] = field(default_factory=list)
    before: list[SignUp] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)

    def note(self, action: str, told: Told) -> None:
        """Count an answer."""
        with self.lock:
            self.told[f"{action} {told}"] += 1

    def surprise(self, text: str) -> None:
        """Write down an answer that the service should never have given."""
        with self.lock:
            self.unexpected.append(text)

    @property
    def acked(self) -> int:
        """Writes that were acknowledged."""
        return sum(count for name, count in self.told.items() if name.endswith(Told.ACKED))
