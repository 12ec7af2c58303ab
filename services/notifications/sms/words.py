"""A message in the words of an SMS, at most two segments long.

made = Texts(signed=False).compose(claimed, contact)      # .text is a Text, for whoever has a phone

No link is in it: our links prove an address, are longer than one segment, and may not be a template's variable in
mainland China. Who has a phone alone answers by phone, so the site's number is in it wherever there is something to do.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from services.notifications.contacts import Contact
from services.notifications.mail.words import plain
from services.notifications.operations.claims.news import Claimed
from services.notifications.sms import Text
from services.notifications.wording.facts import facts_of
from services.notifications.wording.fitting import signature
from services.notifications.wording.made_with import MadeWith
from services.notifications.wording.tell import tell
from services.notifications.wording.variables import Channel, Language

FACTS = {"title": 24, "start": 16, "place": 24, "role": 12, "site": 20, "phone": 20, "until": 16}
"""What a registered template may say, and how many characters each has at most: two segments in all with the templates
of `docs/operations.md`, and less than the 35 that Alibaba Cloud takes."""


@dataclass(frozen=True)
class Made:
    """An SMS, and with which words it was made."""

    text: Text
    made_with: MadeWith


class Texts:
    """Makes texts. `signed`: the provider puts who writes in 【】 before them."""

    def __init__(self, signed: bool) -> None:
        self._signed = signed

    def compose(self, message: Claimed, contact: Contact) -> Made:
        """The text, for whoever has a phone. `message` must know its site."""
        facts = facts_of(message, contact, Channel.SMS)
        told = tell(message.kind, Channel.SMS, facts, message.words)
        sign = "" if self._signed else signature(facts.values)
        known = {"until": "", **facts.values, "site": facts.values["site_short"]}
        text = Text(
            to=contact.phone or "",
            kind=message.kind,
            language=facts.language.value,
            words=sign + told.text[0],
            facts={name: fact(name, known[name], facts.language) for name in FACTS} | _machine_times(message),
        )
        return Made(text, told.made_with)


def _machine_times(message: Claimed) -> dict[str, str]:
    """Times as a template's variable of that kind must be written."""
    zone, until = ZoneInfo(message.time_zone or "Asia/Shanghai"), message.details.get("until")
    start = {"start": f"{message.starts_at.astimezone(zone):%Y-%m-%d %H:%M}"}
    return start | ({"until": f"{datetime.fromisoformat(until).astimezone(zone):%Y-%m-%d %H:%M}"} if until else {})


def fact(name: str, value: str, language: Language) -> str:
    """A variable of a registered template. It must not be empty: where a site has no number, its staff are asked."""
    absent = {Language.ZH: "工作人员", Language.EN: "its staff"}[language] if name == "phone" else "-"
    return plain(value, FACTS[name]) or absent
