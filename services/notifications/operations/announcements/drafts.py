"""Announcements as they are written: made, changed, copied, found.

chosen = bureau.chosen(principal, body.audience)              # asks registration; no connection is held
with database.transaction(chosen.scope) as session:
    row = add(session, chosen, principal.actor, body)
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import false, func, or_, select
from sqlalchemy.orm import Session

from services.common.auth import Principal
from services.common.database import EVERY_SITE, Database
from services.common.errors import (
    CHANGED_MEANWHILE,
    CONFLICT,
    FORBIDDEN,
    UNAVAILABLE,
    Problem,
    Words,
    invalid,
    not_found,
)
from services.notifications.contacts import Choices, ContactBook, ContactsUnavailable
from services.notifications.models import Announcement, AnnouncementState
from services.notifications.operations.announcements.whom import looks_after_areas, question_of, staff_id_of
from services.notifications.operations.messages import number_of
from services.notifications.schemas.announcements import AnnouncementBody, AnnouncementsQuery, AudienceBody
from services.notifications.wording.announcements import Announced, check_words, tidied

MOST_OPEN = 100
"""Drafts of one site, or of all areas: more are forgotten, not written."""

OPEN = (AnnouncementState.DRAFT, AnnouncementState.WAITING, AnnouncementState.SCHEDULED)
"""What can still be changed."""

NOT_NOW = Words("暂时查不到收信人，请稍后重试。", "Who gets it cannot be looked up now. Please try again shortly.")


@dataclass(frozen=True)
class Chosen:
    """An audience that may be written to, by name. `scope` is what a row of it is written under."""

    site_id: UUID | None
    area: str | None
    name_zh: str
    name_en: str

    @property
    def scope(self) -> str:
        """What row-level security must let through."""
        return str(self.site_id) if self.site_id else EVERY_SITE


@dataclass(frozen=True)
class Bureau:
    """Asks registration who may write to whom."""

    database: Database
    book: ContactBook

    def chosen(self, principal: Principal, audience: AudienceBody, site_id: UUID | None) -> Chosen:
        """The audience by name, of this site or of an area. Raises 403 for an area that is not theirs, 422 for what
        there is not."""
        of_area = audience.to == "area"
        if of_area and not looks_after_areas(principal):
            raise Problem(FORBIDDEN, _NO_AREAS)
        site_id = None if of_area else site_id
        if site_id is None and not of_area:
            raise invalid("audience.to", Words("没有选择站点，只能发给区划。", "must be an area: no site was chosen."))
        question = question_of(audience.model_dump(mode="json"), site_id, staff_id_of(principal))
        try:
            found = self.book.audience(question)
        except ContactsUnavailable:
            raise Problem(UNAVAILABLE, NOT_NOW) from None
        if found.objection == "not_theirs":
            raise Problem(FORBIDDEN, _NO_AREAS)
        if found.objection:
            raise invalid(f"audience.{_FIELDS[audience.to]}", Words("请从列表中选择。", "must be one that there is."))
        return Chosen(site_id, audience.area if of_area else None, found.name_zh, found.name_en)

    def scope(self, principal: Principal, announcement_id: UUID) -> str:
        """What lets the caller act on it: everything, where it is to an area that they look after."""
        if principal.is_operator or not looks_after_areas(principal):
            return principal.scope
        with self.database.transaction(EVERY_SITE) as session:
            area = session.scalar(select(Announcement.area).where(Announcement.id == announcement_id))
        theirs = area is not None and area in self.areas(principal)
        return EVERY_SITE if theirs else principal.scope

    def areas(self, principal: Principal) -> list[str]:
        """The codes of the areas that they look after."""
        return [one.id for one in self.choices(principal).areas] if looks_after_areas(principal) else []

    def choices(self, principal: Principal) -> Choices:
        """What they may choose from; of areas nothing, where they look after none."""
        try:
            found = self.book.choices(principal.site_id, staff_id_of(principal))
        except ContactsUnavailable:
            raise Problem(UNAVAILABLE, NOT_NOW) from None
        return found if looks_after_areas(principal) else found.model_copy(update={"areas": []})


_FIELDS = {"activity": "activity_id", "team": "team_id", "site": "to", "area": "area"}
_NO_AREAS = Words(
    "只有区划管理员可以发给自己所辖的区划。", "Only those who look after an area can write to all of its people."
)


def add(session: Session, chosen: Chosen, actor: str, body: AnnouncementBody) -> Announcement:
    """Write a draft. Raises 422 with the fields of words that cannot be, 409 with too many drafts."""
    _check_room(session, chosen)
    row = Announcement(site_id=chosen.site_id, area=chosen.area, created_by=actor, written_by=[actor])
    _write(row, chosen, body)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def change(
    session: Session, announcement_id: UUID, chosen: Chosen, actor: str, body: AnnouncementBody,
    expected: Collection[int] | None,
) -> Announcement:  # fmt: skip
    """Put other words or another audience in their place: a draft again, whoever approved it. Raises 412 when somebody
    else changed it meanwhile, 409 once it is on its way."""
    row = locked(session, announcement_id, expected, OPEN)
    if row.site_id != chosen.site_id:
        raise invalid("audience.to", Words("站点的公告不能改为发给区划。", "must stay the site's or an area's."))
    if row.written:
        raise Problem(CONFLICT, PARTLY_SENT)
    _write(row, chosen, body)
    row.area = chosen.area
    row.written_by = sorted({*row.written_by, actor})
    row.state = AnnouncementState.DRAFT
    row.people = row.unreached = row.submitted_at = row.submitted_by = row.approved_at = row.approved_by = None
    row.grown, row.refused, row.tried_at, row.waits = False, 0, None, None
    return saved(session, row)


PARTLY_SENT = Words(
    "已有人收到这份公告，不能再改。请停止它，另写一份。",
    "Some have it already, so it cannot be changed. Stop it, and write another one.",
)


def copy(session: Session, announcement_id: UUID, actor: str) -> Announcement:
    """A draft with the same words and audience. Its time is for whoever sends it to say."""
    old = find(session, announcement_id)
    _check_room(session, old)
    kept = ("site_id", "area", "audience", "about_zh", "about_en", "subject_zh", "text_zh", "subject_en", "text_en")
    row = Announcement(**{name: getattr(old, name) for name in (*kept, "per_minute")})
    row.created_by, row.written_by, row.copied_from = actor, [actor], old.id
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def find(session: Session, announcement_id: UUID) -> Announcement:
    """One that the caller may see. Raises 404."""
    row = session.get(Announcement, announcement_id)
    if row is None:
        raise not_found("公告", "announcement")
    return row


def list_announcements(
    session: Session, principal: Principal, areas: Sequence[str], query: AnnouncementsQuery
) -> tuple[Sequence[Announcement], str | None]:
    """A page, the newest first, and the cursor of the next one: the site's, and those to areas that they look after.
    An operator sees all."""
    wanted = select(Announcement).order_by(Announcement.number.desc()).limit(query.limit + 1)
    if not principal.is_operator:
        theirs = Announcement.area.in_(areas)
        own = Announcement.site_id == principal.site_id if principal.site_id else false()
        wanted = wanted.where(or_(own, theirs))
    if query.state is not None:
        wanted = wanted.where(Announcement.state == query.state)
    if query.cursor is not None:
        wanted = wanted.where(Announcement.number < number_of(query.cursor))
    found = session.scalars(wanted).all()
    page = found[: query.limit]
    return page, str(page[-1].number) if len(found) > query.limit else None


def locked(
    session: Session, announcement_id: UUID, expected: Collection[int] | None, states: Collection[AnnouncementState]
) -> Announcement:
    """The row, held until the commit. Raises 404, 412 for another version, 409 in any other state."""
    row = session.scalar(select(Announcement).where(Announcement.id == announcement_id).with_for_update())
    if row is None:
        raise not_found("公告", "announcement")
    if expected is not None and row.version not in expected:
        zh, en = (
            f"现在是第 {row.version} 版。请重新读取后再操作。",
            f"It is at version {row.version} now. Read it again.",
        )
        raise Problem(CHANGED_MEANWHILE, Words(zh, en))
    if row.state not in states:
        raise Problem(CONFLICT, Words("公告现在的状态不能这样做。", f"That cannot be done: it is {row.state}."))
    return row


def saved(session: Session, row: Announcement) -> Announcement:
    """Another version of it."""
    row.version += 1
    session.flush()
    session.refresh(row)
    return row


def _write(row: Announcement, chosen: Chosen, body: AnnouncementBody) -> None:
    words = tidied(Announced(body.subject_zh, body.text_zh, body.subject_en, body.text_en))
    check_words(words, of_activity=body.audience.to == "activity")
    kept: dict[str, Any] = vars(words) | {"about_zh": chosen.name_zh, "about_en": chosen.name_en}
    kept |= {"send_at": body.send_at, "per_minute": body.per_minute, "audience": body.audience.model_dump(mode="json")}
    for name, value in kept.items():
        setattr(row, name, value)


def _check_room(session: Session, chosen: "Chosen | Announcement") -> None:
    of = Announcement.site_id == chosen.site_id if chosen.site_id else Announcement.area == chosen.area
    count = select(func.count()).where(of, Announcement.state.in_((AnnouncementState.DRAFT, AnnouncementState.WAITING)))
    if (session.scalar(count) or 0) >= MOST_OPEN:
        zh = f"草稿已有 {MOST_OPEN} 份，请先清理不用的。"
        raise Problem(CONFLICT, Words(zh, f"There are {MOST_OPEN} drafts. Discard some first."))
