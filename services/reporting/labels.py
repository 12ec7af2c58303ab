"""Names of what has no row of its own, in both languages; the order is the one that rows come in."""

from services.common.errors import Words

KINDS = {
    "performance": Words("演出", "Performance"),
    "rehearsal": Words("排练", "Rehearsal"),
    "class": Words("课程", "Class"),
    "visit": Words("探访", "Visit"),
    "blood_drive": Words("献血", "Blood drive"),
    "clinic": Words("义诊", "Clinic"),
    "other": Words("其他", "Other"),
}

AGE_BANDS = {
    "under_14": Words("14岁以下", "Under 14"),
    "14_17": Words("14–17岁", "14–17"),
    "18_34": Words("18–34岁", "18–34"),
    "35_59": Words("35–59岁", "35–59"),
    "60_plus": Words("60岁及以上", "60 and over"),
    "unknown": Words("未知", "Unknown"),
}

DIMENSIONS = {
    "day": Words("日期", "Day"),
    "week": Words("周", "Week"),
    "month": Words("月份", "Month"),
    "quarter": Words("季度", "Quarter"),
    "year": Words("年份", "Year"),
    "academic_year": Words("学年", "Academic year"),
    "site": Words("站点", "Site"),
    "area": Words("区划", "Area"),
    "kind": Words("活动类型", "Activity kind"),
    "age_band": Words("年龄段", "Age band"),
}

MEASURES = {
    "activities": Words("活动", "Activities"),
    "shifts": Words("场次", "Shifts"),
    "seats": Words("名额", "Seats"),
    "registrations": Words("报名人次", "Registrations"),
    "confirmed": Words("已确认", "Confirmed"),
    "waitlisted": Words("候补中", "Waitlisted"),
    "promotions": Words("递补", "Promotions"),
    "cancellations": Words("取消", "Cancellations"),
    "attended": Words("到场人次", "Attended"),
    "no_shows": Words("缺席", "No-shows"),
    "service_minutes": Words("服务分钟", "Service minutes"),
    "offered": Words("待答复", "Offered"),
    "places": Words("占用名额", "Places taken"),
    "service_hours": Words("服务小时", "Service hours"),
    "people": Words("人数", "People"),
    "people_attended": Words("到场人数", "People attended"),
}

NEWCOMERS = {
    "new_people": Words("新参加人数", "New people"),
    "returning_people": Words("再次参加人数", "Returning people"),
}

TIME = Words("服务时间", "Service time")
"""Of minutes, where whoever shows them adds their unit."""

RATES = {
    "attendance_rate": Words("到场率", "Attendance rate"),
    "no_show_rate": Words("缺席率", "No-show rate"),
    "cancellation_rate": Words("取消率", "Cancellation rate"),
    "fill_rate": Words("名额使用率", "Share of seats taken"),
}

NAME = Words("名称", "Name")
TOTAL = Words("合计", "Total")
