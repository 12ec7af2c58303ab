"""The language of templates and what is found in words before they are saved, by examples and by property."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.errors import Problem
from services.notifications.mail.render import Composer
from services.notifications.wording.builtin import Wording, built_in, tidied
from services.notifications.wording.checks import check
from services.notifications.wording.facts import facts_of
from services.notifications.wording.made_with import MadeWith
from services.notifications.wording.samples import samples_of
from services.notifications.wording.sms import measured
from services.notifications.wording.tell import filled, tell
from services.notifications.wording.variables import KINDS, VARIABLES, Channel, Language

COMPOSER = Composer("Hesheng <hesheng@example.org>", "example.org")


def findings(kind: str, wording: Wording, channel: Channel = Channel.MAIL) -> dict[str, str]:
    """What is wrong with words, by field, in English."""
    try:
        check(KINDS[kind], channel, Language.ZH, tidied(KINDS[kind], wording))
    except Problem as problem:
        return {one.field: one.message.en for one in problem.errors}
    return {}


def own(subject: str, text: str, note: str = "", language: str = "zh", channel: str = "mail") -> dict[str, Any]:
    """Saved words, as a claimed message brings them."""
    return {f"{channel}.{language}": {"id": 7, "version": 3, "subject": subject, "text": text, "note": note}}


def part(mail: EmailMessage, kind: str) -> str:
    """A part of the mail as it is read."""
    found = message_from_bytes(mail.as_bytes(), policy=policy.default).get_body((kind,))  # type: ignore[attr-defined]
    assert found is not None
    return str(found.get_content())


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_built_in_words_pass_what_everybodys_must(kind: Any) -> None:
    for channel in kind.channels:
        for language in Language:
            check(kind, channel, language, built_in(kind, channel, language))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{活动", "A {{ is not closed by }} (at {{活动)."),
        ("活动}}", "There is a }} with no {{ before it (at }})."),
        ("{{}}", "There is no name in {{}}."),
        ("{{活动名}}", "There is no {{活动名}}. Did you mean {{活动}}?"),
        ("{{Site-Short}}{{ytle}}", "There is no {{ytle}}. Did you mean {{title}}?"),
        ("{{title.__class__}}", "There is no {{title.__class__}}. Did you mean {{title}}?"),
        ("{{title|upper}}", "There is no {{title|upper}}. Did you mean {{title}}?"),
        ("{{原因}}", "There is no {{原因}}; those there are, are listed."),
        ("[[{{活动}}", "A [[ is not closed: write ]] after it."),
        ("]]", "There is a ]] with no [[ before it (at ]])."),
        ("[[好]]", "A part in [[…]] needs a value in it: it is left out where that is empty."),
        ("[[{{活动}}[[{{地点}}]]", "A part in [[…]] cannot hold another one (at [[{{地点}}]])."),
        ("在{{地点}}", "Some messages have no {{place}}: put it in brackets with the words around it, such as"
                     " [[, {{place}}]]; that part is left out where there is none."),
        ("[[{{地点}}]]", "would come out empty in some messages (without a place, a role and a phone number)."
                       " Write something outside of the brackets too."),
        ("", "must not be empty."),
        ("\u200e \u202e", "must not be empty."),
        ("长" * 2001, "may have at most 2000 characters beside the values; there are 2001."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_field(text: str, found: str) -> None:
    assert findings("confirmation", Wording("好", text, "")) == {"text": found}


def test_all_fields_are_told_at_once_and_a_subject_may_not_be_long() -> None:
    assert set(findings("confirmation", Wording("{{", "}}", "[["))) == {"subject", "text", "note"}
    assert "80" in findings("confirmation", Wording("长" * 81, "好", ""))["subject"]
    assert findings("confirmation", Wording("长" * 80 + "{{活动}}", "好", "")) == {}


def test_what_people_must_know_cannot_be_left_out() -> None:
    assert findings("offer", Wording("好", "有名额了。", "")) == {
        "text": "lacks {{until}}, which people must be told (as most are)."
    }
    clash = findings("offer", Wording("好", "请在{{期限}}前答复。", ""))
    assert clash == {"text": "lacks {{clash}}, which people must be told (with another place at that time)."}
    assert findings("offer", Wording("好", "请在{{期限}}前答复。[[{{时间冲突}}]]", "")) == {}
    assert findings("cancellation", Wording("好", "已取消。", "[[{{原因}}{{日历提示}}]]")) == {
        "text": "lacks {{why}}, which people must be told (without a place, a role and a phone number)."
    }
    assert "{{title}}" in findings("reminder", Wording("", "明天见。", ""), Channel.SMS)["text"]


def test_an_sms_has_no_signature_of_its_own_and_a_bounded_length() -> None:
    said = "【我们】{{活动}}{{开始时间}}"
    assert findings("reminder", Wording("", said, ""), Channel.SMS)["text"].startswith("must not have 【")
    long = Wording("", "{{活动}}{{开始时间}}" + "长" * 120, "")
    assert "two segments" in findings("reminder", long, Channel.SMS)["text"]


def test_what_a_chinese_keyboard_gives_is_understood() -> None:
    sample = samples_of(KINDS["confirmation"], Language.ZH)[0]
    typed = tidied(
        KINDS["confirmation"],
        Wording("｛｛ 活动 ｝｝", "请来。【【地点：｛｛地点｝｝。】】\r\n\r\n  再见\u202e\x07 ", ""),
    )
    facts = facts_of(sample.message, sample.contact)
    told = filled("confirmation", Channel.MAIL, typed, facts, MadeWith())
    assert (told.subject, told.text) == ("合唱团排练", ("请来。地点：赛马场区域党群服务中心二楼。", "再见"))


@pytest.mark.parametrize(
    ("text", "encoding", "characters", "segments"),
    [
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 153, "GSM-7", 306, 3),  # no sign that takes two is cut in two: 153 holds 76 of them
        ("字" * 70, "UCS-2", 70, 1),
        ("字" * 71, "UCS-2", 71, 2),
        ("字" * 134, "UCS-2", 134, 2),
        ("字" * 135, "UCS-2", 135, 3),
        ("字" * 66 + "🎶" * 34, "UCS-2", 134, 3),
        ("【站】" + "a" * 68, "UCS-2", 71, 2),
    ],
)
def test_the_length_of_an_sms(text: str, encoding: str, characters: int, segments: int) -> None:
    length = measured(text)
    assert (length.encoding, length.characters, length.segments) == (encoding, characters, segments)


PIECES = st.sampled_from([
    "{{", "}}", "[[", "]]", "{", "}", "｛｛", "】】", "\r\nBcc: all@example.org", "<script>", "&amp;", "\u202e", "\x07",
    "{% for x in y %}", "{{title}}", "{{ 活动 }}", "[[，{{place}}]]", "[[{{role}}]]", "{{until}}", "{{why}}", "\u2028",
    *(f"{{{{{one.zh}}}}}" for one in VARIABLES.values())])  # fmt: skip
TYPED = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=8).map("".join)
VALUE = st.one_of(st.text(max_size=30), st.sampled_from(["", "{{title}}<script>", "[[x]]", "\r\nBcc: a@b.c", "{{"]))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([kind for kind in KINDS.values() if not kind.locked]), TYPED, TYPED, TYPED,
       VALUE, VALUE, VALUE, VALUE, st.integers(0, 30))  # fmt: skip
def test_what_may_be_saved_renders_for_all_values_and_reaches_nothing_else(
    kind: Any, subject: str, text: str, note: str, title: str, place: str, name: str, site: str, which: int
) -> None:
    typed = tidied(kind, Wording(subject, text, note))
    if findings(kind.name, typed):
        return
    samples = samples_of(kind, Language.ZH)
    sample = samples[which % len(samples)]
    given_values = {"site_zh": site, "site_en": site, "short_zh": site}
    given_values |= {} if kind.is_link else {"title_zh": title, "place": place, "role_zh": place}
    changed: Any = {**vars(sample.message), **given_values, "words": own(typed.subject, typed.text, typed.note)}
    contact = sample.contact.model_copy(update={"name": name} | ({"about_zh": title} if kind.is_link else {}))
    composed = COMPOSER.compose(type(sample.message)(**changed), contact)
    assert set(composed.mail.keys()) == {
        "MIME-Version", "Content-Type", "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
        "Content-Language"}  # fmt: skip
    assert len(composed.mail["To"].addresses) == 1 and b"\r\nBcc:" not in composed.mail.as_bytes()
    assert "<script" not in part(composed.mail, "html")
    # With empty values words may come out empty: then, and only then, the built-in ones go out.
    assert composed.made_with.fault is None or "is empty" in composed.made_with.fault


def test_a_title_that_looks_like_a_template_stays_text() -> None:
    sample = samples_of(KINDS["confirmation"], Language.ZH)[0]
    changed: Any = {**vars(sample.message), "title_zh": "{{name}}<script>", "words": own("{{活动}}", "{{活动}}&")}
    composed = COMPOSER.compose(type(sample.message)(**changed), sample.contact)
    assert composed.mail["Subject"] == "{{name}}<script>"
    text, html = part(composed.mail, "plain"), part(composed.mail, "html")
    assert "{{name}}<script>&" in text and "{{name}}&lt;script&gt;&amp;<" in html


def test_words_that_fail_at_sending_give_way_to_the_built_in_ones_and_say_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sample = samples_of(KINDS["confirmation"], Language.ZH)[0]
    facts = facts_of(sample.message, sample.contact)
    told = tell("confirmation", Channel.MAIL, facts, own("{{xyzzy}}", "{{活动}}"))
    assert told.text == ("您已报名成功，名额已为您保留。",)
    assert told.made_with.template_id == 7 and told.made_with.version == 0
    assert told.made_with.fault == "Unfit: There is no {{xyzzy}}; those there are, are listed."
    broken = tell("confirmation", Channel.MAIL, facts, {"mail.zh": {"id": 8}})
    assert broken.made_with.fault == "KeyError" and broken.text == told.text
    assert tell("confirmation", Channel.MAIL, facts, own("好", "好", language="en")).made_with == MadeWith()
