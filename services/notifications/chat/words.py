"""What a group reads: plain words, the link last. Nobody is named in them.

Each begins with the system's name: a bot may be set to take only what holds a keyword, and 和声 is it.
"""

from uuid import UUID
from zoneinfo import ZoneInfo

from services.common.errors import Words
from services.notifications.contacts import StaffContact
from services.notifications.mail.digests import digest_facts, sections_of
from services.notifications.mail.notices import notice_facts, notice_url, notice_words
from services.notifications.mail.words import plain, short_start
from services.notifications.operations.claims.chats import Alarm, ClaimedChat
from services.notifications.operations.claims.digests import ClaimedDigest
from services.notifications.operations.claims.notices import ClaimedNotice
from services.notifications.wording.builtin import put
from services.notifications.wording.variables import Language

MARK = "【和声】"
LONGEST = 2000
"""Bytes: WeCom cuts a text at 2,048."""

NOBODY = UUID(int=0)

ALARMS = {
    "provider": (
        Words("发不出去：{subject}。原因：{reason}", "Cannot send by {subject}: {reason}"),
        Words("恢复发送：{subject}。", "Sending again by {subject}."),
    ),
    "late": (
        Words("有消息迟了：{subject}，{reason}", "Late: {subject}, {reason}"),
        Words("不再延迟：{subject}。", "Late no more: {subject}."),
    ),
    "webhook": (
        Words(
            "事件推送已自动停用：{subject}。{reason}", "A webhook endpoint was disabled by itself: {subject}. {reason}"
        ),
        Words("事件推送已恢复或已处理：{subject}。", "The webhook endpoint was seen to: {subject}."),
    ),
    "halted": (
        Words("事件处理已停止：{subject}。{reason}", "No more events are applied: {subject}. {reason}"),
        Words("事件处理已恢复：{subject}。", "Events are applied again: {subject}."),
    ),
    "test": (
        Words("这是一条测试消息，群机器人设置正确。", "This is a test: the group's bot is set up well."),
        Words("", ""),
    ),
}
"""When it begins, and when it is over."""


def text_of(message: ClaimedChat, pages: str) -> str:
    """The whole text; `pages` is where people find registration's."""
    language = Language(message.language)
    if isinstance(message.about, Alarm):
        return _cut(MARK + _alarm(message.about, language, message.time_zone))
    reader = _reader(pages, language)
    if isinstance(message.about, ClaimedDigest):
        return _digest(message.about, reader, language)
    return _notice(message.about, reader, language)


def _reader(pages: str, language: Language) -> StaffContact:
    """A group has no name and no address."""
    shifts, hours = f"{pages}/staff/shifts/", f"{pages}/staff/hours"
    return StaffContact(staff_id=NOBODY, name="", email="", language=language.value, shifts_url=shifts, hours_url=hours)


def _notice(notice: ClaimedNotice, reader: StaffContact, language: Language) -> str:
    facts, name = notice_facts(notice, reader, language), notice_words(notice)
    subject, told = (put(language, name, part).fill(facts.values) for part in ("subject", "text"))
    rows = "\n".join(f"{label}{value}" for label, value in facts.rows)
    return _cut(f"{MARK}{subject}\n{told}\n{rows}", notice_url(notice, reader))


def _digest(digest: ClaimedDigest, reader: StaffContact, language: Language) -> str:
    subject = put(language, "digest", "subject").fill(digest_facts(digest, reader, language).values)
    lines = [f"{MARK}{subject}"]
    for section in sections_of(digest, reader, language):
        lines += [section.heading, *(f"· {line.what}{line.numbers}" for line in section.lines)]
    return _cut("\n".join(lines), reader.shifts_url.removesuffix("shifts/"))


def _alarm(alarm: Alarm, language: Language, time_zone: str | None) -> str:
    began, over = ALARMS[alarm.alarm]
    words = over if alarm.over else began
    written = words.zh if language is Language.ZH else words.en
    told = written.format(subject=plain(alarm.subject, 120), reason=plain(alarm.reason, 300))
    moment = alarm.ended_at if alarm.over and alarm.ended_at else alarm.began_at
    when = short_start(moment, ZoneInfo(time_zone or "Asia/Shanghai"), language)
    return f"{told}（{when}）" if language is Language.ZH else f"{told} ({when})"


def _cut(told: str, url: str = "") -> str:
    """As many whole lines as there is room for, and the link."""
    room, kept = LONGEST - len(url.encode()) - 8, ""
    for line in told.splitlines():
        if len((kept + line).encode()) > room:
            kept = kept.rstrip("\n") + "\n…\n"
            break
        kept += line + "\n"
    return f"{kept}{url}".strip()
