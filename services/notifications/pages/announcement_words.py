"""What a page of an announcement says of whom it goes to, who had to do with it, and how far it is."""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from flask import g

from services.common.auth import Caller
from services.common.errors import Words
from services.notifications.contacts import Colleagues, ContactBook, ContactsUnavailable
from services.notifications.models import Announcement, AnnouncementState, State
from services.notifications.operations.announcements.approval import FEW
from services.notifications.operations.announcements.asking import hands_in
from services.notifications.operations.announcements.progress import STOPPED
from services.notifications.schemas.announcements import AudienceBody

STATES = {
    AnnouncementState.DRAFT: Words("草稿", "Draft"),
    AnnouncementState.WAITING: Words("等待批准", "Waits for approval"),
    AnnouncementState.SCHEDULED: Words("待发送", "To be sent"),
    AnnouncementState.SENDING: Words("发送中", "Being sent"),
    AnnouncementState.DONE: Words("已发完", "Sent"),
    AnnouncementState.STOPPED: Words("已停止", "Stopped"),
}
OF_MESSAGES: dict[str, Words] = {
    State.PENDING: Words("还没发", "Still to go"),
    State.SENDING: Words("正在发送", "Being sent"),
    State.SENT: Words("已发出", "Sent"),
    State.DELIVERED: Words("已送达", "Delivered"),
    State.FAILED: Words("发送失败", "Failed"),
    State.EXPIRED: Words("已失效", "Expired"),
    State.SUPPRESSED: Words("不发：本人不要或邮箱停用", "Not sent: refused, or a closed address"),
    STOPPED: Words("已停止，不发", "Stopped, not sent"),
    State.NO_CONTACT: Words("联系不到", "Cannot be reached"),
}
FIELDS = {
    "subject_zh": Words("主题", "Subject in Chinese"),
    "text_zh": Words("正文", "Text in Chinese"),
    "subject_en": Words("英文主题", "Subject in English"),
    "text_en": Words("英文正文", "Text in English"),
}
PLACES = {
    "confirmed": Words("有名额的", "who has a place"),
    "waitlisted": Words("候补的", "who waits"),
    "attended": Words("到场的", "who was there"),
}
LANGUAGES = {"zh": Words("读中文的", "who reads Chinese"), "en": Words("读英文的", "who reads English")}
AGES = {"adults": Words("成年人", "adults"), "minors": Words("未成年人", "minors")}
DECLINED = Words("未获批准，待修改", "Not approved, to be changed")
WITHDRAWN = Words("没发就撤下了", "Withdrawn before it went")
FEW_PEOPLE = Words(f"少于 {FEW}", f"fewer than {FEW}")
AUDIENCE_GONE = Words("收信范围已不存在", "its audience was gone")


def state_of(row: Announcement) -> Words:
    """How far it is, in a few words: one that was not approved is another thing than one that was stopped."""
    if row.state == AnnouncementState.DRAFT and row.declined_at:
        return DECLINED
    if row.state == AnnouncementState.STOPPED and not row.begun_at:
        return WITHDRAWN
    return STATES[AnnouncementState(row.state)]


def filters_of(row: Announcement) -> list[Words]:
    """Who of the audience alone it goes to; empty where it goes to all."""
    audience = AudienceBody.model_validate(row.audience)
    chosen = [PLACES[one] for one in audience.places]
    chosen += [Words("志愿者", "volunteers")] if audience.volunteers_only else []
    chosen += [LANGUAGES[audience.language]] if audience.language else []
    return chosen + ([AGES[audience.ages]] if audience.ages else [])


def come(states: dict[str, int]) -> tuple[int, int]:
    """Of its messages, how many have ended, and how many there are."""
    whole = sum(states.values())
    return whole - states.get(State.PENDING, 0) - states.get(State.SENDING, 0), whole


def colleagues_of(book: ContactBook, row: Announcement, submitter: str | None) -> Colleagues | None:
    """Who may approve it, once this one submitted it, and what those are called who had to do with it; None while
    registration does not answer."""
    actors: Collection[Any] = {
        one for one in (*row.written_by, row.submitted_by, row.approved_by, row.declined_by, row.ended_by) if one
    }
    try:
        return book.colleagues(row.site_id, row.area, hands_in(row, submitter), actors)
    except ContactsUnavailable:
        return None


def naming(found: Colleagues | None) -> Callable[[str], str]:
    """Says what those are called who had to do with it, as far as the reader may know; of whom nothing is known, a part
    of their id."""
    names = found.names if found else {}
    return lambda actor: str(_who(actor, names))


def _who(actor: str, names: dict[str, str]) -> Words:
    caller, _, id_ = actor.partition(":")
    if actor == g.principal.actor:
        return Words("您", "you")
    if name := names.get(actor):
        return Words(name, name)
    if caller == Caller.STAFF:
        return Words(f"工作人员 {id_[:8]}", f"staff {id_[:8]}")
    if caller == Caller.SITE:
        return Words("站点密钥", "a site key")
    return Words("系统", "the system") if actor == "system" else Words("运维密钥", "the operator's key")


def valid_ids(typed: Collection[str]) -> list[UUID]:
    """Those among typed ids that are any."""
    found = []
    for one in typed:
        try:
            found.append(UUID(one))
        except ValueError:
            continue
    return found
