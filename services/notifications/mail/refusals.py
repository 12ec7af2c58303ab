"""Which refusals of a mail say that there is no such mailbox, so that no other mail will get there either.

By the enhanced codes of RFC 3463 where the server gives one that says anything; else by the words that servers use.
Refusals for what a mail says, for its size, or for who we are, are of that mail alone.

The words: Postfix, Exim, sendmail and Gmail as they answer; Exchange Online 5.4.1 and 5.1.10 (Microsoft's list of
non-delivery reports); QQ's list of its bounces (550 Mailbox not found) and Coremail's of its own, which 163, 126 and
many companies run (User not found); in Chinese as QQ's list has them:
该用户不存在、该用户未开通QQ邮箱、收件人空间不足。
"""

import re

NO_MAILBOX = re.compile(r"(?<![\w.])5\.(1\.(1|2|3|6|10)|2\.1)(?!\.?\d)")
"""No such mailbox (1.1), no such domain (1.2), no address by its form (1.3), moved away (1.6), a domain that takes no
mail by RFC 7505, and Exchange's recipient not found (1.10), a mailbox that is switched off (2.1)."""

BUSY = re.compile(r"receiving (mail|messages) (at a rate|too)", re.IGNORECASE)
"""Gmail's other 5.2.1."""

IN_THEIR_WAY = re.compile(
    r"(?<![\w.])5\.4\.1 .{0,300}recipient address rejected"  # Exchange Online: not in the directory of its domain
    r"|(?<![\w.])5\.4\.4 .{0,300}(host|domain name) not found",  # Postfix: there is no such domain
    re.IGNORECASE,
)
SAYS_NOTHING = r"[015]\.0"
"""Codes of the kind `other or undefined`: their words count."""

OTHER_CODE = re.compile(rf"(?<![\w.])5\.(?!{SAYS_NOTHING}(?!\.?\d))[0-7]\.[0-9]{{1,3}}(?!\.?\d)")
TEMPORARY = re.compile(r"4[0-9][0-9]\b|4\.[0-9]\.[0-9]")

WHO = r"(user|mailbox|recipient|address|account|person)"
WORDS = re.compile(
    rf"(no such|unknown|non-?existent|invalid|unavailable mail) {WHO}"
    rf"|{WHO}\b.{{0,60}}?\b((is |was )?(unknown|not found|disabled|invalid|not exist)|(does not|doesn't|no) exists?)"
    rf"|not a valid {WHO}|does(n't| not) have an? (\S+ )?account|mailbox unavailable|unroute?able address",
    re.IGNORECASE,
)
NOT_WORDS = re.compile(r"spam|policy|block|reputation|relay|denied|quota|full|sender", re.IGNORECASE)

IN_CHINESE = re.compile("(用户|邮箱|信箱|地址|收件人|[帐账][号户]).{0,80}?(不存在|未开通|已注销|已停用|被禁用|无效)")
NONE_SUCH = re.compile("[无没]有?[此这]个?(用户|邮箱|收件人|[帐账][号户])|查无此人")
NOT_TAKEN = re.compile("拒收|拒绝接收|空间不足|被退回|无法送达")
NOT_IN_CHINESE = re.compile("垃圾|拒收|拒绝接收|拦截|频[率繁]|空间不足|容量|已满|黑名单|策略|限制|发件人")


def is_no_mailbox(said: str) -> bool:
    """Whether this answer of a server (`550 5.1.1 …`, or words without any code) means that the address is none."""
    if TEMPORARY.match(said):
        return False
    if NO_MAILBOX.search(said):
        return not BUSY.search(said)
    if IN_THEIR_WAY.search(said):
        return True
    return not OTHER_CODE.search(said) and _names_nobody(said)


def _names_nobody(said: str) -> bool:
    if NOT_WORDS.search(said) or NOT_IN_CHINESE.search(said):
        return False
    return any(words.search(said) for words in (WORDS, IN_CHINESE, NONE_SUCH))


def refuses(line: str) -> bool:
    """Whether a line without any code is how a server says that it did not take a mail."""
    return any(words.search(line) for words in (WORDS, IN_CHINESE, NONE_SUCH, NOT_TAKEN))
