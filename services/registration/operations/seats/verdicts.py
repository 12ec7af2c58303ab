"""What the database's verdict on a sign-up means to the caller."""

from typing import Any

from services.common.errors import (
    CONFLICT,
    IN_PROGRESS,
    KEY_REUSED,
    TOO_MANY,
    FieldError,
    Kind,
    Problem,
    Words,
    invalid,
    not_found,
)
from services.common.idempotency import BUSY, REUSED
from services.registration.codes import CONSENT_KINDS, PROFESSIONS, SKILLS

CLOSED = Kind("registration-closed", 409, Words("不能报名", "Not open for sign-up"))
ALREADY = Kind("already-registered", 409, Words("已经报名", "Already registered"))
OVERLAP = Kind("overlap", 409, Words("时间冲突", "In two places at once"))
LIMIT = Kind("limit-reached", 409, Words("报名次数已满", "Limit per person reached"))
FULL = Kind("full", 409, Words("名额已满", "Full"))
UNMET = Kind("requirements-unmet", 409, Words("不符合报名条件", "Requirements not met"))
GUARDIAN_MISSING = Kind("guardian-missing", 409, Words("请先登记监护人", "Add the guardian first"))

ADD_GUARDIAN = Words(
    "站点还没有登记这名未成年人的监护人。请先在个人页面的“监护人”登记，再登记其同意。",
    "No guardian of this minor is on file. Add the guardian first, on the guardian page of the person, then put the"
    " consent on record.",
)

NO_PLACE = Words(
    "场次已经开始，而且没有空余名额。", "The shift is running and has no place left, so that nobody waits any more."
)
FROM_ONE_ADDRESS = Words(
    "从您所在的网络报这一场的人已经很多，不能再在网上报名。请打电话或到站点报名。",
    "A great many have signed up for this from your network, and no more can online. Please call or visit the site.",
)

ITEMS = {
    "age": Words("年龄", "age"),
    "skills": Words("技能", "skill"),
    "training": Words("培训", "training"),
    "consents": Words("同意书", "consent"),
    "consents_again": Words("重新同意", "a new consent"),
    "professions": Words("职业", "profession"),
}


CODES = {**SKILLS, **PROFESSIONS, **CONSENT_KINDS}


def refusal(verdict: str, answer: dict[str, Any], by_id: bool) -> Problem:
    """The problem to raise. `by_id` tells how the body named the person."""
    match verdict:
        case "in_progress":
            return Problem(IN_PROGRESS, BUSY)
        case "key_reused":
            return Problem(KEY_REUSED, REUSED)
        case "no_shift":
            return not_found("这个场次", "shift")
        case "full":
            return Problem(FULL, NO_PLACE)
        case "one_address":
            return Problem(TOO_MANY, FROM_ONE_ADDRESS)
        case "closed" | "not_yet" | "no_longer":
            return _closed(verdict, answer)
        case "already" | "overlap" | "limit" | "unmet":
            return _concerning_person(verdict, answer)
        case "too_young":
            return Problem(UNMET, too_young(answer["minimum_age"]), unmet="age")
        case "no_guardian":
            return _no_guardian(by_id)
        case "no_person" | "consent" | "consent_again" | "party" | "hold" | "age_unknown":
            return _wrong_field(verdict, answer, by_id)
    return Problem(CONFLICT, Words(f"无法报名（{verdict}）。", f"The sign-up was refused ({verdict})."))


def _closed(verdict: str, answer: dict[str, Any]) -> Problem:
    if verdict == "not_yet":
        opens = str(answer["opens_at"])
        words = Words(f"报名尚未开始，开始时间：{opens}。", f"Sign-up is not open yet. It opens at {opens}.")
        return Problem(CLOSED, words, opens_at=opens)
    if verdict == "no_longer":
        closed = str(answer["closes_at"])
        words = Words(f"报名已于 {closed} 截止。", f"Sign-up closed at {closed}.")
        return Problem(CLOSED, words, closes_at=closed)
    return Problem(
        CLOSED,
        Words(
            "场次未开放：尚未发布、已取消，或已开始、已结束。",
            "The shift is not open: it is not published, was called off, or has started or ended.",
        ),
    )


def _concerning_person(verdict: str, answer: dict[str, Any]) -> Problem:
    existing = str(answer["registration_id"])
    if verdict == "already":
        words = Words(f"此人已报名本场次：{existing}。", f"This person is on the shift already: {existing}.")
        return Problem(ALREADY, words, registration_id=existing)
    if verdict == "overlap":
        return overlap(existing, bool(answer["elsewhere"]))
    if verdict == "limit":
        most = answer["per_person_limit"]
        words = Words(
            f"每人在本活动最多报名 {most} 场。", f"A person may have {most} place(s) in this activity at most."
        )
        return Problem(LIMIT, words)
    return requirements_unmet(answer["unmet"])


