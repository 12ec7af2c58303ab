"""Counting, submitting, approving or not, stopping. What is approved is what is sent: a version, and so many people.

    counted = counter.count(session_scope, announcement_id)     # asks registration; no connection is held
    submit(session, announcement_id, expected, principal, counted, people, alone=200)

Above a size a second person approves: staff in a session, who had no hand in it. A key stands for nobody in particular.
"""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select, text
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.auth import Caller, Principal
from services.common.database import EVERY_SITE, Database
from services.common.errors import CONFLICT, FORBIDDEN, UNAVAILABLE, Problem, Words, invalid
from services.notifications.contacts import AudienceCount, ContactBook, ContactsUnavailable
from services.notifications.models import Announcement, AnnouncementState
from services.notifications.operations.announcements.asking import Seconds, hands_in
from services.notifications.operations.announcements.drafts import NOT_NOW, OPEN, PARTLY_SENT, find, locked, saved
from services.notifications.operations.announcements.sending import end_stopped_of
from services.notifications.operations.announcements.whom import question_of
from services.notifications.operations.preferences import without_announcements

MOST_A_DAY = 20
"""Announcements of one site, or to one area, that are submitted within a day."""

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('announcements of ' || :whose, 0))")
GOES_OUT = (AnnouncementState.SCHEDULED, AnnouncementState.SENDING, AnnouncementState.DONE)

AT_ONCE = 4
"""Counts that one api process asks for at the same time: that of a city takes registration seconds."""

_DAY = text("interval '1 day'")

FEW = 5
"""Of fewer people of an age nobody is told how many they are: who knows whom an audience is made of would learn whether
somebody is a minor."""

VEIL = {"people": FEW - 1, "by_mail": 0, "by_phone": 0, "refused": 0, "unreached": 0, "few": True}


@dataclass(frozen=True)
class Counter:
    """Counts whom announcements go to. `phones` are the beginnings of numbers to which an SMS can go, none where no
    provider carries announcements."""

    database: Database
    book: ContactBook
    phones: tuple[str, ...]
    turns: threading.Semaphore

    def count(self, scope: str, announcement_id: UUID) -> AudienceCount:
        """How many people it goes to now. A count by age is put on record, and of fewer than `FEW` no more is told.
        Raises 404, 409 where its audience is gone, 503 while nobody can say."""
        with self.database.transaction(scope) as session:
            row = find(session, announcement_id)
            question, site_id, ages = question_of(row.audience, row.site_id), row.site_id, row.audience.get("ages")
            if ages:
                record(session, "read", "announcements", announcement_id, site_id, counted=ages)
        with self.database.transaction(EVERY_SITE) as session:
            refused = without_announcements(session, site_id)
        if not self.turns.acquire(blocking=False):
            raise Problem(UNAVAILABLE, _BUSY)
        try:
            counted = self.book.count(question, self.phones, refused)
        except ContactsUnavailable:
            raise Problem(UNAVAILABLE, NOT_NOW) from None
        finally:
            self.turns.release()
        if counted.objection:
            raise Problem(CONFLICT, _GONE)
        return counted.model_copy(update=VEIL) if ages and counted.people < FEW else counted


_BUSY = Words("正在统计其他公告的人数，请稍后重试。", "Other audiences are being counted. Please try again shortly.")
_GONE = Words("收信范围已不存在，请重新选择。", "Its audience is no longer there. Choose another one.")


