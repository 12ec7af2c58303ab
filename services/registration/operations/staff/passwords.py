"""Passwords of staff: what is accepted, how it is kept, how it is checked.

    check_password("correct horse battery", email)     # raises 422 with everything that is wrong
    stored = Hasher().hash(password)
    Hasher().verify(stored, password)                   # takes the same time for None, and is then false

Argon2id with 46 MiB and one pass (about 65 ms here): the first choice of OWASP's cheat sheet. At most four are computed
at once, so that a crowd at the log-in costs 184 MiB and not the whole machine. Length counts, not the mixture of signs
(NIST SP 800-63B): no rule forces anybody to write a password down.
"""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.common.errors import UNAVAILABLE, FieldErrors, Problem, Words

SHORTEST, LONGEST = 12, 128
MEMORY_KIB, PASSES, LANES = 47_104, 1, 1
AT_ONCE = 4
MOST_WAITING = 12
"""The last of them waits about a second on two cores."""
CROWDED = Words("此刻登录的人太多，请稍后几秒再试。", "Too many people are logging in. Try again in a few seconds.")

# What people think of first when it must have twelve signs; most favourites are too short anyway.
COMMON = frozenset(Path(__file__).with_name("common_passwords.txt").read_text().split())
FEWEST_SIGNS = 5
"""A password of fewer different signs is a key held down, or a pattern."""


def plain(password: str) -> str:
    """The same for every keyboard: composed and decomposed, full and half width."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, email: str, field: str = "password") -> None:
    """Raise 422, with all that is wrong, unless this can be a password."""
    errors = FieldErrors()
    signs = plain(password)
    if len(signs) < SHORTEST:
        errors.add(field, Words(f"至少 {SHORTEST} 个字符。", f"must have at least {SHORTEST} characters."))
    if len(signs) > LONGEST:
        errors.add(field, Words(f"最多 {LONGEST} 个字符。", f"must have at most {LONGEST} characters."))
    folded = signs.casefold()
    if folded in COMMON or len(set(folded)) < FEWEST_SIGNS or folded in (email.casefold(), email[::-1].casefold()):
        words = Words("太容易被猜到，请换一个，例如几个不相干的词。", "is easily guessed. Try a few unrelated words.")
        errors.add(field, words)
    errors.raise_any()


class Hasher:
    """Makes and checks hashes. What it does for nobody takes as long as for somebody.

    Both raise 503 when too many wait already: each who waits holds one of the api's threads.
    """

    def __init__(self) -> None:
        self._argon = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._room = threading.BoundedSemaphore(AT_ONCE + MOST_WAITING)
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = self._argon.hash("nobody's password")

    def hash(self, password: str) -> bytes:
        """What is stored; the salt is in it."""
        with self._place():
            return self._argon.hash(plain(password)).encode()

    def verify(self, stored: bytes | None, password: str) -> bool:
        """Whether this is the password that was stored."""
        with self._place():
            try:
                return self._argon.verify(stored.decode() if stored else self._nobody, plain(password)) and bool(stored)
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, stored: bytes) -> bool:
        """Whether it was stored with other parameters than today's."""
        return self._argon.check_needs_rehash(stored.decode())

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise Problem(UNAVAILABLE, CROWDED)
        try:
            with self._places:
                yield
        finally:
            self._room.release()