def overlap(registration_id: str, elsewhere: bool) -> Problem:
    """The person has another place at these hours. One at another site is not told of more than that."""
    if elsewhere:
        words = Words(
            "此人在同一时间已有其他站点的名额，请先取消那一个。",
            "This person has a place at another site at the same time. Cancel that one first.",
        )
        return Problem(OVERLAP, words)
    words = Words(
        f"此人在同一时间已有名额：{registration_id}。请先取消那一个。",
        f"This person has a place at the same time: {registration_id}. Cancel that one first.",
    )
    return Problem(OVERLAP, words, registration_id=registration_id)


def requirements_unmet(items: list[str]) -> Problem:
    """What the person lacks; each item is a requirement's name, with what of it after a colon."""
    zh, en = [], []
    for item in items:
        name, _, what = item.partition(":")
        words = ITEMS.get(name, Words(name, name))
        called = CODES.get(what, Words(what, what))
        zh.append(f"{words.zh}（{called.zh}）" if what else words.zh)
        en.append(f"{words.en} ({called.en})" if what else words.en)
    again = AGREE_AGAIN_YOURSELF if any(item.startswith("consents_again") for item in items) else Words("", "")
    detail = Words(
        f"不符合本场次的条件：{'、'.join(zh)}。{again.zh}",
        f"The shift asks for what is missing here: {', '.join(en)}.{again.en}",
    )
    return Problem(UNMET, detail, unmet=",".join(items))


def too_young(minimum: int) -> Words:
    """The site signs up nobody of this age."""
    return Words(
        f"本站点的活动须满 {minimum} 周岁（以活动当天计）。请选适合年龄的其他站点；出生日期有误的，请先请站点更正。",
        f"This site's activities are for people from {minimum} years of age, on the day. Look for another site's; or if"
        " the date of birth is wrong, ask the site to correct it first.",
    )


def guardian_needed(limit: int) -> Words:
    """A guardian must agree below this age."""
    return Words(
        f"未满 {limit} 周岁参加此活动，须经监护人同意。请先取得监护人同意，再注明已同意。",
        f"Below {limit} years of age a guardian must agree to this activity. Ask them first, then say that they did.",
    )


AGREE_AGAIN = Words(
    "监护人以前同意的是旧版同意书；内容已更新，须重新征得监护人同意。",
    "The guardian agreed to an earlier text. It has changed, so the guardian must agree again.",
)
AGREE_AGAIN_YOURSELF = Words(
    "同意书的内容已更新，以前的同意不再有效；请在“我的同意”页面，或到站点，同意新版本。",
    " The text has changed, and what was agreed to before counts no more: agree to the new version under My consents,"
    " or at the site.",
)
AGE_UNKNOWN = Words(
    "此活动须核对年龄，请填写出生日期。",
    "is needed: this activity is open to certain ages, or asks for a guardian's consent.",
)
AGE_UNKNOWN_OF_KNOWN = Words(
    "此活动须核对年龄，而站点还没有此人的出生日期，请先在个人资料中补填。",
    "is somebody without a date of birth on record, which this activity needs. Add it to the person's data first.",
)


def _wrong_field(verdict: str, answer: dict[str, Any], by_id: bool) -> Problem:
    if verdict == "no_person":
        return invalid("person_id", Words("没有这个人。", "is no person that this site knows."))
    if verdict == "party":
        most = answer["party_limit"]
        return invalid("party_size", Words(f"每次最多 {most} 人。", f"must be at most {most} for this activity."))
    if verdict == "hold":
        held = answer["held"]
        return invalid("party_size", Words(f"只保留了 {held} 个名额。", f"must be at most {held}: so many are held."))
    if verdict == "age_unknown":
        return invalid("person_id", AGE_UNKNOWN_OF_KNOWN) if by_id else invalid("person.birth_date", AGE_UNKNOWN)
    needed = AGREE_AGAIN if verdict == "consent_again" else guardian_needed(answer["guardian_below"])
    return invalid(_consent_field(by_id), needed)


def _no_guardian(by_id: bool) -> Problem:
    return Problem(GUARDIAN_MISSING, ADD_GUARDIAN, [FieldError(_consent_field(by_id), ADD_GUARDIAN)])


def _consent_field(by_id: bool) -> str:
    return "guardian_consent" if by_id else "person.guardian_consent"
