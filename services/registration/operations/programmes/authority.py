"""Who may keep, read and clone a programme.

A site keeps programmes of its own, area admins those of their areas and all areas within, operators all. Whoever acts
for a site may clone to it what the site keeps, what an area around it keeps, and sees what the site already has.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, select, text, true
from sqlalchemy.orm import Session

from services.common.auth import Caller, Principal
from services.common.errors import FORBIDDEN, Problem, Words, not_found
from services.registration.models import Programme, ProgrammeClone, Site
from services.registration.operations import locked

_AROUND = text("""
    WITH RECURSIVE around (code, parent) AS (
        SELECT a.code, a.parent FROM sites AS s JOIN areas AS a ON a.code = s.area WHERE s.id = :site
        UNION SELECT a.code, a.parent FROM around AS r JOIN areas AS a ON a.code = r.parent
    )
    SELECT code FROM around
""")


def sites_of(session: Session, principal: Principal, wanted: Collection[UUID]) -> set[UUID]:
    """Those of the sites that exist and that the caller may act for."""
    query = select(Site.id).where(Site.id.in_(wanted))
    if principal.is_operator:
        return set(session.scalars(query))
    if principal.caller is Caller.STAFF:
        mine = text("sites.id IN (SELECT staff_sites(cast(:staff AS uuid)))").bindparams(staff=principal.name)
        return set(session.scalars(query.where(mine)))
    return {principal.site_id} & set(wanted) if principal.site_id else set()


def keeps(session: Session, principal: Principal, site_id: UUID | None, area: str | None) -> bool:
    """Whether the caller may change a programme that this site or this area keeps."""
    if principal.is_operator:
        return True
    if site_id is not None:
        return site_id == principal.site_id or bool(sites_of(session, principal, [site_id]))
    return area in areas_of(session, principal)


def lock_kept(session: Session, principal: Principal, programme_id: UUID) -> Programme:
    """The programme, locked, which the caller must keep. Raises 404 and 403."""
    programme = find_programme(session, principal, programme_id)
    if not keeps(session, principal, programme.site_id, programme.area):
        raise Problem(
            FORBIDDEN,
            Words(
                "这个项目由其他站点或区划管理。",
                "Another site, or an area, keeps this programme: only they can change it.",
            ),
        )
    return lock_programme(session, programme_id)


def lock_programme(session: Session, programme_id: UUID) -> Programme:
    """The programme, locked. Raises 404."""
    programme = session.scalars(locked(select(Programme).where(Programme.id == programme_id))).one_or_none()
    if programme is None:
        raise not_found("这个项目", "programme")
    return programme


def find_programme(session: Session, principal: Principal, programme_id: UUID) -> Programme:
    """The programme, which the caller must be able to see. Raises 404."""
    seen = select(Programme).where(Programme.id == programme_id, readable(session, principal))
    programme = session.scalars(seen).one_or_none()
    if programme is None:
        raise not_found("这个项目", "programme")
    return programme


def readable(session: Session, principal: Principal) -> ColumnElement[bool]:
    """The programmes that the caller sees."""
    if principal.is_operator:
        return true()
    areas = areas_of(session, principal)
    conditions: list[ColumnElement[bool]] = [Programme.area.in_(areas)] if areas else []
    site_id = principal.site_id
    if site_id is not None:
        has_it = select(ProgrammeClone.programme_id).where(ProgrammeClone.site_id == site_id)
        around = list(session.scalars(_AROUND, {"site": site_id}))
        conditions += [Programme.site_id == site_id, Programme.area.in_(around), Programme.id.in_(has_it)]
    return or_(false(), *conditions)


def areas_of(session: Session, principal: Principal) -> list[str]:
    """The areas that the caller administers, with all that lies in them; none for operators, who need none."""
    if principal.caller is not Caller.STAFF:
        return []
    return list(session.scalars(text("SELECT staff_areas(cast(:staff AS uuid))"), {"staff": principal.name}))
