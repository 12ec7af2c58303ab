"""What may be told, by the kind of message: the values that a template may name, and which it must.

Each value has an English and a Chinese name, and either may be used in both languages. A kind of template is a kind of
message, or the purpose of a link.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.common.errors import Words
from services.notifications.models import Kind
from services.notifications.wording.grammar import fold
from services.notifications.wording.names import KIND_NAMES, PURPOSE_NAMES


class Channel(StrEnum):
    """By what a message goes out."""

    MAIL = "mail"
    SMS = "sms"


class Language(StrEnum):
    """In which words are written."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True)
class Variable:
    """A value: its names, what it is, what it may look like, and whether some messages have none."""

    name: str
    zh: str
    meaning: Words
    example: Words
    may_be_empty: bool = False


VARIABLES = {
    one.name: one
    for one in (
        Variable("name", "姓名", Words("收信人的姓名", "the recipient's name"), Words("王小明", "Wang Xiaoming")),
        Variable(
            "title",
            "活动",
            Words("活动的名称", "what the activity is called"),
            Words("合唱团排练", "Choir rehearsal"),
        ),
        Variable(
            "when",
            "时间",
            Words("从什么时候到什么时候", "from when to when"),
            Words("2026年12月1日（星期二）09:00–11:00", "Tuesday, 1 December 2026, 09:00–11:00 (Asia/Shanghai time)"),
        ),
        Variable(
            "start",
            "开始时间",
            Words("什么时候开始，简短", "when it begins, in short"),
            Words("12月1日（星期二）09:00", "Tue 1 Dec, 09:00"),
        ),
        Variable(
            "place",
            "地点",
            Words("在什么地方", "where"),
            Words("赛马场区域党群服务中心二楼", "Saimachang Area Centre, second floor"),
            may_be_empty=True,
        ),
        Variable("role", "岗位", Words("担任什么岗位", "in which role"), Words("歌手", "singer"), may_be_empty=True),
        Variable(
            "site",
            "站点",
            Words("站点的全称", "the site's whole name"),
            Words("赛马场区域党群服务中心", "Saimachang Area Centre"),
        ),
        Variable(
            "site_short",
            "站点简称",
            Words("站点的简称，没有则为全称", "the site's short name, or its whole one"),
            Words("赛马场中心", "Saimachang"),
        ),
        Variable(
            "phone",
            "站点电话",
            Words("站点对外的电话", "the site's public phone number"),
            Words("0351-4000003", "0351-4000003"),
            may_be_empty=True,
        ),
        Variable(
            "until",
            "期限",
            Words("最晚什么时候答复；链接到什么时候有效", "by when to answer; until when the link works"),
            Words("11月30日（星期一）18:00", "Mon 30 Nov, 18:00"),
        ),
        Variable(
            "clash",
            "时间冲突",
            Words(
                "提醒：接受后，同一时间的另一名额随之放弃",
                "a warning: accepting gives up another place at the same time",
            ),
            Words(
                "您在同一时间已有其他名额，接受时将同时放弃那一个。",
                "You have another place at the same time, which you give up by accepting.",
            ),
            may_be_empty=True,
        ),
        Variable(
            "answer",
            "怎样答复",
            Words("怎样说会不会来，一整句", "how to say whether they come, a whole sentence"),
            Words("如不能参加，请尽早告知站点。", "If you cannot come, please tell the site early."),
        ),
        Variable(
            "what",
            "报名或候补",
            Words("取消的是报名还是候补", "which of both was cancelled"),
            Words("报名", "registration"),
        ),
        Variable(
            "why",
            "原因",
            Words("为什么取消，一整句", "why it was cancelled, a whole sentence"),
            Words("站点已取消您的报名。", "The site has cancelled your registration."),
        ),
        Variable(
            "calendar",
            "日历提示",
            Words("附件可将其移出日历", "that the attached file takes it out of a calendar"),
            Words("如已加入日历，附件可将其移除。", "If it is in your calendar, the attached file removes it."),
            may_be_empty=True,
        ),
        Variable(
            "asked",
            "所请之事",
            Words("请别人做的事：换场次或接手名额", "what somebody was asked: to swap places, or to take one over"),
            Words("接手名额", "take your place over"),
        ),
        Variable(
            "about",
            "事项",
            Words("链接所关的事，如队伍的名称", "what the link is about, such as a team's name"),
            Words("红梅合唱团", "Red Plum Choir"),
            may_be_empty=True,
        ),
    )
}

_OF_A_REGISTRATION = ("name", "title", "start", "when", "place", "role", "site", "site_short", "phone")
_OF_A_LINK = ("name", "about", "until", "site", "site_short", "phone")

LETS_IN = Words(
    "此邮件关系到账号或个人资料的安全，措辞不能改。",
    "This mail guards an account or personal data: its words cannot be changed.",
)
LEGAL = Words(
    "此邮件关系到法律上的同意，措辞不能改。",
    "This mail is about consent as the law has it: its words cannot be changed.",
)


@dataclass(frozen=True)
class TemplateKind:
    """A kind of template. `needed` are the values without which the words would hide something that people must know;
    where a message has them, they must be in it. `locked` says why nobody may change the words, None if they may."""

    name: str
    title: Words
    variables: tuple[str, ...]
    channels: tuple[Channel, ...] = (Channel.MAIL, Channel.SMS)
    needed: tuple[str, ...] = ()
    locked: Words | None = None
    is_link: bool = False

    @property
    def names(self) -> Mapping[str, str]:
        """The value for each folded name."""
        found = {fold(VARIABLES[one].zh): one for one in self.variables}
        return found | {fold(one): one for one in self.variables}

    def needed_in(self, channel: Channel) -> tuple[str, ...]:
        """The values that the words must have: a mail shows what and when by itself, an SMS has but its text."""
        return self.needed if channel is Channel.MAIL else ("title", "start", *self.needed)


def _news(kind: Kind, *more: str, needed: tuple[str, ...] = ()) -> TemplateKind:
    return TemplateKind(kind.value, KIND_NAMES[kind], _OF_A_REGISTRATION + more, needed=needed)


def _link(purpose: str, locked: Words | None = None) -> TemplateKind:
    return TemplateKind(purpose, PURPOSE_NAMES[purpose], _OF_A_LINK, (Channel.MAIL,), locked=locked, is_link=True)


OTHER_LINK = "other_link"
"""The kind of a link whose purpose is not listed."""

KINDS = {
    one.name: one
    for one in (
        _news(Kind.CONFIRMATION),
        _news(Kind.WAITLISTED),
        _news(Kind.PROMOTION),
        _news(Kind.OFFER, "until", "clash", needed=("until", "clash")),
        _news(Kind.MOVED_BACK),
        _news(Kind.TRANSFER_DECLINED, "asked"),
        _news(Kind.TRANSFER_EXPIRED, "asked"),
        _news(Kind.CANCELLATION, "what", "why", "calendar", needed=("why",)),
        _news(Kind.CHANGE),
        _news(Kind.REMINDER, "answer"),
        _news(Kind.NO_PLACE),
        _link("team_invitation"),
        _link("hand_over"),
        _link("room_answer"),
        _link("hours_changed"),
        _link("certificate_revoked"),
        _link("my_registrations", LETS_IN),
        _link("address_changed", LETS_IN),
        _link("staff_invitation", LETS_IN),
        _link("password_reset", LETS_IN),
        _link("guardian_consent", LEGAL),
        _link(OTHER_LINK, LETS_IN),
    )
}
