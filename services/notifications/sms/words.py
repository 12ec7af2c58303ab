"""A message in the words of an SMS, at most two segments long: `templates/<language>/sms.jinja`.

text = Wording(signed=False).compose(claimed, contact)      # a Text, for whoever has a phone

No link is in it: our links prove an address, are longer than one segment, and may not be a template's variable in
mainland China. Who has a phone alone answers by phone, so the site's number is in it wherever there is something to do.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.notifications.contacts import Contact
from services.notifications.mail.words import MONTHS_EN, WEEKDAYS_EN, WEEKDAYS_ZH, plain
from services.notifications.operations.claims import Claimed
from services.notifications.sms import Text

FIRST, EACH = 70, 67
"""Characters of an SMS, and of each segment once there are several: China's networks count so in every script."""
LONGEST = 2 * EACH

WIDTHS = (60, 40, 30, 24, 18, 12, 8)
"""To how many characters titles and places are cut, until it fits."""

FACTS = {"title": 24, "start": 16, "place": 24, "role": 12, "site": 20, "phone": 20, "until": 16}
"""What a registered template may say, and how many characters each has at most: two segments in all with the templates
of `docs/operations.md`, and less than the 35 that Alibaba Cloud takes."""


def segments(text: str) -> int:
    """How many SMS it is charged as."""
    length = _length(text)
    return 1 if length <= FIRST else -(-length // EACH)


def _length(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


class Wording:
    """Makes texts. `signed`: the provider puts who writes in 【】 before them."""

    def __init__(self, signed: bool) -> None:
        self._signed = signed
        loader = PackageLoader("services.notifications", "templates")
        # Text, in which nothing is marked up.
        words = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701
        self._words = {language: words.get_template(f"{language}/sms.jinja") for language in ("zh", "en")}

    def compose(self, message: Claimed, contact: Contact) -> Text:
        """The text, for whoever has a phone. `message` must know its site."""
        language = "en" if contact.language.lower().startswith("en") else "zh"
        facts = _facts(message, language)
        return Text(
            to=contact.phone or "",
            kind=message.kind,
            language=language,
            words=self._fitting(message, language, facts),
            facts={name: _fact(name, facts[name], language) for name in FACTS} | _machine_times(message),
        )

    def _fitting(self, message: Claimed, language: str, facts: dict[str, Any]) -> str:
        sign = "" if self._signed else f"【{plain(facts['site'], 20)}】"
        text = ""
        for width in WIDTHS:
            cut = {name: plain(facts[name], width) for name in ("title", "place", "role", "site")}
            told = self._words[language].render(facts | cut | _reasons(message))
            text = sign + " ".join(told.split())
            if _length(text) <= LONGEST:
                return text
        return plain(text, LONGEST)


def _reasons(message: Claimed) -> dict[str, Any]:
    details = message.details
    return {
        "kind": message.kind,
        "reason": details.get("reason"),
        "was_waitlisted": details.get("was_waitlisted", False),
        "clashes": details.get("clashes", False),
        "transfer": details.get("transfer"),
    }


def _facts(message: Claimed, language: str) -> dict[str, Any]:
    zone, until = ZoneInfo(message.time_zone or "Asia/Shanghai"), message.details.get("until")
    return {
        "title": _in(language, message.title_zh, message.title_en),
        "role": _in(language, message.role_zh, message.role_en),
        "place": _clean(message.place),
        "site": _in(language, message.short_zh or message.site_zh, message.short_en or message.site_en),
        "phone": _clean(message.site_phone or ""),
        "start": _moment(message.starts_at, zone, language),
        "until": _moment(datetime.fromisoformat(until), zone, language) if until else "",
    }


def _machine_times(message: Claimed) -> dict[str, str]:
    """Times as a template's variable of that kind must be written."""
    zone, until = ZoneInfo(message.time_zone or "Asia/Shanghai"), message.details.get("until")
    start = {"start": f"{message.starts_at.astimezone(zone):%Y-%m-%d %H:%M}"}
    return start | ({"until": f"{datetime.fromisoformat(until).astimezone(zone):%Y-%m-%d %H:%M}"} if until else {})


def _moment(moment: datetime, zone: ZoneInfo, language: str) -> str:
    there = moment.astimezone(zone)
    if language == "zh":
        return f"{there.month}月{there.day}日周{WEEKDAYS_ZH[there.weekday()]}{there:%H:%M}"
    return f"{WEEKDAYS_EN[there.weekday()][:3]} {there.day} {MONTHS_EN[there.month - 1][:3]} {there:%H:%M}"


def _in(language: str, zh: str | None, en: str | None) -> str:
    """In the language asked for, where there are any words; else what there is."""
    return _clean((en if language == "en" else zh) or zh or en or "")


def _clean(value: str) -> str:
    """Without what networks take for a sign, or cannot write."""
    kept = "".join(character for character in value if ord(character) < 0x10000)
    return plain(kept.translate(str.maketrans("【】", "（）")))


def _fact(name: str, value: str, language: str) -> str:
    """A variable must not be empty: where a site has no number, its staff are asked."""
    absent = {"zh": "工作人员", "en": "its staff"}[language] if name == "phone" else "-"
    return plain(value, FACTS[name]) or absent
