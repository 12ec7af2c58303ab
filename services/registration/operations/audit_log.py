"""Reading the audit log: a site's own, an area's, everything.

reader = Reader.of(principal)
entries, next_cursor = read(session, data, reader, query)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from services.common.auth import Caller, Principal, Role
from services.common.database import EVERY_SITE
from services.common.errors import Words, invalid
from services.registration.models import AuditEntry, Site, SiteKey, Staff
from services.registration.personal_data import PersonalData
from services.registration.schemas.audit import AuditAnswer, AuditQuery


@dataclass(frozen=True)
class Reader:
    """Whose audit log it is: `site_id` alone sees that site's, `admin` the areas' that they administer, neither all."""

    site_id: UUID | None = None
    admin: UUID | None = None

    @classmethod
    def of(cls, principal: Principal) -> "Reader":
        """The reader that a caller is. Operators see everything, whatever site they chose."""
        if principal.is_operator:
            return cls()
        admin = UUID(principal.name) if principal.role is Role.AREA_ADMIN else None
        return cls(principal.site_id, admin)

    @property
    def scope(self) -> str:
        """What row-level security must let through; an area is narrowed by the query."""
        return str(self.site_id) if self.site_id and not self.admin else EVERY_SITE

    def sees(self) -> ColumnElement[bool]:
        """The entries that are theirs to see."""
        if self.admin:
            within = select(Site.id).where(Site.area.in_(select(func.staff_areas(self.admin))))
            return or_(AuditEntry.site_id == self.site_id, AuditEntry.site_id.in_(within))
        return AuditEntry.site_id == self.site_id if self.site_id else true()


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
    names = _names(session, data, reader, shown)
    answers = [AuditAnswer.model_validate({**vars(row), "actor_name": names.get(row.actor)}) for row in shown]
    return answers, shown[-1].id if len(found) > query.limit else None


def _number(cursor: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", cursor):
        raise invalid("cursor", Words("请使用 Link 头给出的地址。", "use the address in the Link header."))
    return int(cursor)


def _names(session: Session, data: PersonalData, reader: Reader, rows: Sequence[AuditEntry]) -> dict[str, str]:
    """What actors are called, of those whom the reader may know: who acted at their sites, but for operators, who are
    nobody's colleagues; and keys of their sites."""
    staff, keys = (_ids(rows, kind) for kind in (Caller.STAFF, Caller.SITE))
    known = select(Staff.id, Staff.name, func.staff_is_operator(Staff.id).label("is_operator")).where(
        Staff.id.in_(staff)
    )
    # Accounts are no site's rows: whom the reader may know is decided here.
    scope = session.scalar(select(func.current_setting("hesheng.site")))
    session.execute(select(func.set_config("hesheng.site", EVERY_SITE, True)))
    everything = reader == Reader()
    names = {
        f"{Caller.STAFF}:{row.id}": data.shown(row.name)
        for row in session.execute(known)
        if everything or not row.is_operator
    }
    session.execute(select(func.set_config("hesheng.site", scope, True)))
    sites = {row.site_id for row in rows}
    labels: Any = select(SiteKey.key_id, SiteKey.label).where(SiteKey.key_id.in_(keys), SiteKey.site_id.in_(sites))
    return names | {f"{Caller.SITE}:{row.key_id}": row.label for row in session.execute(labels)}


def _ids(rows: Sequence[AuditEntry], kind: Caller) -> set[UUID]:
    return {UUID(row.actor.partition(":")[2]) for row in rows if row.actor.startswith(f"{kind}:")}
