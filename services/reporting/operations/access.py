"""What a caller may ask reports about, and whose rows the report may read.

    with report_snapshot(database, NOTHING) as session:
        access = enter(session, principal, area=None, site=None)       # raises 403, 404, 422
        scope = read_scope(session, access.area, access.site)

A site's key, and staff who look after no area, see their site. Whoever looks after areas sees these with everything
under them, and the site where they work just now. Operators see everything. Whose an area is, the tree as the log has
told it says: a moved one changes hands with the next report.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.auth import NOTHING, Principal
from services.common.database import EVERY_SITE
from services.common.errors import FORBIDDEN, SITE_NEEDED, Problem, Words, called, invalid, not_found

# `path` keeps it from going in a ring, which there may be while events of two areas arrive.
TREE = text("""
WITH RECURSIVE under (code, path) AS (
    SELECT code, ARRAY[code] FROM areas WHERE code = ANY(:roots)
    UNION ALL
    SELECT areas.code, path || areas.code FROM areas JOIN under ON areas.parent = under.code
    WHERE areas.code <> ALL(path)
)
SELECT code, path, name_zh, name_en FROM under JOIN areas USING (code) ORDER BY path
""")

SITES = text("SELECT site_id, area, name_zh, name_en FROM sites WHERE area = ANY(:areas) ORDER BY name_zh, site_id")
ONE_SITE = text("SELECT site_id, name_zh, name_en FROM sites WHERE site_id = :site")
ROOTS = text("SELECT code FROM areas WHERE parent IS NULL ORDER BY code")
IS_AREA = text("SELECT EXISTS (SELECT FROM areas WHERE code = :area)")
LET_SEE = text("SELECT set_config('hesheng.site', :visible, true), set_config('hesheng.areas', :areas, true)")

ONE_OF_BOTH = Words("请给出 area 或 site 之一。", "give either `area` or `site`.")


@dataclass(frozen=True)
class Access:
    """What a report is about, and in `visible` the sites whose rows it may read, as row-level security takes them:
    ids with commas between, EVERY_SITE, or NOTHING; in `areas` the codes of the areas whose cells it may read besides.
    Two callers with the same access see the same."""

    area: str | None
    site: UUID | None
    visible: str
    areas: str = ""


@dataclass(frozen=True)
class AreaInSight:
    """An area; `depth` is how far it lies under the topmost one that its viewer sees."""

    code: str
    depth: int
    name: Words


@dataclass(frozen=True)
class SiteInSight:
    """A site."""

    site_id: UUID
    name: Words


@dataclass(frozen=True)
class Sight:
    """All that somebody may ask about, areas in the order of the tree; `topmost` are those under no other of these."""

    topmost: list[str]
    areas: list[AreaInSight]
    sites: list[SiteInSight]


def enter(session: Session, principal: Principal, area: str | None, site: UUID | None) -> Access:
    """What the caller asks about, or what is theirs if they ask about nothing; from here on the session reads no other
    rows. Raises 403 for an area and 404 for a site that is not theirs, 404 for an area that is not there, 422 where
    both are asked for, or neither while several are theirs, `SITE_NEEDED` for staff with neither an area nor a site."""
    access = _access(session, principal, area, site)
    session.execute(LET_SEE, {"visible": access.visible, "areas": access.areas})
    return access


def read_sight(session: Session, principal: Principal) -> Sight:
    """What the caller may choose from."""
    own = _own_site(session, principal)
    if not (principal.is_operator or principal.areas):
        return Sight([], [], own)
    sight = _under(session, _roots(session) if principal.is_operator else principal.areas)
    return replace(sight, sites=[*(one for one in own if one not in sight.sites), *sight.sites])


def _access(session: Session, principal: Principal, area: str | None, site: UUID | None) -> Access:
    if principal.is_operator:
        return _of_everything(session, area, site)
    if not principal.areas or (area is None and site is not None and site == principal.site_id):
        return _of_own_site(principal, area, site)
    return _of_areas(session, principal.areas, area, site)


def _of_own_site(principal: Principal, area: str | None, site: UUID | None) -> Access:
    if principal.site_id is None:
        raise Problem(SITE_NEEDED, Words("请先选择站点。", "Choose a site first."))
    if area is not None:
        raise Problem(FORBIDDEN, Words("您只能查询本站点。", "You may ask for the reports of your own site only."))
    if site not in (None, principal.site_id):
        raise not_found("这个站点", "site")
    return Access(None, principal.site_id, str(principal.site_id))


def _of_areas(session: Session, areas: Collection[str], area: str | None, site: UUID | None) -> Access:
    sight = _under(session, areas)
    visible = ",".join(sorted(str(one.site_id) for one in sight.sites)) or NOTHING
    if site is not None and site not in {one.site_id for one in sight.sites}:
        raise not_found("这个站点", "site")
    if area is not None and area not in {one.code for one in sight.areas}:
        if not session.scalar(IS_AREA, {"area": area}):
            raise not_found("这个区划", "area")
        raise Problem(FORBIDDEN, Words("这个区划不归您管。", "This is not an area that you look after."))
    access = _one_of_both(area, site, sight.topmost, visible)
    return replace(access, areas=",".join(one.code for one in sight.areas))


def _of_everything(session: Session, area: str | None, site: UUID | None) -> Access:
    return _one_of_both(area, site, [] if area or site else _roots(session), EVERY_SITE)


def _one_of_both(area: str | None, site: UUID | None, topmost: Collection[str], visible: str) -> Access:
    """An area or a site; where neither is named, the topmost area if there is but one."""
    if area is None and site is None and len(topmost) == 1:
        [area] = topmost
    if (area is None) == (site is None):
        raise invalid("area", ONE_OF_BOTH)
    return Access(area, site, visible)


def _roots(session: Session) -> list[str]:
    return list(session.scalars(ROOTS))


def _under(session: Session, roots: Collection[str]) -> Sight:
    """These areas and everything under them, each once."""
    rows = session.execute(TREE, {"roots": list(roots)}).all()
    beneath = {row.code for row in rows if len(row.path) > 1}
    shown = [row for row in rows if row.path[0] not in beneath]
    areas = [AreaInSight(row.code, len(row.path) - 1, called(row)) for row in shown]
    place = {area.code: number for number, area in enumerate(areas)}
    sites = session.execute(SITES, {"areas": list(place)}).all()
    in_order = [SiteInSight(row.site_id, called(row)) for row in sorted(sites, key=lambda row: place[row.area])]
    return Sight([area.code for area in areas if area.depth == 0], areas, in_order)


def _own_site(session: Session, principal: Principal) -> list[SiteInSight]:
    rows = session.execute(ONE_SITE, {"site": principal.site_id}).all()
    return [SiteInSight(row.site_id, called(row)) for row in rows]
