"""The address of a group's bot, as the service shows it to whoever made it; kept as Apprise writes it.

    service, address = read_address("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…", "")

Sites name the bots of these services and nothing else: what leads anywhere else is never called.
"""

import re
from enum import StrEnum

from services.common.errors import Words, invalid


class Service(StrEnum):
    """Whose bots sites may name."""

    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    LARK = "lark"


SCHEMES = {
    Service.WECOM: "wecombot",
    Service.DINGTALK: "dingtalk",
    Service.FEISHU: "feishu",
    Service.LARK: "lark",
}
_ADDRESSES = {
    Service.WECOM: re.compile(r"https://qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=([A-Za-z0-9_-]{8,100})"),
    Service.DINGTALK: re.compile(r"https://oapi\.dingtalk\.com/robot/send\?access_token=([A-Za-z0-9]{8,100})"),
    Service.FEISHU: re.compile(r"https://open\.feishu\.cn/open-apis/bot/v2/hook/([A-Za-z0-9_-]{8,100})/?"),
    Service.LARK: re.compile(r"https://open\.larksuite\.com/open-apis/bot/v2/hook/([A-Za-z0-9-]{8,100})/?"),
}
_SECRET = re.compile("[A-Za-z0-9]{8,100}")

NO_BOT = Words(
    "应为企业微信、钉钉、飞书或 Lark 群机器人的 Webhook 地址。请从群机器人页面整条复制。",
    "must be the address of a group's bot in WeCom, DingTalk, Feishu or Lark, copied whole from its page.",
)
NO_SECRET = Words("应为钉钉机器人“加签”里以 SEC 开头的密钥。", "must be what DingTalk shows where its bot signs: SEC….")
ONLY_DINGTALK = Words(
    "只有钉钉机器人用得上这个密钥；其他机器人请留空，安全设置请用关键词“和声”。",
    "is for a bot of DingTalk alone. Leave it empty, and let the others ask for the keyword 和声.",
)


def read_address(url: str, secret: str) -> tuple[Service, str]:
    """Whose it is, and the address as Apprise writes it. Raises 422 at the field that is wrong; never repeats it."""
    for service, pattern in _ADDRESSES.items():
        found = pattern.fullmatch(url)
        if found:
            return service, _written(service, found[1], secret)
    raise invalid("address", NO_BOT)


def _written(service: Service, token: str, secret: str) -> str:
    if not secret:
        return f"{SCHEMES[service]}://{token}/"
    if service is not Service.DINGTALK:
        raise invalid("secret", ONLY_DINGTALK)
    if not _SECRET.fullmatch(secret):
        raise invalid("secret", NO_SECRET)
    return f"{SCHEMES[service]}://{secret}@{token}/"
