"""What staff read instead of the names that programs use."""

from collections import defaultdict

from services.common.errors import Words
from services.notifications.models import Stage
from services.notifications.operations.lanes import Lane

LANES = {
    Lane.LINK: Words("链接", "Links"),
    Lane.ANSWER: Words("答复", "Answers"),
    Lane.NEWS: Words("变动与提醒", "Changes and reminders"),
    Lane.BULK: Words("公告", "Announcements"),
}

CHANNELS: defaultdict[str, Words] = defaultdict(
    lambda: Words("未定", "not chosen yet"),
    {"mail": Words("邮件", "Mail"), "sms": Words("短信", "SMS"), "chat": Words("群消息", "Chat group")},
)

STATES = {
    Stage.ACCEPTED: Words("已受理，未到时间", "Accepted, its time has not come"),
    Stage.QUEUED: Words("等待发送", "Queued"),
    Stage.SENDING: Words("正在发送", "Being sent"),
    Stage.SENT: Words("已发送", "Sent"),
    Stage.DELIVERED: Words("已送达", "Delivered"),
    Stage.FAILED: Words("发送失败", "Failed"),
    Stage.EXPIRED: Words("已失效", "Expired"),
    Stage.SUPPRESSED: Words("不再发送", "Not sent"),
    Stage.NO_CONTACT: Words("没有邮箱", "No address"),
}

WHY_NOT_SENT = {
    "the shift had begun": (
        Words("错过", "Missed"),
        Words("发现时场次已经开始", "The shift had begun when it was found"),
    ),
    "too late by its rule": (Words("跳过", "Skipped"), Words("晚了太久，按规则不再发", "Too late, by its rule")),
    "a later one is due by now as well": (
        Words("被取代", "Gave way"),
        Words("后一次提醒也到了时间，只发那一次", "A later one was due as well: only that one was sent"),
    ),
}
"""What became of a reminder that was not sent, and why, by the reason that its row keeps."""

OUTCOMES: defaultdict[str, Words] = defaultdict(
    lambda: Words("其他", "Other"),
    {
        "sent": Words("已被接收", "Accepted"),
        "deferred": Words("暂时未被接收，稍后再试", "Put off, tried again later"),
        "refused": Words("被拒绝", "Refused"),
        "held_back": Words("今天已收到很多，暂不打扰", "Enough for a day, held back"),
        "lost": Words("连接中断", "The connection was lost"),
        "unknown": Words("没有答复，先查明再决定是否重发", "No answer: asked after before it goes again"),
        "delivered": Words("已送达", "Delivered"),
        "undelivered": Words("未能送达", "Not delivered"),
        "interrupted": Words("发送中断，结果不明", "Interrupted: the result is not known"),
        "no_contact": Words("没有邮箱", "No address"),
        "suppressed": Words("此邮箱已停发", "No mail goes to this address"),
        "bounced": Words("退信", "Bounced"),
        "complained": Words("被标为垃圾邮件", "Reported as spam"),
        "refused_by_person": Words("本人不想收到", "The person wants none of these"),
        "not_rendered": Words("内容无法生成", "The words could not be made"),
        "link_is_over": Words("链接已失效", "The link was over"),
    },
)
