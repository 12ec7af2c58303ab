"""Where a programme is not yet: the sites that the caller may act for and that have no clone of it."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select, text
from sqlalchemy.orm import Session

from services.common.auth import Caller, Principal
from services.registration.models import Area, ProgrammeClone, Site

_WITHIN = """
    sites.area IN (
        WITH RECURSIVE within (code) AS (
            SELECT cast(:top AS text) UNION SELECT a.code FROM within AS w JOIN areas AS a ON a.parent = w.code
        ) SELECT code FROM within)
"""
_AROUND = text("""
    WITH RECURSIVE around (code) AS (
        SELECT unnest(cast(:codes AS text[])) UNION
        SELECT a.parent FROM around AS r JOIN areas AS a ON a.code = r.code WHERE a.parent IS NOT NULL
    ) SELECT code FROM around
""")


def acted_for(principal: Principal) -> Select[Any]:
    """The open sites that the caller may act for."""
    sites = select(Site).where(Site.status == "open")
    if principal.is_operator:
        return sites
    if principal.caller is Caller.STAFF:
        mine = text("sites.id IN (SELECT staff_sites(cast(:staff AS uuid)))").bindparams(staff=principal.name)
        return sites.where(mine)
    return sites.where(Site.id == principal.site_id)


def missing(principal: Principal, programme_id: UUID, area: str | None = None, words: str = "") -> Select[Any]:
    """Those without a clone; in an area and everything under it, or with these words in their name or address."""
    has_it = select(ProgrammeClone.site_id).where(ProgrammeClone.programme_id == programme_id)
    query = acted_for(principal).where(Site.id.not_in(has_it))
    if area:
        query = query.where(text(_WITHIN).bindparams(top=area))
    if words:
        named = (column.icontains(words, autoescape=True) for column in (Site.name_zh, Site.name_en, Site.address))
        query = query.where(or_(*named))
    return query


def areas_around(session: Session, principal: Principal) -> list[Area]:
    """The areas that the caller's sites lie in, and those around them, by code."""
    codes = list(session.scalars(acted_for(principal).with_only_columns(Site.area).distinct()))
    around = list(session.scalars(_AROUND, {"codes": codes}))
    return list(session.scalars(select(Area).where(Area.code.in_(around)).order_by(Area.code)))
