"""What people read instead of a message's kind, and of a link's purpose."""

from collections import defaultdict

from services.common.errors import Words
from services.notifications.models import Kind

KIND_NAMES = {
    Kind.CONFIRMATION: Words("报名成功", "Sign-up confirmed"),
    Kind.WAITLISTED: Words("进入候补", "On the waitlist"),
    Kind.PROMOTION: Words("候补转正", "Place from the waitlist"),
    Kind.OFFER: Words("名额等待确认", "Place offered"),
    Kind.MOVED_BACK: Words("转回候补", "Moved to the waitlist"),
    Kind.TRANSFER_DECLINED: Words("转让被谢绝", "Hand-over declined"),
    Kind.TRANSFER_EXPIRED: Words("转让过期", "Hand-over expired"),
    Kind.CANCELLATION: Words("报名取消", "Cancelled"),
    Kind.CHANGE: Words("活动有变动", "Changed"),
    Kind.REMINDER: Words("提醒", "Reminder"),
    Kind.NO_PLACE: Words("没有名额", "No place"),
    Kind.LINK: Words("链接", "Link"),
    Kind.NOTICE: Words("工作提醒", "Reminder to staff or leaders"),
    Kind.ALARM: Words("运行告警", "Alarm"),
    Kind.HOURS: Words("时长待记录", "Hours to record"),
    Kind.ANNOUNCEMENT: Words("公告", "Announcement"),
    Kind.APPROVAL: Words("公告待批准", "Announcement to approve"),
    Kind.DIGEST: Words("明日一览", "Tomorrow at a glance"),
}

PURPOSE_NAMES: defaultdict[str, Words] = defaultdict(
    lambda: Words("其他链接", "Another link"),
    {
        "my_registrations": Words("查看我的报名", "My registrations"),
        "address_changed": Words("邮箱已更改", "Address changed"),
        "guardian_consent": Words("监护人同意", "Guardian's consent"),
        "staff_invitation": Words("工作人员邀请", "Staff invitation"),
        "password_reset": Words("重设密码", "Password reset"),
        "team_invitation": Words("队伍邀请", "Team invitation"),
        "room_answer": Words("用房答复", "Answer about a room"),
        "hours_changed": Words("时长有变", "Hours changed"),
        "certificate_revoked": Words("证明已撤销", "Certificate revoked"),
        "hand_over": Words("名额转让", "Hand-over of a place"),
    },
)
