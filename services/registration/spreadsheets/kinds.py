"""What each kind of file has in it: its columns, and of which of them a row needs at least some."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from services.common.errors import Words
from services.registration.codes import CATEGORIES, PROFESSIONS, SKILLS

Kind = Literal["people", "volunteers", "roster", "teams", "records"]


@dataclass(frozen=True)
class Column:
    """A column that a file may have. `also` are other headings by which it is known."""

    field: str
    title: Words
    example: str
    meaning: Words
    required: bool = False
    also: tuple[str, ...] = ()


_NAME = Column(
    "name", Words("姓名", "name"), "林小满", Words("必填。", "Required."), True, ("名字", "志愿者姓名", "full name")
)
_REACHABLE = Words("电话和电子邮件至少填一项。", "A phone or an e-mail is needed.")
_PHONE = Column(
    "phone",
    Words("电话", "phone"),
    "13800000000",
    _REACHABLE,
    also=("手机", "手机号", "手机号码", "联系电话", "联系方式", "mobile", "phone number", "telephone"),
)
_EMAIL = Column(
    "email",
    Words("电子邮件", "email"),
    "xiaoman@example.com",
    _REACHABLE,
    also=("邮箱", "电子邮箱", "邮件", "e-mail", "mail"),
)
_BIRTH_DATE = Column(
    "birth_date",
    Words("出生日期", "birth_date"),
    "1961-07-13",
    Words("年-月-日，可不填。", "Year-month-day; may be empty."),
    also=("生日", "出生年月日", "birthday", "date of birth", "born"),
)
_LANGUAGE = Column(
    "language",
    Words("语言", "language"),
    "zh-CN",
    Words(
        "通知所用语言：zh-CN 或 en；空白为站点的默认语言。", "Language of messages: zh-CN or en; the site's when empty."
    ),
)
_PERSON = (_NAME, _PHONE, _EMAIL, _BIRTH_DATE, _LANGUAGE)
_WHOSE = Words(
    "填志愿者编号，或姓名和电话；须为本站已登记的人。",
    "The volunteer number, or name and phone, of somebody whom the site knows.",
)


def _codes(field: str, title: Words, example: str, codes: dict[str, Words], *also: str) -> Column:
    """A column that takes several words of a list."""
    zh, en = ("、".join(one.zh for one in codes.values()), ", ".join(one.en for one in codes.values()))
    return Column(
        field, title, example, Words(f"可填多项，用顿号分开：{zh}。", f"Any of, with commas: {en}."), also=also
    )


_AGREED = Words("填同意的日期，或“是”。", "The day when they agreed, or yes.")
_BORN = Words("填了身份证号码可不填。", "May be empty where there is an ID number.")
_OF_MINORS = Words("未满 18 岁必填。", "Required under 18.")
_GUARDIAN_REACHED = Words(
    "未满 18 岁，监护人电话和电子邮件至少填一项。", "Under 18, a phone or an e-mail of the guardian is needed."
)

_VOLUNTEER = (
    replace(_NAME, also=(*_NAME.also, "志愿者")),
    Column(
        "sex",
        Words("性别", "sex"),
        "女",
        Words("男 或 女；填了身份证号码可不填。", "female or male; may be empty where there is an ID number."),
        also=("gender",),
    ),
    replace(_BIRTH_DATE, meaning=_BORN),
    _PHONE,
    _EMAIL,
    Column(
        "id_number",
        Words("身份证号码", "id_number"),
        "",
        Words("可不填；18 位，须另行同意。", "May be empty; 18 characters, with a consent of its own."),
        also=("身份证", "身份证号", "居民身份证号码", "证件号码", "证件号", "id card", "id no"),
    ),
    Column(
        "id_number_consent",
        Words("同意登记身份证号码", "id_number_consent"),
        "",
        _AGREED,
        also=("身份证同意", "身份证同意日期", "同意登记证件号码"),
    ),
    Column(
        "area",
        Words("居住区域", "area"),
        "140107",
        Words("区划代码或名称，可不填。", "Code or name of the area of residence; may be empty."),
        also=(
            "居住地",
            "居住区划",
            "居住社区",
            "所在社区",
            "所属社区",
            "区划",
            "area of residence",
            "residential area",
        ),
    ),
    _codes("skills", Words("技能", "skills"), "歌唱、急救", SKILLS, "特长", "技能特长", "专长"),
    _codes("professions", Words("职业", "professions"), "护士", PROFESSIONS, "profession", "occupation"),
    _codes(
        "categories",
        Words("服务类别", "categories"),
        "助老服务、文化艺术",
        CATEGORIES,
        "服务类型",
        "服务意向",
        "志愿服务类别",
        "service category",
        "service categories",
    ),
    Column(
        "agreed",
        Words("同意日期", "agreed"),
        "2026-05-12",
        Words("必填：本人书面同意服务条款的日期，或“是”。", "Required: the day when they agreed on paper, or yes."),
        True,
        ("本人同意", "同意", "同意服务条款", "签字日期", "consent", "agreed on"),
    ),
    Column("guardian", Words("监护人", "guardian"), "", _OF_MINORS, also=("监护人姓名", "家长", "家长姓名", "parent")),
    Column("guardian_relation", Words("与监护人关系", "guardian_relation"), "", _OF_MINORS, also=("关系", "relation")),
    Column(
        "guardian_phone",
        Words("监护人电话", "guardian_phone"),
        "",
        _GUARDIAN_REACHED,
        also=("监护人手机", "家长电话", "家长手机", "监护人联系方式"),
    ),
    Column(
        "guardian_email",
        Words("监护人电子邮件", "guardian_email"),
        "",
        _GUARDIAN_REACHED,
        also=("监护人邮箱", "家长邮箱"),
    ),
    Column(
        "guardian_consent",
        Words("监护人同意", "guardian_consent"),
        "",
        Words(
            "填监护人同意志愿服务的日期，或“是”；未满 14 岁必填。",
            "The day when the guardian agreed to volunteering, or yes; required under 14.",
        ),
        also=("监护人同意日期", "家长同意", "家长同意日期"),
    ),
    _LANGUAGE,
)

_TEAM = Column(
    "team",
    Words("队伍", "team"),
    "暖阳合唱团",
    Words("队伍的中文或英文名称，须已建立。", "The team's Chinese or English name; the team must exist."),
    True,
    ("队伍名称", "团队", "合唱团", "team name", "choir"),
)
_ROLE = Column(
    "role",
    Words("角色", "role"),
    "队员",
    Words(
        "队长 或 队员；空白为队员。一队只有一名队长。",
        "leader or member; member when empty. A team has one leader.",
    ),
    also=("职务", "position"),
)

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "people": _PERSON,
    "volunteers": _VOLUNTEER,
    "roster": (_TEAM, *_PERSON, _ROLE),
    "teams": (
        replace(_TEAM, meaning=Words("队伍的名称；没有的会建立。", "The team's name; one that is not there is made.")),
        Column(
            "team_kind",
            Words("队伍种类", "team_kind"),
            "合唱团",
            Words("必填：合唱团、志愿服务队 或 其他；每行都填。", "Required in every row: choir, volunteers or other."),
            True,
            ("种类", "类型", "队伍类型", "团队类型", "kind", "team type", "kind of team"),
        ),
        Column(
            "team_en",
            Words("队伍英文名", "team_en"),
            "Warm Sun Choir",
            Words("可不填；空白与中文名相同。", "May be empty; then it is the same as the Chinese name."),
            also=("英文名", "英文名称", "english name"),
        ),
        *_PERSON,
        _ROLE,
    ),
    "records": (
        Column(
            "volunteer_number",
            Words("志愿者编号", "volunteer_number"),
            "V12345678903",
            _WHOSE,
            also=("志愿者证号", "编号", "volunteer no", "number"),
        ),
        replace(_NAME, meaning=_WHOSE, required=False),
        replace(_PHONE, meaning=_WHOSE),
        Column(
            "activity",
            Words("活动名称", "activity"),
            "指尖科普课堂",
            Words("必填。", "Required."),
            True,
            ("活动", "项目名称", "服务项目", "activity name"),
        ),
        Column(
            "day",
            Words("服务日期", "date"),
            "2021-05-12",
            Words("必填，年-月-日；每天一行。", "Required, year-month-day; a row for each day."),
            True,
            ("日期", "活动日期", "service date", "day"),
        ),
        Column(
            "place",
            Words("服务地点", "place"),
            "赛马场区域党群服务中心",
            Words("必填。", "Required."),
            True,
            ("地点", "活动地点", "location"),
        ),
        Column(
            "content",
            Words("服务内容", "content"),
            "教老年人使用智能手机",
            Words("必填。", "Required."),
            True,
            ("内容", "工作内容", "what was done"),
        ),
        Column(
            "hours",
            Words("服务时长（小时）", "hours"),
            "1.5",
            Words("必填，实际服务的小时数，可有小数；一天不超过 24。", "Required: hours given, at most 24 a day."),
            True,
            ("时长", "小时", "小时数", "服务小时", "service hours"),
        ),
        Column(
            "responsible",
            Words("负责人", "in_charge"),
            "李主任",
            Words("必填，当时负责的人。", "Required: who was in charge then."),
            True,
            ("活动负责人", "person in charge", "responsible"),
        ),
    ),
}


@dataclass(frozen=True)
class OneOf:
    """Of these sets of columns one must be there, and be filled in; `code` says what is wrong otherwise."""

    sets: tuple[tuple[str, ...], ...]
    code: str

    def met(self, names: Collection[str]) -> bool:
        """Whether columns with these names are enough."""
        return any(set(needed) <= set(names) for needed in self.sets)

    def to_blame(self, fields: Collection[str | None] = ()) -> str:
        """The column to blame where they are not: one that the file has, if it has one."""
        wanted = [name for needed in self.sets for name in needed]
        return next((name for name in wanted if name in fields), wanted[0])


_REACHED = OneOf((("phone",), ("email",)), "unreachable")

NEEDED: dict[Kind, tuple[OneOf, ...]] = {
    "people": (_REACHED,),
    "volunteers": (_REACHED, OneOf((("birth_date", "sex"), ("id_number",)), "unborn")),
    "roster": (_REACHED,),
    "teams": (_REACHED,),
    "records": (OneOf((("volunteer_number",), ("name", "phone")), "nobody"),),
}
"""So that one knows whom a row is about."""
