"""Which registered template tells which kind of message, as the operator's setting SMS_TEMPLATES has it.

    Templates.read("reminder=SMS_1(title,start) reminder.en=SMS_2(title,start) offer=SMS_3(title,until,phone)")

In mainland China no SMS goes out whose words were not registered before: the text lies with the provider, we have its
code and the names of its variables. Each account has its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.notifications.models import Kind
from services.notifications.sms.words import FACTS
from services.notifications.wording.variables import KINDS, Channel

ENTRY = re.compile(r"(?P<kind>[a-z_]+)(?P<english>\.en)?=(?P<code>[A-Za-z0-9_-]+)\((?P<names>[a-z_,]*)\)")


@dataclass(frozen=True)
class Registered:
    """Its code, and the names of its variables."""

    code: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Templates:
    """By kind and language (zh, en)."""

    known: Mapping[tuple[str, str], Registered]

    @classmethod
    def read(cls, setting: str) -> "Templates":
        """Raises ValueError with what is wrong."""
        return cls(dict(_entry(part) for part in setting.split()))

    def find(self, kind: str, language: str) -> Registered | None:
        """The template in this language, else the Chinese one; None for a kind that has none: it goes by no SMS."""
        return self.known.get((kind, language)) or self.known.get((kind, "zh"))


def _entry(part: str) -> tuple[tuple[str, str], Registered]:
    found = ENTRY.fullmatch(part)
    if found is None:
        raise ValueError(f"{part!r} is not like `reminder=SMS_123(title,start)`")
    names = tuple(name for name in found["names"].split(",") if name)
    kind = KINDS.get(found["kind"])
    if found["kind"] != Kind.ANNOUNCEMENT and (kind is None or Channel.SMS not in kind.channels):
        raise ValueError(f"there is no kind of message {found['kind']!r} that goes by SMS")
    for name in names:
        if name not in FACTS:
            raise ValueError(f"there is no {name!r}: templates may use {', '.join(FACTS)}")
    return (found["kind"], "en" if found["english"] else "zh"), Registered(found["code"], names)
