"""The tree as its keepers look at it: what lies in an area, how many sites are below, and finding one by its name."""

from collections.abc import Collection, Sequence

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import Area, Site

MOST_FOUND = 60

_BELOW = text("""
    WITH RECURSIVE below (top, code) AS (
        SELECT code, code FROM areas WHERE code = ANY(:tops)
        UNION ALL SELECT b.top, a.code FROM below AS b JOIN areas AS a ON a.parent = b.code
    )
    SELECT b.top, count(*) AS sites FROM below AS b JOIN sites AS s ON s.area = b.code GROUP BY b.top
""")

Kept = Collection[str] | None
"""The areas that somebody keeps; None for all."""


def find_kept(session: Session, kept: Kept, code: str) -> Area:
    """The area, which must be one of those kept. Raises 404."""
    area = session.get(Area, code) if "\x00" not in code and (kept is None or code in kept) else None
    if area is None:
        raise not_found("这个区划", "area")
    return area


def check_kept_site(kept: Kept, site: Site | None) -> Site:
    """The site, which must be there and lie in one of the areas kept. Raises 404."""
    if site is None or (kept is not None and site.area not in kept):
        raise not_found("这个站点", "site")
    return site


def tops(session: Session, kept: Kept) -> Sequence[Area]:
    """Where the tree begins for whoever keeps these areas."""
    query = select(Area).order_by(Area.code)
    if kept is None:
        return session.scalars(query.where(Area.parent.is_(None))).all()
    mine = session.scalars(query.where(Area.code.in_(kept))).all()
    return [area for area in mine if area.parent not in kept]


def within(session: Session, codes: Collection[str]) -> dict[str, list[Area]]:
    """The areas directly within each of these, by code."""
    found: dict[str, list[Area]] = {code: [] for code in codes}
    for area in session.scalars(select(Area).where(Area.parent.in_(codes)).order_by(Area.code)):
        found[str(area.parent)].append(area)
    return found


def sites_below(session: Session, codes: Collection[str]) -> dict[str, int]:
    """How many sites lie in each of these areas or below; those without any are left out."""
    return {row.top: row.sites for row in session.execute(_BELOW, {"tops": list(codes)})}


def sites_in(session: Session, code: str) -> Sequence[Site]:
    """The sites that lie in this very area."""
    return session.scalars(select(Site).where(Site.area == code).order_by(Site.name_zh, Site.id)).all()


def find_areas(session: Session, kept: Kept, words: str) -> Sequence[Area]:
    """Areas by the beginning of their code or by their name, at most `MOST_FOUND`."""
    named = or_(
        Area.code.startswith(words, autoescape=True),
        Area.name_zh.icontains(words, autoescape=True),
        Area.name_en.icontains(words, autoescape=True),
    )
    query = select(Area).where(named)
    if kept is not None:
        query = query.where(Area.code.in_(kept))
    return session.scalars(query.order_by(Area.code).limit(MOST_FOUND)).all()


def find_sites(session: Session, kept: Kept, words: str) -> Sequence[Site]:
    """Sites by their name or address, at most `MOST_FOUND`."""
    named = or_(
        *(column.icontains(words, autoescape=True) for column in (Site.name_zh, Site.name_en, Site.address)),
    )
    query = select(Site).where(named)
    if kept is not None:
        query = query.where(Site.area.in_(kept))
    return session.scalars(query.order_by(Site.name_zh, Site.id).limit(MOST_FOUND)).all()
