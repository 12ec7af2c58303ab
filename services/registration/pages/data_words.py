"""A resident's own data in words: what each field of the own data file is called, and what its codes mean.

    spoken(row, "Asia/Shanghai")     # [("电话", "+86138…"), ("登记时间", "11月24日 周二 09:00")]

The file itself keeps the raw names, for programs. Inner numbers are only in the file: they say nothing to people.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.common.errors import Words, language
from services.common.pages.times import clock, dated, day
from services.registration.codes import CATEGORIES, CONSENT_KINDS, PROFESSIONS, SKILLS
from services.registration.pages.calls import NEWS

FIELDS = {
    "activity": Words("活动", "Activity"),
    "activity_id": Words("活动内部编号", "Inner number of the activity"),
    "age_band": Words("年龄段", "Age band"),
    "address": Words("原来的电子邮箱", "Former e-mail"),
    "agreed": Words("怎样同意的", "How it was agreed to"),
    "asked_at": Words("申请时间", "Asked for"),
    "asked_by": Words("申请人", "Asked for by"),
    "at": Words("时间", "When"),
    "area": Words("居住区划代码", "Code of the area of residence"),
    "batch_id": Words("批次内部编号", "Inner number of the batch"),
    "birth_date": Words("出生日期", "Date of birth"),
    "cancel_reason": Words("取消原因", "Why it was cancelled"),
    "categories": Words("服务类别", "Service categories"),
    "channel": Words("报名方式", "How the sign-up came"),
    "checked_in_at": Words("签到时间", "Checked in"),
    "checked_out_at": Words("签退时间", "Checked out"),
    "cleared_at": Words("核查时间", "Looked into"),
    "cleared_by": Words("核查人", "Looked into by"),
    "code": Words("培训代码", "Code of the training"),
    "confirmed": Words("由站点确认", "Confirmed by the site"),
    "email_proven": Words("由邮件里的链接同意过", "Agreed by the link in a mail"),
    "content": Words("内容", "Content"),
    "correction_id": Words("更正记录的内部编号", "Inner number of the correction"),
    "later_entry_id": Words("补录的内部编号", "Inner number of the later entry"),
    "corrects": Words("被更正记录的内部编号", "Inner number of the record it corrects"),
    "created_at": Words("登记时间", "Entered"),
    "day": Words("日期", "Date"),
    "decided_at": Words("决定时间", "Decided"),
    "decided_by": Words("决定人", "Decided by"),
    "decision": Words("决定说明", "Decision"),
    "done_at": Words("通知时间", "Told"),
    "done_by": Words("通知人", "Told by"),
    "due_on": Words("答复期限", "Due on"),
    "email": Words("电子邮件", "E-mail"),
    "ends_at": Words("结束时间", "Ends"),
    "entered_at": Words("补录时间", "Entered"),
    "entered_by": Words("补录人", "Entered by"),
    "evaluator": Words("评价单位", "Evaluated by"),
    "expires_at": Words("有效期至", "Good until"),
    "given_at": Words("同意时间", "Agreed on"),
    "given_by": Words("由谁同意", "Whose word it was"),
    "grantor": Words("授予单位", "Granted by"),
    "guardian": Words("监护人姓名（登记时）", "The guardian's name, as on file then"),
    "representative_id": Words("监护人登记的内部编号", "Inner number of the guardian's entry"),
    "group_id": Words("同批报名的内部编号", "Inner number of those signed up together"),
    "how": Words("方式", "How"),
    "id": Words("内部编号", "Inner number"),
    "id_number": Words("身份证号码", "ID number"),
    "in_charge": Words("录入账号", "Account that answers for it"),
    "responsible": Words("负责人", "Person in charge"),
    "invited_at": Words("邀请时间", "Invited"),
    "issued_at": Words("出具时间", "Issued"),
    "issued_by": Words("出具人", "Issued by"),
    "joined_at": Words("加入时间", "Joined"),
    "kind": Words("种类", "Kind"),
    "language": Words("语言", "Language"),
    "late": Words("超过十个工作日才登记", "Recorded after ten working days"),
    "left_at": Words("离开时间", "Left"),
    "made_at": Words("提出时间", "Raised"),
    "made_by": Words("登记人", "Entered by"),
    "minutes": Words("时长", "Time"),
    "name": Words("名称", "Name"),
    "news": Words("要通知的事", "What there is to tell"),
    "number": Words("编号", "Number"),
    "offer_expires_at": Words("名额保留至", "Offer good until"),
    "outcome": Words("到场情况", "Attendance"),
    "party_size": Words("人数", "How many people"),
    "period_from": Words("从", "From"),
    "period_to": Words("到", "Until"),
    "person_sites.name": Words("姓名", "Name"),
    "phone": Words("电话", "Phone"),
    "place": Words("地点", "Place"),
    "coming_at": Words("说会来的时间", "Said to come at"),
    "came_from": Words("报名时的网络（加密代号）", "Network of the sign-up, as a keyed code"),
    "priority": Words("候补优先级", "Priority in the waitlist"),
    "professions": Words("职业", "Professions"),
    "proposed_by": Words("提议人", "Proposed by"),
    "proposed_minutes": Words("提议的分钟数", "Minutes proposed"),
    "provider": Words("培训单位", "Given by"),
    "purpose": Words("用途", "Purpose"),
    "quality": Words("评价", "Evaluation"),
    "queue_number": Words("报名顺序号", "Number in the queue"),
    "reason": Words("原因", "Reason"),
    "received_at": Words("收到时间", "Received"),
    "record_id": Words("服务记录的内部编号", "Inner number of the record"),
    "recorded_at": Words("记录时间", "Recorded"),
    "recorded_by": Words("记录人", "Recorded by"),
    "records": Words("所含服务记录的内部编号", "Inner numbers of its records"),
    "registration_id": Words("报名的内部编号", "Inner number of the registration"),
    "relation": Words("关系", "Relation"),
    "representatives.name": Words("姓名", "Name"),
    "revoke_reason": Words("撤销原因", "Why it was revoked"),
    "revoked_at": Words("撤销时间", "Revoked"),
    "revoked_by": Words("撤销人", "Revoked by"),
    "role": Words("身份", "Role"),
    "service_minutes": Words("服务时长", "Time of service"),
    "sex": Words("性别", "Sex"),
    "shift_id": Words("场次的内部编号", "Inner number of the shift"),
    "site_id": Words("站点的内部编号", "Inner number of the site"),
    "skills": Words("技能", "Skills"),
    "staff_id": Words("工作人员的内部编号", "Inner number of the member of staff"),
    "starts_at": Words("开始时间", "Starts"),
    "state": Words("状态", "State"),
    "status": Words("状态", "State"),
    "subject": Words("对象的内部编号", "Inner number of what it is about"),
    "team_en": Words("队伍", "Team"),
    "team_id": Words("队伍的内部编号", "Inner number of the team"),
    "team_zh": Words("队伍", "Team"),
    "template": Words("证明版式", "Layout of the certificate"),
    "text_en": Words("同意书内容", "What was agreed to"),
    "text_number": Words("同意书版本", "Version of the text"),
    "text_zh": Words("同意书内容", "What was agreed to"),
    "title_en": Words("活动", "Activity"),
    "title_zh": Words("活动", "Activity"),
    "undone_at": Words("撤销时间", "Undone"),
    "undone_by": Words("撤销人", "Undone by"),
    "unit": Words("记录单位", "Recorded by the unit"),
    "used_at": Words("使用时间", "Used"),
    "valid_until": Words("有效期至", "Counts until"),
    "volunteer_number": Words("志愿者编号", "Volunteer number"),
    "was_asked": Words("是请您接手的", "You were the one who was asked"),
    "what": Words("内容", "What"),
    "withdrawn_at": Words("撤回时间", "Withdrawn"),
    "withdrawn_by": Words("撤回人", "Withdrawn by"),
    "words": Words("您的意见", "Your words"),
}
"""By the field's name, or by table and field where one name means different things."""

