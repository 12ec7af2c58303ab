"""Reading the audit log: a site's own, an area's, everything.

reader = Reader.of(principal)
entries, next_cursor = read(session, data, reader, query)
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false, func, or_, select, true
from sqlalchemy.orm import Session

from services.common.auth import NOTHING, Caller, Principal, Role
from services.common.database import EVERY_SITE
from services.common.errors import SITE_NEEDED, Problem, Words, invalid
from services.registration.models import AuditEntry, Site, SiteKey, Staff
from services.registration.personal_data import PersonalData
from services.registration.schemas.audit import AuditAnswer, AuditQuery


@dataclass(frozen=True)
class Reader:
    """Whose audit log it is: `everything` sees all of it, `site_id` alone that site's, `admin` besides it those of the
    areas that they administer. Who is none of these sees nothing."""

    site_id: UUID | None = None
    admin: UUID | None = None
    everything: bool = False

    @classmethod
    def of(cls, principal: Principal) -> "Reader":
        """The reader that a caller is. Operators see everything, whatever site they chose. Raises 403 for staff
        of sites who have chosen none, those without any grant among them."""
        if principal.is_operator:
            return cls(everything=True)
        admin = UUID(principal.name) if principal.role is Role.AREA_ADMIN else None
        if principal.site_id is None and admin is None:
            raise Problem(SITE_NEEDED, Words("请先选择站点。", "Choose a site first."))
        return cls(principal.site_id, admin)

    @property
    def several(self) -> bool:
        """Whether entries of more than one site may be among what they see."""
        return self.everything or self.admin is not None

    @property
    def scope(self) -> str:
        """What row-level security must let through; an area is narrowed by the query."""
        if self.several:
            return EVERY_SITE
        return str(self.site_id) if self.site_id else NOTHING

    def sees(self) -> ColumnElement[bool]:
        """The entries that are theirs to see."""
        if self.everything:
            return true()
        own = AuditEntry.site_id == self.site_id if self.site_id else false()
        if not self.admin:
            return own
        within = select(Site.id).where(Site.area.in_(select(func.staff_areas(self.admin))))
        return or_(own, AuditEntry.site_id.in_(within))


def read(
    session: Session, data: PersonalData, reader: Reader, query: AuditQuery
) -> tuple[list[AuditAnswer], int | None]:
    """Entries, the newest first, and where they go on."""
    rows = select(AuditEntry).where(reader.sees())
    for name in ("record", "actor", "kind", "action", "site_id"):
        if (value := getattr(query, name)) is not None:
            rows = rows.where(getattr(AuditEntry, name) == value)
    if query.since:
        rows = rows.where(AuditEntry.at >= query.since)
    if query.until:
        rows = rows.where(AuditEntry.at < query.until)
    if query.cursor is not None:
        rows = rows.where(AuditEntry.id < _number(query.cursor))
    found = session.scalars(rows.order_by(AuditEntry.id.desc()).limit(query.limit + 1)).all()
    shown = found[: query.limit]
    where = {row.site_id for row in shown if row.site_id}
    names = actor_names(session, data, {row.actor for row in shown}, where, reader.everything)
    sites = {site.id: site for site in session.scalars(select(Site).where(Site.id.in_(where)))}
    answers = [_answer(row, names, sites) for row in shown]
    return answers, shown[-1].id if len(found) > query.limit else None


def _answer(row: AuditEntry, names: dict[str, str], sites: dict[UUID, Site]) -> AuditAnswer:
    site = sites.get(row.site_id) if row.site_id else None
    told = {"actor_name": names.get(row.actor), "site_zh": site and site.name_zh, "site_en": site and site.name_en}
    return AuditAnswer.model_validate({**vars(row), **told})


def _number(cursor: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", cursor):
        raise invalid("cursor", Words("请使用 Link 头给出的地址。", "use the address in the Link header."))
    return int(cursor)


def actor_names(
    session: Session, data: PersonalData, actors: Collection[str], sites: Collection[UUID], everything: bool = False
) -> dict[str, str]:
    """What actors are called, of those whom the reader may know: who acted at their sites, but for operators, who are
    nobody's colleagues; and keys of their sites. `everything` names operators too."""
    staff, keys = (_ids(actors, kind) for kind in (Caller.STAFF, Caller.SITE))
    known = select(Staff.id, Staff.name, func.staff_is_operator(Staff.id).label("is_operator")).where(
        Staff.id.in_(staff)
    )
    # Accounts are no site's rows: whom the reader may know is decided here.
    scope = session.scalar(select(func.current_setting("hesheng.site")))
    session.execute(select(func.set_config("hesheng.site", EVERY_SITE, True)))
    names = {
        f"{Caller.STAFF}:{row.id}": data.shown(row.name)
        for row in session.execute(known)
        if everything or not row.is_operator
    }
    session.execute(select(func.set_config("hesheng.site", scope, True)))
    labels: Any = select(SiteKey.key_id, SiteKey.label).where(SiteKey.key_id.in_(keys), SiteKey.site_id.in_(sites))
    return names | {f"{Caller.SITE}:{row.key_id}": row.label for row in session.execute(labels)}


def _ids(actors: Collection[str], kind: Caller) -> set[UUID]:
    return {UUID(one.partition(":")[2]) for one in actors if one.startswith(f"{kind}:")}
