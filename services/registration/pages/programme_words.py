"""What a programme offers, in words: times, organisations, requirements and codes as people say them.

words = ChangeWords(session, site)
words.value("window", {"opens_days_before": 14, "closes_hours_before": 2})   # 提前 14 天开始，提前 2 小时截止
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import Words, called
from services.common.events import ReminderRule
from services.common.pages import clock, day, lasting
from services.registration.codes import ACTIVITY_KINDS, CATEGORIES
from services.registration.models import Organisation, Site
from services.registration.pages.public import ROLES
from services.registration.pages.reminder_forms import in_words
from services.registration.pages.requirement_forms import asked

FIELDS = {
    "title_zh": Words("名称（中文）", "Title, in Chinese"),
    "title_en": Words("名称（英文）", "Title, in English"),
    "kind": Words("类型", "Kind"),
    "place": Words("地点", "Place"),
    "volunteering": Words("是否志愿服务", "Whether it is volunteering"),
    "service_category": Words("服务类别", "Kind of service"),
    "reminder_minutes": Words("提醒", "Reminders"),
    "reminder_rules": Words("更多提醒", "Further reminders"),
    "description_zh": Words("说明（中文）", "What it is, in Chinese"),
    "description_en": Words("说明（英文）", "What it is, in English"),
    "risks_zh": Words("风险告知（中文）", "Risks, in Chinese"),
    "risks_en": Words("风险告知（英文）", "Risks, in English"),
    "public": Words("是否公开", "Whether it is public"),
    "per_person_limit": Words("每人最多几场", "Shifts per person"),
    "party_limit": Words("一次最多几人", "People per sign-up"),
    "waitlist_order": Words("候补顺序", "Order of the waitlist"),
    "promotion": Words("递补方式", "How places are passed on"),
    "offer_minutes": Words("答复时限", "Time to answer"),
    "window": Words("报名时间", "When one can sign up"),
    "organisations": Words("参与单位", "Organisations"),
    "room_wish": Words("房间要求", "Room that is needed"),
    "team_wish": Words("队伍要求", "Team that is wanted"),
    "when": Words("时间", "When"),
    "role_zh": Words("岗位（中文）", "Role, in Chinese"),
    "role_en": Words("岗位（英文）", "Role, in English"),
    "capacity": Words("名额", "Places"),
    "requirements": Words("报名要求", "Requirements"),
}
CODES: dict[str, dict[str, Words]] = {
    "kind": ACTIVITY_KINDS,
    "service_category": CATEGORIES,
    "waitlist_order": {
        "order": Words("先到先得", "First come, first served"),
        "priority": Words("按优先级", "By priority"),
    },
    "promotion": {
        "direct": Words("直接给下一位", "Given to the next"),
        "offer": Words("先询问，限时答复", "Offered first, with a deadline"),
    },
}
NOTHING = Words("（空）", "(nothing)")
NO_LIMIT = Words("不限", "No limit")


class ChangeWords:
    """Says the values of offered changes; knows the organisations by name and the site's clocks."""

    def __init__(self, session: Session, site: Site) -> None:
        self._session = session
        self._zone = site.time_zone

    def value(self, field: str, value: Any) -> str:
        """One value of a field, as a sentence or less."""
        special: dict[str, Callable[[Any], str]] = {
            "window": self._window,
            "organisations": self._organisations,
            "requirements": lambda found: asked(found) or str(Words("没有要求", "none")),
            "when": when,
            "reminder_minutes": _reminders,
            "reminder_rules": lambda rules: str(_joined([Words(one, one) for one in map(_rule, rules)])),
            "offer_minutes": lasting,
        }
        if field == "per_person_limit" and value is None:
            return str(NO_LIMIT)
        if value in (None, "") or (value == [] and field != "reminder_minutes"):
            return str(NOTHING)
        if isinstance(value, bool):
            return str(Words("是", "yes") if value else Words("否", "no"))
        if field in special:
            return special[field](value)
        known = CODES.get(field, {}).get(str(value))
        return str(known or value)

    def whole(self, thing: dict[str, Any]) -> str:
        """An activity or a shift of the template."""
        if "shifts" in thing:
            n = len(thing["shifts"])
            title = called(thing, "title")
            return str(Words(f"{title.zh}，{n} 场", f"{title.en}, {n} shift(s)"))
        role, places = str(called(thing, "role")), thing["capacity"]
        return f"{when(thing)}{f' · {role}' if role else ''} · {Words(f'{places} 个名额', f'{places} place(s)')}"

    def _window(self, found: dict[str, Any]) -> str:
        """When sign-up opens and closes: before the first shift, or, at the site, at a moment."""
        if "registration_opens_at" in found:
            opens, closes = (self._moment(found[f"registration_{end}_at"]) for end in ("opens", "closes"))
            parts = [Words(f"{opens} 开始", f"opens {opens}")] if opens else []
            parts += [Words(f"{closes} 截止", f"closes {closes}")] if closes else []
        else:
            days, hours = found.get("opens_days_before"), found.get("closes_hours_before")
            parts = [] if days is None else [Words(f"提前 {days} 天开始", f"opens {days} days before")]
            parts += [] if hours is None else [Words(f"提前 {hours} 小时截止", f"closes {hours} hours before")]
        return str(_joined(parts)) if parts else str(Words("一直可以报名，到开始为止", "Open until it begins"))

    def _moment(self, written: str | None) -> str:
        if not written:
            return ""
        moment = datetime.fromisoformat(written)
        return f"{day(moment, self._zone)} {clock(moment, self._zone)}"

    def _organisations(self, found: list[dict[str, Any]]) -> str:
        ids = [UUID(str(one["organisation_id"])) for one in found]
        rows = self._session.scalars(select(Organisation).where(Organisation.id.in_(ids)))
        names = {one.id: called(one) for one in rows}
        gone = Words("（已不存在的单位）", "(an organisation that is gone)")
        told = [(Words(*ROLES[one["role"]]), names.get(of, gone)) for one, of in zip(found, ids, strict=True)]
        return str(_joined([Words(f"{role.zh}：{who.zh}", f"{role.en}: {who.en}") for role, who in told]))


def when(found: dict[str, Any]) -> str:
    """Day, time and length of a shift."""
    number, length = found["day"] + 1, lasting(found["minutes"])
    return str(Words(f"第 {number} 天 {found['time']}，{length}", f"day {number}, {found['time']}, {length}"))


def field_names(fields: list[str]) -> str:
    """Names of fields, one after the other."""
    known = [FIELDS.get(field, Words(field, field)) for field in fields]
    return str(Words("、".join(one.zh for one in known), ", ".join(one.en for one in known)))


def _reminders(minutes: list[int]) -> str:
    if not minutes:
        return str(Words("不提醒", "none"))
    each = [lasting(one) for one in minutes]
    return str(Words(f"提前 {'、'.join(each)}", f"{', '.join(each)} before"))


def _rule(rule: dict[str, Any]) -> str:
    return in_words(ReminderRule.model_validate(rule))


def _joined(parts: list[Words]) -> Words:
    return Words("，".join(one.zh for one in parts), ", ".join(one.en for one in parts))
