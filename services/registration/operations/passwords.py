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

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.common.errors import FieldErrors, Words

SHORTEST, LONGEST = 12, 128
MEMORY_KIB, PASSES, LANES = 47_104, 1, 1
AT_ONCE = 4

# What people of twelve letters think of first; the many shorter favourites are too short anyway.
COMMON = frozenset(
    "password1234 password12345 password123456 passwordpassword administrator administrator1 admin123456789 "
    "adminadminadmin letmeinletmein welcome12345 welcome123456 changeme12345 changemeplease qwertyuiop12 "
    "qwertyuiop123 qwertyuiopasdfgh qwerty123456 1qaz2wsx3edc 1qaz2wsx3edc4rfv zaq12wsxcde3 asdfghjkl123 "
    "asdfghjklzxcvbnm zxcvbnmasdfghjkl q1w2e3r4t5y6 1q2w3e4r5t6y a1b2c3d4e5f6 123456789012 1234567890123 "
    "123456789abc 123456789qwe 123456abcdef abcdef123456 abc123abc123 abcd12345678 abcdefghijkl abcdefghijklm "
    "098765432100 987654321012 iloveyou1234 iloveyouforever woaini1314520 woaini520520 woaini5201314 5201314520131 "
    "woaiwojia1314 woaizhongguo mima12345678 mima123456789 wodemima1234 zhongguo1234 zhongguo2008 beijing2008beijing "
    "taiyuan123456 shanxi123456 hesheng123456 hesheng12345678 heshengheshen volunteer1234 zhiyuanzhe123 shequ12345678 "
    "football12345 basketball123 sunshine12345 dragon123456 superman12345 trustno1trustno1 qq1234567890 wang12345678 "
    "li1234567890 zhang12345678".split()
)
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
        words = Words("太容易被猜到,请换一个,例如几个不相干的词。", "is easily guessed. Try a few unrelated words.")
        errors.add(field, words)
    errors.raise_any()


class Hasher:
    """Makes and checks hashes. What it does for nobody takes as long as for somebody."""

    def __init__(self) -> None:
        self._argon = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = self._argon.hash("nobody's password")

    def hash(self, password: str) -> bytes:
        """What is stored; the salt is in it."""
        with self._places:
            return self._argon.hash(plain(password)).encode()

    def verify(self, stored: bytes | None, password: str) -> bool:
        """Whether this is the password that was stored."""
        with self._places:
            try:
                return self._argon.verify(stored.decode() if stored else self._nobody, plain(password)) and bool(stored)
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, stored: bytes) -> bool:
        """Whether it was stored with other parameters than today's."""
        return self._argon.check_needs_rehash(stored.decode())