ONLY_IN_FILE = frozenset(
    {"queue_number", "priority", "came_from", "template", "records", "certificates.content", "code"}
)

FIRST = ("title_zh", "title_en", "team_zh", "team_en", "activity", "kind", "name", "starts_at", "ends_at", "day")
"""What a row is about, before what is said of it."""

_STATES = {
    "confirmed": Words("已报上", "has a place"),
    "waitlisted": Words("候补", "waiting"),
    "offered": Words("有名额等您确认", "a place is offered"),
    "cancelled": Words("已取消", "cancelled"),
    "invited": Words("已邀请", "invited"),
    "member": Words("成员", "member"),
    "declined": Words("已谢绝", "declined"),
    "left": Words("已离开", "left"),
    "valid": Words("有效", "valid"),
    "withdrawn": Words("已撤销", "withdrawn"),
    "open": Words("处理中", "open"),
    "asked": Words("等待答复", "waits for an answer"),
    "accepted": Words("已接受", "accepted"),
    "expired": Words("无人答复，已过期", "nobody answered in time"),
    "pending": Words("等待审核", "waits for a second person"),
    "approved": Words("已通过", "approved"),
    "upheld": Words("已采纳", "upheld"),
    "rejected": Words("未采纳", "not upheld"),
}

CODES: dict[str, Mapping[str, Words]] = {
    "skills": SKILLS,
    "professions": PROFESSIONS,
    "categories": CATEGORIES,
    "consents.kind": CONSENT_KINDS,
    "transfers.kind": {"hand_over": Words("转让", "hand-over"), "swap": Words("换场次", "swap")},
    "transfers.status": _STATES
    | {"declined": Words("对方没有同意", "declined"), "withdrawn": Words("已收回", "taken back")},
    "cleared_flags.kind": {
        "many_hours_day": Words("一天时长过多", "many hours in a day"),
        "many_hours_week": Words("一周时长过多", "many hours in a week"),
        "two_places": Words("同一时间两处", "two places at one time"),
        "one_hand": Words("多由一人登记", "mostly entered by one hand"),
        "by_leader": Words("队长报名，也由队长点名", "signed up and confirmed by the leader alone"),
        "one_inviter": Words("录入和审核的两人由同一人邀请", "entered and approved by two whom one person invited"),
        "late": Words("登记较晚", "recorded late"),
        "in_bulk": Words("成批登记，没有签到", "entered in bulk, without attendance"),
    },
    "what": {
        "in": Words("签到", "checked in"),
        "out": Words("签退", "checked out"),
        "no_show": Words("未到", "did not come"),
        "void": Words("撤回误签", "a mistaken tap was taken back"),
    },
    "news": {name: Words(*words) for name, words in NEWS.items()},
    "merges.reason": {
        "entered_twice": Words("登记了两次", "entered twice"),
        "person_confirmed": Words("本人确认", "the person confirmed it"),
        "documents_seen": Words("看过证件", "documents were seen"),
    },
    "kind": {
        "guardian": Words("监护人", "guardian"),
        "helper": Words("代办人", "helper"),
        "claimant": Words("另一位自称监护人的人", "somebody else who says they are the guardian"),
    },
    "status": _STATES,
    "state": _STATES,
    "role": {"leader": Words("队长", "leader"), "member": Words("成员", "member")},
    "sex": {"female": Words("女", "female"), "male": Words("男", "male")},
    "language": {"zh-CN": Words("中文", "Chinese"), "en": Words("英文", "English")},
    "given_by": {"person": Words("本人", "the person"), "guardian": Words("监护人", "the guardian")},
    "how": {
        "online": Words("网上", "online"),
        "link": Words("邮件里的链接", "by a link in a mail"),
        "desk": Words("当面", "at the desk"),
        "phone": Words("电话", "by phone"),
        "paper": Words("书面", "on paper"),
        "site": Words("由站点登记", "entered by the site"),
        "sign_up": Words("报名时", "with a sign-up"),
        "scanned": Words("扫码签到", "scanned"),
        "confirmed": Words("点名", "roll call"),
        "entered_later": Words("事后补录", "entered later"),
        "imported": Words("从旧记录导入", "imported from older records"),
    },
    "channel": {
        "site": Words("站点系统", "the site's own system"),
        "web": Words("网上", "online"),
        "desk": Words("站点报名台", "at the desk"),
        "phone": Words("电话", "by phone"),
        "proxy": Words("他人代办", "by a helper"),
        "team": Words("随队伍", "with a team"),
        "import": Words("导入", "imported"),
    },
    "agreed": {
        "link": Words("邮件里的链接", "by a link in a mail"),
        "session": Words("在“我的队伍”网页", "on one's own page"),
    },
    "outcome": {
        "present": Words("已到", "came"),
        "attended": Words("参加了", "took part"),
        "no_show": Words("未到", "did not come"),
    },
    "cancel_reason": {
        "person": Words("本人取消", "by the person"),
        "site": Words("站点取消", "by the site"),
        "shift_cancelled": Words("场次取消", "the shift was called off"),
        "activity_cancelled": Words("活动取消", "the activity was called off"),
        "merged": Words("合并重复记录", "doubles were merged"),
        "offer_declined": Words("没有接受名额", "the place that was offered was declined"),
        "offer_expired": Words("名额保留到期，没有答复", "nobody answered while the place was kept"),
        "handed_over": Words("名额已转给别人", "the place went to somebody else"),
        "swapped": Words("换了场次", "shifts were swapped"),
        "instead_of": Words("接受了同一时间的另一个名额", "another place at the same time was taken instead"),
        "requirements": Words("轮到时不再符合要求", "what is asked was no longer met when the turn came"),
        "shift_begun": Words("开始时仍在候补", "still waiting when it began"),
    },
    "quality": {
        "excellent": Words("优秀", "excellent"),
        "good": Words("良好", "good"),
        "fair": Words("一般", "fair"),
        "poor": Words("较差", "poor"),
    },
    "age_band": {
        "under_14": Words("14 周岁以下", "under 14"),
        "14_17": Words("14–17 周岁", "14 to 17"),
        "18_34": Words("18–34 周岁", "18 to 34"),
        "35_59": Words("35–59 周岁", "35 to 59"),
        "60_plus": Words("60 周岁以上", "60 and over"),
        "unknown": Words("未填写", "not given"),
    },
    "purpose": {
        "my_registrations": Words("查看我的报名", "see one's registrations"),
        "guardian_consent": Words("监护人同意", "a guardian's consent"),
        "address_changed": Words("告知邮箱已更改", "telling the old address of a new one"),
        "team_invitation": Words("队伍邀请", "an invitation to a team"),
        "hand_over": Words("接手名额", "taking over a place"),
        "hand_on": Words("把名额转给别人", "handing a place on"),
        "staff_invitation": Words("工作人员邀请", "an invitation to the staff"),
        "staff_password": Words("设新密码", "setting a new password"),
        "hours_changed": Words("告知时长有变", "telling of changed hours"),
        "certificate_revoked": Words("告知证明已撤销", "telling of a revoked certificate"),
        "room_answer": Words("用房申请的答复", "the answer to a request for a room"),
    },
}

