"""What a message tells, as values for its words and as rows for its mail. All of it is one line each, and plain."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.notifications.contacts import AddressedLink, Contact, StaffContact
from services.notifications.mail.words import in_language, period, plain, short_start, shortest_start
from services.notifications.models import Kind
from services.notifications.operations.claims.links import ClaimedLink
from services.notifications.operations.claims.news import Claimed
from services.notifications.wording.builtin import put
from services.notifications.wording.fitting import writable
from services.notifications.wording.variables import Channel, Language

Row = tuple[str, str]
"""A label and what it labels."""


@dataclass(frozen=True)
class Facts:
    """`values` are what words may name; `rows` are what a mail shows below them, whatever they say."""

    language: Language
    values: dict[str, str]
    rows: list[Row]


def language_of(contact: Contact | AddressedLink | StaffContact) -> Language:
    """In which of our languages somebody is written to."""
    return Language.EN if contact.language.lower().startswith("en") else Language.ZH


def facts_of(
    message: Claimed | ClaimedLink, contact: Contact | AddressedLink, channel: Channel = Channel.MAIL
) -> Facts:
    """What a message tells whom it is for. One about a registration must know its site."""
    if channel is Channel.SMS:
        return _of_sms(message, contact)
    if isinstance(message, ClaimedLink) and isinstance(contact, AddressedLink):
        return _of_link(message, contact)
    if isinstance(message, Claimed):
        return _of_registration(message, contact)
    raise TypeError("a link's message goes to whom its link is for")


def _of_registration(message: Claimed, contact: Contact | AddressedLink) -> Facts:
    language = language_of(contact)
    zone = ZoneInfo(message.time_zone or "Asia/Shanghai")
    site = in_language(language, message.site_zh, message.site_en)
    values = {
        "name": plain(contact.name, 100),
        "site": site,
        "site_short": in_language(language, message.short_zh or message.site_zh, message.short_en or message.site_en),
        "phone": plain(message.site_phone or ""),
        "title": in_language(language, message.title_zh, message.title_en),
        "role": in_language(language, message.role_zh, message.role_en),
        "place": plain(message.place),
        "when": period(message.starts_at, message.ends_at, zone, language),
        "start": short_start(message.starts_at, zone, language),
    }
    values |= _of_kind(message.kind, message.details, zone, language)
    if message.kind == Kind.REMINDER:
        asked = isinstance(contact, Contact) and contact.manage_url is not None and not message.coming
        values["answer"] = _put(language, "values", "answer_by_link" if asked else "answer")
    return Facts(language, values, _rows(values, _before(message.details.get("before", {}), zone, language), language))


def _of_sms(message: Claimed | ClaimedLink, contact: Contact | AddressedLink) -> Facts:
    """The same, put shorter, and without what networks cannot write."""
    if not isinstance(message, Claimed):
        raise TypeError("links go by mail alone")
    facts = _of_registration(message, contact)
    zone = ZoneInfo(message.time_zone or "Asia/Shanghai")
    values = facts.values | {"start": shortest_start(message.starts_at, zone, facts.language)}
    values |= _of_kind(message.kind, message.details, zone, facts.language, Channel.SMS)
    values["answer"] = _put(facts.language, "sms_values", "answer")
    return Facts(facts.language, {name: writable(value) for name, value in values.items()}, [])


def _of_link(message: ClaimedLink, link: AddressedLink) -> Facts:
    language = language_of(link)
    zone = ZoneInfo(message.time_zone or "Asia/Shanghai")
    site = in_language(language, message.site_zh or "和声", message.site_en or "Hesheng")
    values = {
        "name": plain(link.name, 100),
        "site": site,
        "site_short": plain((message.short_en if language is Language.EN else message.short_zh) or "") or site,
        "phone": plain(message.site_phone or ""),
        "about": in_language(language, link.about_zh, link.about_en),
        "until": short_start(message.expires_at, zone, language),
    }
    return Facts(language, values, [])


def _of_kind(
    kind: str, details: dict[str, Any], zone: ZoneInfo, language: Language, channel: Channel = Channel.MAIL
) -> dict[str, str]:
    """The values that only some kinds have."""
    short = "sms_" if channel is Channel.SMS else ""
    section = f"{short}values"
    if kind == Kind.OFFER:
        moment = shortest_start if short else short_start
        until = moment(datetime.fromisoformat(details["until"]), zone, language) if "until" in details else ""
        return {"until": until, "clash": _put(language, section, "clash") if details.get("clashes") else ""}
    if kind == Kind.CANCELLATION:
        waited = details.get("was_waitlisted", False)
        what = {"what": _put(language, section, "waiting" if waited else "registration")}
        why = put(language, f"{short}why", details.get("reason") or "otherwise").fill(what)
        return what | {"why": why, "calendar": "" if waited else _put(language, section, "calendar")}
    if kind in (Kind.TRANSFER_DECLINED, Kind.TRANSFER_EXPIRED):
        return {"asked": _put(language, section, "swap" if details.get("transfer") == "swap" else "hand_over")}
    return {}


def _put(language: Language, section: str, name: str) -> str:
    return put(language, section, name).fill({})


def _before(before: dict[str, Any], zone: ZoneInfo, language: Language) -> dict[str, str]:
    """What it was, where that changed."""
    if not before:
        return {}
    start, end = (datetime.fromisoformat(before[name]) if name in before else None for name in ("starts_at", "ends_at"))
    return {
        "title": in_language(language, before.get("title_zh"), before.get("title_en")),
        "role": in_language(language, before.get("role_zh"), before.get("role_en")),
        "place": plain(before.get("place", "")),
        "when": period(start, end, zone, language) if start and end else "",
    }


def _rows(values: dict[str, str], old: dict[str, str], language: Language) -> list[Row]:
    """What, when, where, in which role; after each what it was, where that changed."""
    rows: list[Row] = []
    for name in ("title", "when", "place", "role"):
        if values[name]:
            rows.append((_label(language, name), values[name]))
        if old.get(name):
            rows.append((_label(language, f"old_{name}"), old[name]))
    return [*rows, (_label(language, "site"), values["site"])]


def _label(language: Language, name: str) -> str:
    return put(language, "frame", name).fill({})
