"""What the mail about a day tells: tomorrow's shifts with their numbers, and what the days before left open."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.common.logs import get_logger
from services.notifications.contacts import DayAttendance, DayShift, StaffContact
from services.notifications.mail.timeline import label_of, timeline
from services.notifications.mail.words import in_language, plain, short_day, short_start
from services.notifications.operations.claims.digests import ClaimedDigest
from services.notifications.wording.builtin import put
from services.notifications.wording.facts import Facts
from services.notifications.wording.variables import Language

log = get_logger(__name__)


@dataclass(frozen=True)
class Picture:
    """Where it is (`cid:…` in a mail), and what it shows, in words."""

    src: str
    alt: str


@dataclass(frozen=True)
class Line:
    """What, which leads to its page, and its numbers."""

    what: str
    numbers: str
    url: str


@dataclass(frozen=True)
class Section:
    """A heading with its lines."""

    heading: str
    lines: list[Line]


def digest_facts(message: ClaimedDigest, contact: StaffContact, language: Language) -> Facts:
    """What the words are made of: `count` shifts, `missing` consents (empty for none)."""
    missing = sum(one.without_consent for one in message.shifts)
    values = {
        "name": plain(contact.name, 100),
        "site": in_language(language, message.site_zh, message.site_en),
        "phone": plain(message.site_phone or ""),
        "start": short_day(message.day, language),
        "count": str(len(message.shifts)),
        "missing": str(missing) if missing else "",
    }
    return Facts(language, values, [])


def sections_of(message: ClaimedDigest, contact: StaffContact, language: Language) -> tuple[Section, ...]:
    """The lists, each only where there is something in it."""
    zone = ZoneInfo(message.time_zone or "Asia/Shanghai")
    lists = {
        "tomorrow": [
            Line(_what(one, zone, language), numbers_of(one, language), f"{contact.shifts_url}{one.shift_id}")
            for one in message.shifts
        ],
        "before": [
            Line(came_to(one, zone, language), attendance_of(one, language), f"{contact.shifts_url}{one.shift_id}")
            for one in message.attendance
        ],
    }
    return tuple(Section(put(language, "digest", name).fill({}), lines) for name, lines in lists.items() if lines)


def picture_of(message: ClaimedDigest, language: Language) -> bytes | None:
    """The day as a picture. None where there is nothing to draw, or it cannot be drawn: the mail is whole without."""
    if not message.shifts:
        return None
    try:
        return timeline(message.shifts, message.day, ZoneInfo(message.time_zone or "Asia/Shanghai"), language)
    except Exception as error:
        log.warning("picture_not_drawn", message_id=str(message.id), reason=type(error).__name__)
        return None


def _what(shift: DayShift, zone: ZoneInfo, language: Language) -> str:
    where = in_language(language, shift.where_zh, shift.where_en)
    by = "，" if language is Language.ZH else ", "
    return label_of(shift, zone, language) + (by + where if where else "")


def numbers_of(shift: DayShift, language: Language) -> str:
    """How it is taken: `：报名 12/50，候补 3`."""
    zh = language is Language.ZH
    told = [f"报名 {shift.confirmed}/{shift.places}" if zh else f"{shift.confirmed} of {shift.places} places taken"]
    counted = (
        (shift.waitlisted, "候补 {}", "{} waiting"),
        (shift.offered, "待确认 {}", "{} offered"),
        (shift.without_consent, "缺同意书 {} 人", "{} without a consent"),
    )
    return _listed([*told, *_those(counted, language)], language)


def came_to(shift: DayAttendance, zone: ZoneInfo, language: Language) -> str:
    """Which shift: `11月30日（星期一）14:00 合唱排练`."""
    start = short_start(shift.starts_at, zone, language)
    return f"{start} {in_language(language, shift.title_zh, shift.title_en)}"


def attendance_of(shift: DayAttendance, language: Language) -> str:
    """Who did not come, and of whom it is not known."""
    counted = ((shift.absent, "缺席 {} 人", "{} did not come"), (shift.open, "未记录 {} 人", "{} not recorded yet"))
    return _listed(_those(counted, language), language)


def _those(counted: Sequence[tuple[int, str, str]], language: Language) -> list[str]:
    return [(zh if language is Language.ZH else en).format(count) for count, zh, en in counted if count]


def _listed(told: list[str], language: Language) -> str:
    return "：" + "，".join(told) if language is Language.ZH else ": " + ", ".join(told)