_ACTORS = {
    "staff": Words("站点工作人员", "staff of the site"),
    "site": Words("站点系统", "the site's own system"),
    "person": Words("本人", "yourself"),
    "guardian": Words("监护人", "the guardian"),
    "operator": Words("系统管理员", "the operator"),
    "web": Words("网上报名", "sign-up online"),
    "link": Words("监护人（用邮件里的链接）", "the guardian, by the link in their mail"),
    "anyone": Words("没有登录的访客", "a visitor who had not logged in"),
    "service": Words("系统", "the system"),
    "import": Words("导入", "an import"),
    "system": Words("系统", "the system"),
}
READ = {
    "read": Words("工作人员查看了资料", "staff read the details"),
    "export": Words("工作人员导出了个人数据文件", "staff fetched the file of all data"),
    "reveal": Words("工作人员查看了完整的身份证号码", "staff read the whole ID number"),
    "certificate": Words("出具证明", "for a certificate"),
    "insurance": Words("办理保险", "for insurance"),
    "verification": Words("核实身份", "to make sure who it is"),
    "authority": Words("主管部门要求", "because an authority asked"),
    "correction": Words("更正资料", "for a correction"),
}
"""Who looked at somebody's data, and what for."""

_SAID_BY = frozenset(name for name in FIELDS if name.endswith("_by")) - {"given_by"}


