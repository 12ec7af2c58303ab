"""Why a message waits or did not go out, as its reader understands it. What a server said stays as it was said."""

from services.common.errors import language

REASONS = {
    "the person has no e-mail address": "此人没有邮箱",
    "the person has no e-mail address, nor can an SMS go to them": "此人没有邮箱，也收不到短信",
    "one channel did not bring it, and no other reaches the person any more": "一种途径没送到，此人已没有其他途径",
    "refused by the person": "本人不想收到",
    "unknown: no answer came, and there is nobody any more to ask about": "没有答复，也已无从查询",
    "nobody is their guardian any more": "此人已没有监护人",
    "the link expired or was used before it could be sent": "发出之前，链接已过期或已用过",
    "the group was removed": "消息群已移除",
    "it waits for no approval any more": "公告已不再等待批准",
    "an earlier mail to this address bounced": "以前发到此邮箱的邮件被退回",
    "the person complained of spam": "收件人曾把邮件标成垃圾邮件",
    "stopped": "公告已停止",
    "merged: the same person is told by another message": "与另一人合并，由另一条消息告知",
    "recalled: the shift, its activity or its site changed": "场次、活动或站点有变动，不再属实",
    "recalled: the registration or its shift changed": "报名或场次有变动，不再属实",
    "interrupted: the worker ended before the result was known": "发送中断，结果不明",
    "expired before it could be sent": "没来得及发出，已过期",
    "waits: the person wants to be left alone now": "本人设置了此时不打扰",
    "waits: the provider takes no more in a minute": "服务商每分钟只收这么多",
    "waits: the service of its group is slow to answer": "消息群的服务答复很慢",
    "its address cannot be read: a key is missing": "缺少密钥，消息群的地址读不出",
    "registration cannot be reached": "连不上报名服务",
    "waits: the group takes no more in a minute": "消息群每分钟只收这么多",
    "held back: too many mails to this person within an hour or a day": "一小时或一天内已给此人发了很多，暂缓",
    "not delivered": "没有送达",
    "not_rendered": "内容无法生成",
}
"""Those that are ours, as the database keeps them; some go on after a colon."""


def reason_of(error: str) -> str:
    """The reason in the reader's language."""
    if language() != "zh":
        return error
    for ours, words in REASONS.items():
        if error == ours or error.startswith(f"{ours}: "):
            said = error[len(ours) + 2 :]
            return f"{words}：{said}" if said else words
    return error