def submit(
    session: Session, announcement_id: UUID, expected: Collection[int] | None, principal: Principal,
    counted: AudienceCount, people: int, alone: int,
) -> Announcement:  # fmt: skip
    """Hand a draft in: to be sent, or to be approved where it is for more than `alone` people, with what its site or
    area, or whoever submits it, sent within a day that nobody approved: many small ones are one large one. Should it
    come to more than these before it goes, it waits for approval then.

    Raises 409 where it is not for as many people as the caller has in mind, 403 for a key where a second person must
    approve.
    """
    row = locked(session, announcement_id, expected, (AnnouncementState.DRAFT,))
    _check_count(counted.people, people, counted.few)
    _take_turns(session, row, principal.actor)
    left = left_alone(session, row, alone, principal.actor)
    needs_second = counted.people > left
    if needs_second and principal.caller is not Caller.STAFF:
        raise Problem(FORBIDDEN, _BY_STAFF)
    if row.send_at is not None and row.send_at <= session.execute(select(func.now())).scalar_one():
        raise invalid(
            "send_at", Words("时间已过，请另选，或改为立即发送。", "has passed: choose another time, or none.")
        )
    _check_day(session, row)
    row.people, row.unreached, row.refused = counted.people, counted.unreached, counted.refused
    row.submitted_at, row.submitted_by, row.alone = func.now(), principal.actor, left
    row.declined_at = row.declined_by = row.declined_why = row.asked_at = row.tried_at = None
    row.state = AnnouncementState.WAITING if needs_second else AnnouncementState.SCHEDULED
    return saved(session, row)


def approve(
    session: Session, announcement_id: UUID, expected: Collection[int] | None, principal: Principal, people: int,
    alone: int, seconds: Seconds,
) -> Announcement:  # fmt: skip
    """Approve what waits, as one of these `seconds`. Whoever had a hand in it can but confirm what grew, and is no
    second person: it still counts among what was sent alone. Raises 403 where that is too many, and for an account of
    the same hand; 409 where the number of people is another."""
    asked_of = {seconds.version} if expected is None else {seconds.version}.intersection(expected)
    row = locked(session, announcement_id, asked_of, (AnnouncementState.WAITING,))
    _check_count(row.people or 0, people, is_few(row))
    if principal.caller is not Caller.STAFF:
        raise Problem(FORBIDDEN, _BY_STAFF)
    if principal.actor in hands_in(row):
        _check_alone(session, row, alone)
    elif UUID(principal.name) not in seconds.staff:
        raise Problem(FORBIDDEN, _ONE_HAND)
    else:
        row.approved_at, row.approved_by = func.now(), principal.actor
    row.state, row.grown, row.tried_at = AnnouncementState.SCHEDULED, False, None
    return saved(session, row)


def _check_alone(session: Session, row: Announcement, alone: int) -> None:
    """Raise 403 where so many are written to by two people only; others were handed in meanwhile, it may be."""
    submitter = str(row.submitted_by)
    _take_turns(session, row, submitter)
    row.alone = min(row.alone or 0, left_alone(session, row, alone, submitter))
    if (row.people or 0) > row.alone:
        raise Problem(FORBIDDEN, _ANOTHER)


def decline(
    session: Session, announcement_id: UUID, expected: Collection[int] | None, principal: Principal, why: str
) -> Announcement:
    """Do not approve what waits, and say why: a draft again, for whoever wrote it. Raises 403 for a key, 422 without a
    reason, 409 for what some have already: it can but be stopped."""
    row = locked(session, announcement_id, expected, (AnnouncementState.WAITING,))
    if principal.caller is not Caller.STAFF:
        raise Problem(FORBIDDEN, _BY_STAFF)
    if not why.strip():
        raise invalid("why", Words("请写明为什么不批准。", "Say why it is not approved."))
    if row.written:
        raise Problem(CONFLICT, PARTLY_SENT)
    row.state, row.declined_at, row.declined_by = AnnouncementState.DRAFT, func.now(), principal.actor
    row.declined_why = why.strip()
    return saved(session, row)


def stop(session: Session, announcement_id: UUID, actor: str, why: str = "") -> Announcement:
    """Nothing more of it goes out from the commit on, but for what a worker holds just now. A draft is discarded."""
    row = locked(session, announcement_id, None, (*OPEN, AnnouncementState.SENDING))
    row.state, row.ended_by, row.ended_why = AnnouncementState.STOPPED, actor, why.strip() or None
    row.ended_at = func.now()
    row.tried_at = row.waits = None
    stopped = saved(session, row)
    end_stopped_of(session, row.id)
    return stopped


