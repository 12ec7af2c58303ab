"""What staff read of webhooks instead of the names that programs use."""

from collections import defaultdict

from services.common.errors import Words
from services.notifications.models import WebhookState

KINDS = {
    "hesheng.activity.*": Words("活动", "Activities"),
    "hesheng.attendance.*": Words("签到", "Attendance"),
    "hesheng.booking.*": Words("场地预约", "Bookings of rooms"),
    "hesheng.certificate.*": Words("志愿服务证明", "Certificates"),
    "hesheng.consent.*": Words("同意书", "Consents"),
    "hesheng.designation.*": Words("挂牌", "Plaques"),
    "hesheng.organisation.*": Words("单位", "Organisations"),
    "hesheng.person.*": Words("个人信息删除", "Erasures"),
    "hesheng.programme.*": Words("项目", "Programmes"),
    "hesheng.registration.*": Words("报名", "Registrations"),
    "hesheng.room.*": Words("房间", "Rooms"),
    "hesheng.service_hours.*": Words("时长申报", "Claims of hours"),
    "hesheng.service_record.*": Words("志愿服务记录", "Service records"),
    "hesheng.shift.*": Words("场次", "Shifts"),
    "hesheng.site.*": Words("站点资料", "The site itself"),
    "hesheng.team.*": Words("队伍", "Teams"),
    "hesheng.transfer.*": Words("名额转让", "Hand-overs"),
    "hesheng.venue.*": Words("场馆", "Venues"),
    "hesheng.volunteer.*": Words("志愿者", "Volunteers"),
}

STATES = {
    WebhookState.PENDING: Words("等待投递", "Waiting"),
    WebhookState.SENDING: Words("正在投递", "Being sent"),
    WebhookState.DELIVERED: Words("已送达", "Delivered"),
    WebhookState.FAILED: Words("未送达", "Failed"),
    WebhookState.SKIPPED: Words("停用期间未投递", "Skipped: disabled"),
}

OUTCOMES: defaultdict[str, Words] = defaultdict(
    lambda: Words("其他", "Other"),
    {
        "delivered": Words("已接收", "Taken"),
        "refused": Words("回答了错误状态", "Answered with an error"),
        "redirected": Words("要求转到别处，不会跟随", "Redirected, which is not followed"),
        "gone": Words("回答 410：不再接收", "Answered 410: wants nothing any more"),
        "unanswered": Words("没有回答", "No answer"),
        "forbidden": Words("地址不允许，没有发出", "The address is not allowed; nothing was sent"),
        "interrupted": Words("投递中断，结果不明", "Interrupted: the result is not known"),
    },
)

WHY_DISABLED = {
    "staff": Words("由工作人员停用", "disabled by staff"),
    "failing": Words("连续五天没有一次成功，已自动停用", "disabled by itself: nothing but failure for five days"),
    "gone": Words("接收方回答 410（不再接收），已自动停用", "disabled by itself: the receiver answered 410 (gone)"),
}
