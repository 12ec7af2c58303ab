"""Personal data: encrypted in its columns, found again through a keyed hash, and normalised before either.

    data = PersonalData(keys, index_key)
    data.encrypt("13800000001")                      # bytes for the column
    data.decrypt(told.phone)                         # the value again; a Problem that says what to do without its key
    data.shown(told.name), data.readable(told.phone) # the same for lists, which one unreadable row must not break
    data.identity("phone", "+8613800000001", name)   # 32 bytes; equal for the same person, useless without the key

Members of a family share a phone, so an identity is always a contact **and** a name.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Literal

import phonenumbers

from services.common.errors import Problem
from services.common.events import AgeBand
from services.common.sealing import Box

REGION = "CN"
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")

# Mobile numbers of China that the library takes for valid as well, at a hundredth of its time.
USUAL_MOBILE = re.compile(r"(?:\+86)?(1(?:3[0-9]|5[0-35-9]|8[0-9])[0-9]{8})")

NO_NAME = "〔无法读取，请联系运维人员 · unreadable: ask the operator〕"
"""What stands for a name that cannot be read, whatever the reader's language."""


class PersonalData(Box):
    """Encrypts with the newest key, reads what older ones encrypted; and finds people again by keyed hashes."""

    def __init__(self, keys: Sequence[str], index_key: bytes) -> None:
        if len(index_key) != 32:
            raise ValueError("BLIND_INDEX_KEY must be the base64 of 32 bytes")
        super().__init__("PERSONAL_DATA_KEYS", keys)
        self._index_key = index_key
        # By this a row tells which key encrypted it. It says nothing of the key.
        self.newest_key = hashlib.sha256(b"hesheng " + keys[0].encode()).hexdigest()[:12]

    def readable(self, stored: bytes | None) -> str | None:
        """The value again; None where there is none, or none that can be read."""
        try:
            return self.decrypt(stored) if stored else None
        except Problem:
            return None

    def shown(self, stored: bytes) -> str:
        """The name again, or what says that it cannot be read. To look at: never compare or store it."""
        name = self.readable(stored)
        return NO_NAME if name is None else name

    def renew(self, stored: bytes) -> bytes:
        """The same value, encrypted with the newest key."""
        return self._fernet.rotate(stored)

    def seal(self, content: bytes) -> bytes:
        """Some of a file, as it is stored."""
        return self._fernet.encrypt(content)

    def unseal(self, stored: bytes) -> bytes:
        """The same again. Raises `cryptography.fernet.InvalidToken` when its key is gone."""
        return self._fernet.decrypt(stored)

    def identity(self, kind: Literal["phone", "email"], contact: str, name: str) -> bytes:
        """By what a person is found again: a normalised contact together with the name."""
        return self._keyed("identity", kind, contact.lower(), plain_name(name))

    def contact_index(self, kind: Literal["phone", "email"], contact: str) -> bytes:
        """By what the desk finds whoever has this contact: a family, maybe."""
        return self._keyed("contact", kind, contact.lower())

    def id_number_hash(self, number: str) -> bytes:
        """By what one ID number is known as the same at every site."""
        return self._keyed("id number", number)

    def account(self, email: str) -> bytes:
        """By what an account of staff is found: its address alone, for there are no families here."""
        return self._keyed("account", unicodedata.normalize("NFKC", email).strip().casefold())

    def key_for(self, purpose: str) -> bytes:
        """32 bytes for signing something else, such as links: one secret to keep, and none reveals another."""
        return self._keyed("key", purpose)

    def fingerprint(self, *parts: str) -> bytes:
        """What tells one request from another. Keyed, because a request may hold personal data."""
        return self._keyed("request", *parts)

    def _keyed(self, *parts: str) -> bytes:
        return hmac.digest(self._index_key, "\0".join(parts).encode(), hashlib.sha256)


def plain_name(name: str) -> str:
    """A name as it is compared: without case, spacing, width and invisible marks."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    if folded.isalnum():  # as most are, and at a tenth of the time
        return folded
    return "".join(letter for letter in folded if unicodedata.category(letter) not in ("Cc", "Cf", "Zs"))


def normal_phone(written: str) -> str | None:
    """E.164, or None when this is no phone number. Without a country code it is one of China."""
    usual = USUAL_MOBILE.fullmatch(written)
    if usual:
        return f"+86{usual[1]}"
    try:
        number = phonenumbers.parse(written, REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_email(written: str) -> str | None:
    """The address without surrounding blanks, or None when mail cannot be sent to it."""
    address = written.strip()
    return address if len(address) <= 254 and EMAIL.fullmatch(address) else None


def mailbox(contact: str) -> str:
    """The contact without what many providers ignore of an address: `lin+anything@…` is read where `lin@…` is."""
    local, at, domain = contact.lower().partition("@")
    return f"{local.partition('+')[0]}@{domain}" if at else local


def age_on(birth_date: date, day: date) -> int:
    """Full years on that day."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def age_band(birth_date: date, day: date) -> AgeBand:
    """The age on that day, as coarse as events carry it."""
    age = age_on(birth_date, day)
    for limit, band in ((14, AgeBand.UNDER_14), (18, AgeBand.FROM_14), (35, AgeBand.FROM_18), (60, AgeBand.FROM_35)):
        if age < limit:
            return band
    return AgeBand.FROM_60
