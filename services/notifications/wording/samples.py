"""Messages that never were, for looking at words: one as most are, one where all that may be missing is, one of what
is longest, and one for each thing that a kind of message may say besides.

They go the way of real messages, so that what renders here renders there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.common.errors import Words
from services.notifications.contacts import AddressedLink, Contact
from services.notifications.models import Kind
from services.notifications.operations.claims.links import ClaimedLink
from services.notifications.operations.claims.news import Claimed
from services.notifications.wording.variables import VARIABLES, Language, TemplateKind

NOBODY = UUID(int=0)
STARTS_AT = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)  # nine o'clock in Taiyuan
UNTIL = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
LONG = 200
"""Characters to which a value is cut (`mail/words.plain`)."""


@dataclass(frozen=True)
class Sample:
    """A message with whom it goes to."""

    name: str
    title: Words
    message: Claimed | ClaimedLink
    contact: Contact | AddressedLink


def samples_of(kind: TemplateKind, language: Language) -> list[Sample]:
    """All samples of a kind, the usual one first."""
    if kind.is_link:
        return list(_links(kind, language))
    return list(_news(kind, language))


USUAL = Words("常见的", "as most are")
SPARSE = Words("没有地点、岗位和电话", "without a place, a role and a phone number")
SPARSE_LINK = Words("没有写明事项", "without saying what it is about")
LONGEST = Words("名称都很长", "with very long names")


def _news(kind: TemplateKind, language: Language) -> Iterator[Sample]:
    for name, title, details in _details(kind.name):
        yield Sample(name, title, _claimed(kind.name, details), _contact(language))
    details = {"reason": "person", "was_waitlisted": True, "until": UNTIL.isoformat()}
    yield Sample(
        "sparse", SPARSE, _claimed(kind.name, details, place="", site_phone="", role="", short=""), _contact(language)
    )
    yield Sample(
        "long", LONGEST, _claimed(kind.name, details | {"clashes": True}, **_LONG), _contact(language, "长" * 100)
    )


_LONG = dict.fromkeys(("title", "place", "role", "site", "short"), "长" * LONG)


def _details(kind: str) -> list[tuple[str, Words, dict[str, Any]]]:
    """(name, title, details) of what the kind may say, the usual first."""
    if kind == Kind.OFFER:
        until = {"until": UNTIL.isoformat()}
        clash = Words("同一时间另有名额", "with another place at that time")
        return [("usual", USUAL, until), ("clash", clash, until | {"clashes": True})]
    if kind == Kind.CANCELLATION:
        return [(reason, title, {"reason": reason}) for reason, title in _REASONS]
    if kind in (Kind.TRANSFER_DECLINED, Kind.TRANSFER_EXPIRED):
        swap = Words("换场次", "a swap")
        return [("usual", USUAL, {"transfer": "hand_over"}), ("swap", swap, {"transfer": "swap"})]
    if kind == Kind.CHANGE:
        moved = {"starts_at": UNTIL.isoformat(), "ends_at": (UNTIL + timedelta(hours=2)).isoformat()}
        return [
            ("usual", USUAL, {"before": moved}),
            ("place", Words("换了地点", "another place"), {"before": {"place": "旧礼堂"}}),
        ]
    return [("usual", USUAL, {})]


_REASONS = (
    ("site", Words("由站点取消", "by the site")),
    ("person", Words("由本人取消", "by the person")),
    ("shift_cancelled", Words("场次取消", "the shift was called off")),
    ("activity_cancelled", Words("活动取消", "the activity was called off")),
    ("offer_declined", Words("放弃名额", "an offer was declined")),
    ("offer_expired", Words("名额过期", "an offer expired")),
    ("handed_over", Words("转给他人", "handed over")),
    ("swapped", Words("换了场次", "swapped")),
    ("instead_of", Words("另有名额", "another place at that time")),
    ("requirements", Words("不符合条件", "requirements not met")),
)


def _links(kind: TemplateKind, language: Language) -> Iterator[Sample]:
    about = {"about_zh": VARIABLES["about"].example.zh, "about_en": VARIABLES["about"].example.en}
    yield Sample("usual", USUAL, _claimed_link(kind.name), _addressed(language, **about))
    yield Sample("sparse", SPARSE_LINK, _claimed_link(kind.name, site_phone="", short=""), _addressed(language))
    long = "长" * LONG
    yield Sample(
        "long",
        LONGEST,
        _claimed_link(kind.name, site=long, short=long),
        _addressed(language, about_zh=long, about_en=long),
    )


def _claimed(kind: str, details: dict[str, Any], **other: str) -> Claimed:
    named: dict[str, Any] = _taken(other) | _both("role", other) | _both("title", other)
    return Claimed(
        **named,
        kind=kind,
        person_id=NOBODY,
        site_id=NOBODY,
        registration_id=NOBODY,
        calendar_sequence=None,
        details=details,
        created_at=UNTIL,
        starts_at=STARTS_AT,
        ends_at=STARTS_AT + timedelta(hours=2),
        place=other.get("place", VARIABLES["place"].example.zh),
    )


def _claimed_link(purpose: str, **other: str) -> ClaimedLink:
    return ClaimedLink(**_taken(other), link_id=NOBODY, purpose=purpose, site_id=NOBODY, expires_at=UNTIL)


def _taken(other: dict[str, str]) -> dict[str, Any]:
    short = other.get("short")
    return {
        "id": NOBODY,
        "claimed_at": UNTIL,
        "message_id_header": "<sample@example.org>",
        "request_id": None,
        "in_doubt": False,
        **_both("site", other),
        "time_zone": "Asia/Shanghai",
        "site_phone": other.get("site_phone", VARIABLES["phone"].example.zh),
        "short_zh": VARIABLES["site_short"].example.zh if short is None else short,
        "short_en": VARIABLES["site_short"].example.en if short is None else short,
        "words": None,
    }


def _both(name: str, other: dict[str, str]) -> dict[str, str]:
    """A value in both languages, by the example of its variable."""
    example = VARIABLES[name].example
    return {f"{name}_zh": other.get(name, example.zh), f"{name}_en": other.get(name, example.en)}


def _contact(language: Language, name: str = "") -> Contact:
    example = VARIABLES["name"].example
    return Contact(
        person_id=NOBODY,
        site_id=NOBODY,
        name=name or (example.zh if language is Language.ZH else example.en),
        email="sample@example.org",
        language=language.value,
        manage_url="https://example.org/links/sample",
    )


def _addressed(language: Language, **about: str) -> AddressedLink:
    example = VARIABLES["name"].example
    return AddressedLink(
        link_id=NOBODY,
        url="https://example.org/links/sample",
        name=example.zh if language is Language.ZH else example.en,
        email="sample@example.org",
        language=language.value,
        **about,
    )