_BY_STAFF = Words(
    "发给这么多人的公告，须由工作人员登录后提交，另一位工作人员批准，不能用密钥。",
    "For so many people, staff who are logged in submit it and another one approves it; a key cannot.",
)
_ANOTHER = Words(
    "您参与了起草或提交，须由另一位工作人员批准。", "You had a hand in it: another member of staff must approve it."
)
_ONE_HAND = Words(
    "您和起草或提交的人之间，一人邀请了另一人，或发放了对方的密钥，须由第三人批准。",
    "You and whoever wrote or submitted it: one invited the other, or made the other's key. Somebody else must approve"
    " it.",
)


def is_few(row: Announcement) -> bool:
    """Whether the people whom it was counted for are so few that nobody is told how many."""
    return bool(row.audience.get("ages")) and row.people is not None and row.people < FEW


def _check_count(now: int, people: int, few: bool) -> None:
    if now == 0:
        raise Problem(CONFLICT, Words("没有人符合条件。", "Nobody fits: there is no one to write to."))
    if now != people:
        zh, en = (f"少于 {FEW} 人", f"fewer than {FEW}") if few else (f"{now} 人", f"{now}")
        raise Problem(CONFLICT, Words(f"现在是{zh}，请再确认。", f"It is {en} people now. Please confirm again."))


def _take_turns(session: Session, row: Announcement, submitter: str) -> None:
    """Have nobody else hand in for the same site or area, nor this one elsewhere, until the commit."""
    for whose in (submitter, str(row.site_id or row.area)):
        session.execute(ONE_AT_A_TIME, {"whose": whose})


def _of_the_day(row: Announcement) -> ColumnElement[bool]:
    return and_(_same_whole(row), _within_a_day(row))


def _within_a_day(row: Announcement) -> ColumnElement[bool]:
    """What goes less than a day before or after this one does, whenever it was handed in."""
    handed_in = Announcement.submitted_at
    goes = case((handed_in.is_not(None), func.coalesce(
        Announcement.begun_at, func.greatest(Announcement.send_at, handed_in)
    )))  # fmt: skip
    this_goes = func.greatest(func.now(), row.send_at)
    return and_(goes > this_goes - _DAY, goes < this_goes + _DAY)


def _same_whole(row: Announcement) -> ColumnElement[bool]:
    return Announcement.site_id == row.site_id if row.site_id else Announcement.area == row.area


def left_alone(session: Session, row: Announcement, alone: int, submitter: str) -> int:
    """To how many people its site or area, and whoever submits it, may write without a second person: `alone` within a
    day, each. What one submitted counts wherever it went."""
    unapproved = Announcement.approved_at.is_(None), Announcement.id != row.id
    those = case((Announcement.state.in_(GOES_OUT), Announcement.people), else_=Announcement.written)
    same = Announcement.submitted_by == submitter
    sums = select(func.sum(those).filter(_same_whole(row)), func.sum(those).filter(same))
    scope = session.scalar(select(func.current_setting("hesheng.site")))
    session.execute(select(func.set_config("hesheng.site", EVERY_SITE, True)))
    sent = session.execute(sums.where(or_(_same_whole(row), same), _within_a_day(row), *unapproved)).one()
    session.execute(select(func.set_config("hesheng.site", scope, True)))
    return max(0, alone - max(int(one or 0) for one in sent))


def _check_day(session: Session, row: Announcement) -> None:
    if (session.scalar(select(func.count()).where(_of_the_day(row))) or 0) >= MOST_A_DAY:
        zh = f"一天最多发 {MOST_A_DAY} 份公告，请明天再发。"
        raise Problem(CONFLICT, Words(zh, f"At most {MOST_A_DAY} announcements go out in a day. Please wait."))
