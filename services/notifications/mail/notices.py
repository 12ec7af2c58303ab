"""What mails to leaders and staff tell: one shift, or the shifts whose service hours are not recorded yet."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.common.working_days import is_estimate
from services.notifications.contacts import Contact, StaffContact
from services.notifications.mail.words import in_language, period, plain, short_day, short_start
from services.notifications.models import Kind
from services.notifications.operations.claims import ClaimedNotice

SHIFT_ROWS = ("title", "when", "place", "role")
MOST = 20
"""Shifts that one mail lists; the page lists them all."""


def notice_facts(message: ClaimedNotice, language: str) -> dict[str, Any]:
    """What the words are made of. `rows` lists the shifts where there may be several: by when, and what."""
    zone = ZoneInfo(message.time_zone or "Asia/Shanghai")
    deadlines = [date.fromisoformat(one["deadline"]) for one in message.shifts if one["deadline"]]
    return {
        "audience": message.audience,
        "site": in_language(language, message.site_zh, message.site_en),
        "title": in_language(language, message.title_zh, message.title_en),
        "role": in_language(language, message.role_zh, message.role_en),
        "place": plain(message.place),
        "when": period(message.starts_at, message.ends_at, zone, language),
        "start": short_start(message.starts_at, zone, language),
        "rows": _hours(message, zone, language) if message.kind == Kind.HOURS else [],
        "count": len(message.shifts),
        "over": sum(one["kind"] == "hours_over" for one in message.shifts),
        "is_estimate": any(map(is_estimate, deadlines)),
    }


def notice_url(message: ClaimedNotice, contact: Contact | StaffContact) -> str:
    """The page where something can be done about it; leaders log in for theirs, so that no mail opens a team."""
    if not isinstance(contact, StaffContact):
        return ""
    return contact.hours_url if message.kind == Kind.HOURS else f"{contact.shifts_url}{message.shift_id}"


def _hours(message: ClaimedNotice, zone: ZoneInfo, language: str) -> list[tuple[str, str]]:
    by, joined = ("：", "，") if language == "zh" else (": ", ", ")
    return [
        (
            f"{short_day(date.fromisoformat(one['deadline']), language)}{by}",
            in_language(language, one["title_zh"], one["title_en"])
            + joined
            + short_start(datetime.fromisoformat(one["starts_at"]), zone, language),
        )
        for one in message.shifts[:MOST]
    ]
