"""What mails to leaders and staff tell: one shift, or the shifts whose service hours are not recorded yet."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.common.working_days import is_estimate
from services.notifications.contacts import Contact, StaffContact
from services.notifications.mail.words import in_language, period, plain, short_day, short_start
from services.notifications.models import Kind
from services.notifications.operations.claims.notices import ClaimedNotice
from services.notifications.wording.builtin import put
from services.notifications.wording.facts import Facts, Row
from services.notifications.wording.variables import Language

SHIFT_ROWS = ("title", "when", "place", "role")
MOST = 20
"""Shifts that one mail lists; the page lists them all."""


def notice_facts(message: ClaimedNotice, contact: Contact | StaffContact, language: Language) -> Facts:
    """What the words are made of. The rows list the shifts where there may be several: by when, and what."""
    zone = ZoneInfo(message.time_zone or "Asia/Shanghai")
    deadlines = [date.fromisoformat(one["deadline"]) for one in message.shifts if one["deadline"]]
    values = {
        "name": plain(contact.name, 100),
        "site": in_language(language, message.site_zh, message.site_en),
        "phone": plain(message.site_phone or ""),
        "title": in_language(language, message.title_zh, message.title_en),
        "role": in_language(language, message.role_zh, message.role_en),
        "place": plain(message.place),
        "when": period(message.starts_at, message.ends_at, zone, language),
        "start": short_start(message.starts_at, zone, language),
        "count": str(len(message.shifts)),
        "over": str(_over(message)),
        "estimate": put(language, "hours", "estimate").fill({}) if any(map(is_estimate, deadlines)) else "",
    }
    rows = _hours(message, zone, language) if message.kind == Kind.HOURS else _shift(values, language)
    return Facts(language, values, rows)


def notice_words(message: ClaimedNotice) -> str:
    """The name of its words."""
    if message.kind == Kind.HOURS:
        return "hours_over" if _over(message) else "hours"
    return "notice_leaders" if message.audience == "leaders" else "notice_staff"


def _over(message: ClaimedNotice) -> int:
    return sum(one["kind"] == "hours_over" for one in message.shifts)


def _shift(values: dict[str, str], language: Language) -> list[Row]:
    return [(put(language, "frame", name).fill({}), values[name]) for name in SHIFT_ROWS if values[name]]


def notice_url(message: ClaimedNotice, contact: Contact | StaffContact) -> str:
    """The page where something can be done about it; leaders log in for theirs, so that no mail opens a team."""
    if not isinstance(contact, StaffContact):
        return ""
    return contact.hours_url if message.kind == Kind.HOURS else f"{contact.shifts_url}{message.shift_id}"


def _hours(message: ClaimedNotice, zone: ZoneInfo, language: Language) -> list[Row]:
    by, joined = ("：", "，") if language is Language.ZH else (": ", ", ")
    return [
        (
            f"{short_day(date.fromisoformat(one['deadline']), language)}{by}",
            in_language(language, one["title_zh"], one["title_en"])
            + joined
            + short_start(datetime.fromisoformat(one["starts_at"]), zone, language),
        )
        for one in message.shifts[:MOST]
    ]
