"""An SMS says what matters in at most two segments, whatever people named things."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from services.notifications.contacts import Contact
from services.notifications.models import Kind
from services.notifications.operations.claims.news import Claimed
from services.notifications.sms.words import FACTS, Texts
from services.notifications.wording import variables
from services.notifications.wording.fitting import LONGEST
from services.notifications.wording.sms import measured
from services.notifications.wording.variables import Channel

REASONS = ("shift_cancelled", "activity_cancelled", "offer_declined", "offer_expired", "handed_over", "swapped",
           "instead_of", "requirements", "site", "person")  # fmt: skip
TEXTS = {signed: Texts(signed) for signed in (True, False)}
KINDS = [Kind(name) for name, kind in variables.KINDS.items() if Channel.SMS in kind.channels]


def claimed(kind: str = "reminder", **other: Any) -> Claimed:
    now = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
    told: dict[str, Any] = {
        "id": uuid4(), "claimed_at": now, "message_id_header": "<a@b>", "request_id": None, "in_doubt": False,
        "site_zh": "赛马场区域党群服务中心", "site_en": "Saimachang Area Service Centre", "short_zh": "赛马场站",
        "short_en": "Saimachang", "time_zone": "Asia/Shanghai", "site_phone": "0351-7654321", "kind": kind,
        "person_id": uuid4(), "site_id": uuid4(), "registration_id": uuid4(), "calendar_sequence": 0,
        "details": {"until": "2026-11-30T12:00:00+00:00"}, "created_at": now, "starts_at": now, "ends_at": now,
        "role_zh": "歌手", "role_en": "singer", "title_zh": "合唱排练", "title_en": "Choir rehearsal",
        "place": "赛马场党群服务中心二楼", "words": None,
    }  # fmt: skip
    return Claimed(**told | other)


def contact(language: str = "zh-CN") -> Contact:
    return Contact(person_id=uuid4(), site_id=uuid4(), name="王小明", phone="+8613800001234", language=language)


def words(message: Claimed, language: str = "zh-CN", signed: bool = False) -> str:
    return TEXTS[signed].compose(message, contact(language)).text.words


def test_a_reminder_says_what_when_where_and_whom_to_tell() -> None:
    assert words(claimed()) == (
        "【赛马场站】提醒：您报名了合唱排练，12月1日周二09:00，赛马场党群服务中心二楼。不能来请告诉站点0351-7654321。"
    )
    assert words(claimed(), "en") == (
        "【Saimachang】Reminder: Choir rehearsal, Tue 1 Dec 09:00, 赛马场党群服务中心二楼. "
        "Cannot come? Tell the site 0351-7654321."
    )


def test_an_offer_says_until_when_and_that_the_answer_goes_to_the_site() -> None:
    assert words(claimed("offer"), signed=True) == (
        "有名额为您保留到11月30日周一20:00：合唱排练，12月1日周二09:00。要不要，请在此之前答复站点0351-7654321，过期让给下一位。"
    )


def test_a_site_without_a_short_name_or_phone_is_written_to_all_the_same() -> None:
    text = words(claimed(short_zh="", site_phone=None))
    assert text.startswith("【赛马场区域党群服务中心】")
    assert text.endswith("不能来请告诉站点。")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("signed", [True, False])
def test_every_kind_and_reason_fits_with_long_names_and_still_says_when(language: str, signed: bool) -> None:
    long = {"title_zh": "社区公益文化活动" * 12, "title_en": "Community culture evening " * 8, "place": "杏花岭区" * 50,
            "short_zh": "赛马场区域党群服务中心站", "short_en": "Saimachang Area Centre"}  # fmt: skip
    cases = [claimed(kind, **long) for kind in KINDS] + [
        claimed("cancellation", details={"reason": reason, "was_waitlisted": waits}, **long)
        for reason in REASONS
        for waits in (True, False)
    ]
    for message in cases:
        details = message.details | {"clashes": True, "transfer": "swap"}
        text = words(claimed(message.kind, **long | {"details": details}), language, signed)
        assert measured(text).segments <= 2, text
        assert "09:00" in text, text
        assert "…" in text


@settings(deadline=None, max_examples=60)  # how fast is the machine's affair
@given(title=some.text(max_size=200), place=some.text(max_size=200), site=some.text(max_size=60),
       kind=some.sampled_from(KINDS), language=some.sampled_from(["zh-CN", "en"]))  # fmt: skip
def test_whatever_people_named_things_it_is_two_segments_with_one_sign(
    title: str, place: str, site: str, kind: Kind, language: str
) -> None:
    names = {"title_zh": title, "title_en": title, "place": place, "short_zh": site, "short_en": site}
    text = TEXTS[False].compose(claimed(kind, **names), contact(language)).text
    assert len(text.words.encode("utf-16-be")) // 2 <= LONGEST
    assert text.words.startswith("【")
    assert text.words.count("【") == text.words.count("】") == 1
    assert "\n" not in text.words
    assert all(0 < len(value) <= FACTS[name] for name, value in text.facts.items())


def test_the_templates_that_operators_are_told_to_register_fit_two_segments() -> None:
    manual = Path("docs/operations.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| .*\(([a-z,]+)\)`? \| (.*\$.*) \|$", manual, re.MULTILINE)
    assert len(found) == 11
    for names, template in found:
        assert set(names.split(",")) == set(re.findall(r"\$\{(\w+)\}", template))
        said = re.sub(r"\$\{(\w+)\}", lambda name: "字" * FACTS[name[1]], template)
        assert measured("【八个字的签名试试】" + said).segments <= 2, said