def spoken(table: str, row: Mapping[str, Any], zone: str) -> list[tuple[str, str]]:
    """What a row says to people: label and value, in the reader's language, times in this zone."""
    return [
        (str(words(table, name)), _value(table, name, value, zone))
        for name, value in sorted(row.items(), key=lambda field: field[0] not in FIRST)
        if value not in (None, "", [], {}) and _is_for_people(table, name, value, row)
    ]


def actor(who: str | None) -> Words:
    """What kind of caller somebody was who did something: `staff:…`, `site:…`, `web`."""
    kind = (who or "").split(":")[0]
    return _ACTORS.get(kind, Words(kind, kind))


def words(table: str, name: str) -> Words:
    """What a field is called; its own name where nobody gave it words, which a test forbids."""
    return FIELDS.get(f"{table}.{name}") or FIELDS.get(name) or Words(name, name)


def _is_for_people(table: str, name: str, value: Any, row: Mapping[str, Any]) -> bool:
    if isinstance(value, UUID) or name in ONLY_IN_FILE or f"{table}.{name}" in ONLY_IN_FILE:
        return False
    if name == "service_minutes" and not value:
        return False
    other = {"_zh": "_en", "_en": "_zh"}.get(name[-3:])
    is_other_language = name.endswith("_zh" if language() == "en" else "_en")
    return not (other and is_other_language and row.get(name[:-3] + other))


def _value(table: str, name: str, value: Any, zone: str) -> str:
    if isinstance(value, bool):
        return str(Words("是", "yes") if value else Words("否", "no"))
    if isinstance(value, datetime):
        return f"{day(value, zone)} {clock(value, zone)}"
    if isinstance(value, date):
        return dated(value)
    if name in ("minutes", "service_minutes"):
        return str(Words(f"{value} 分钟", f"{value} minutes"))
    if name in _SAID_BY:
        return str(actor(str(value)))
    codes = CODES.get(f"{table}.{name}") or CODES.get(name, {})
    if isinstance(value, list | tuple):
        return str(Words("、", ", ")).join(_code(codes, one) for one in value)
    return _code(codes, value)


def _code(codes: Mapping[str, Words], value: Any) -> str:
    return str(codes.get(str(value), value))
