"""The lists that people choose from, in one place: kinds of activity, skills, professions, service categories.

    SKILLS["first_aid"].zh      # 急救

A code is only ever added: what people once told stays readable.
"""

from services.common.errors import Words

ACTIVITY_KINDS = {
    "performance": Words("演出", "Performance"),
    "rehearsal": Words("排练", "Rehearsal"),
    "class": Words("课程", "Class"),
    "visit": Words("探访", "Visit"),
    "blood_drive": Words("献血", "Blood drive"),
    "clinic": Words("义诊", "Clinic"),
    "other": Words("其他", "Other"),
}

SKILLS = {
    "singing": Words("歌唱", "singing"),
    "instrument": Words("乐器", "playing an instrument"),
    "conducting": Words("指挥", "conducting"),
    "teaching": Words("教学辅导", "teaching"),
    "smartphones": Words("智能手机教学", "teaching smartphones"),
    "first_aid": Words("急救", "first aid"),
    "nursing": Words("护理照护", "nursing and care"),
    "counselling": Words("心理疏导", "counselling"),
    "hosting": Words("主持", "hosting events"),
    "photography": Words("摄影摄像", "photography and film"),
    "driving": Words("驾驶", "driving"),
    "repairs": Words("维修", "repairs"),
    "cooking": Words("烹饪", "cooking"),
    "sports": Words("体育指导", "coaching sports"),
    "translation": Words("翻译", "translation"),
    "sign_language": Words("手语", "sign language"),
    "computing": Words("计算机", "computing"),
    "law": Words("法律", "law"),
}

PROFESSIONS = {
    "doctor": Words("医师", "doctor"),
    "nurse": Words("护士", "nurse"),
    "pharmacist": Words("药师", "pharmacist"),
    "optometrist": Words("验光师", "optometrist"),
    "teacher": Words("教师", "teacher"),
    "social_worker": Words("社会工作者", "social worker"),
    "lawyer": Words("律师", "lawyer"),
    "electrician": Words("电工", "electrician"),
    "firefighter": Words("消防员", "firefighter"),
    "student": Words("学生", "student"),
    "retired": Words("退休", "retired"),
    "other": Words("其他", "other"),
}

CATEGORIES = {
    "culture": Words("文化艺术", "culture and arts"),
    "elders": Words("助老服务", "help for elders"),
    "children": Words("关爱未成年人", "care for minors"),
    "disability": Words("助残服务", "help for people with disabilities"),
    "health": Words("健康服务", "health"),
    "education": Words("教育辅导", "education"),
    "environment": Words("环境保护", "environment"),
    "safety": Words("平安巡防", "safety"),
    "emergency": Words("应急救援", "emergency relief"),
    "events": Words("大型活动", "large events"),
    "legal": Words("法律服务", "legal aid"),
    "community": Words("社区治理", "community life"),
}

CONSENT_KINDS = {
    "terms": Words("服务条款", "terms"),
    "sensitive_id_number": Words("身份证件号码", "ID number"),
    "health": Words("健康信息", "health data"),
    "photo": Words("影像使用", "photos and films"),
    "guardian_signup": Words("监护人同意报名", "guardian: signing up"),
    "guardian_volunteering": Words("监护人同意志愿服务", "guardian: volunteering"),
    "helper": Words("代办人", "helper"),
}
