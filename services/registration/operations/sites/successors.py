"""Abolished areas: on the day, what lies in them moves to the area that took their place.

The codes and their days are told long before (`areas.py`); the sweep looks every minute whether a day has come. A day
is the database's, in UTC. Areas within that are abolished the same day have successors of their own and stay behind.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.common.events import AreaSaved, SiteSaved
from services.common.outbox import add_events
from services.registration.models import Area, Site
from services.registration.operations import alone
from services.registration.operations.sites.sites import areas_of_site, note_area, site_saved
from services.registration.schemas.areas import AreaBody, AreaMove, AreaRow

_SITES = text("SELECT s.id, h.heir, h.since FROM area_heirs() AS h JOIN sites AS s ON s.area = h.code")
_CHILDREN = text(
    "SELECT a.code, h.heir FROM area_heirs() AS h JOIN areas AS a ON a.parent = h.code"
    " WHERE a.valid_until IS NULL OR a.valid_until > current_date"
)


def follow_successors(session: Session) -> int:
    """Move sites and areas out of the areas that are over, with their events; returns how many moved."""
    lock_tree(session)
    children = {row.code: row.heir for row in session.execute(_CHILDREN)}
    for area in session.scalars(select(Area).where(Area.code.in_(children)).order_by(Area.code).with_for_update()):
        area.parent, area.version = children[area.code], area.version + 1
        session.flush()
        told = {name: getattr(area, name) for name in AreaBody.model_fields}
        add_events(session, [AreaSaved(code=area.code, **told)])
    moves = {row.id: (row.heir, row.since) for row in session.execute(_SITES)}
    for site in session.scalars(select(Site).where(Site.id.in_(moves)).order_by(Site.id).with_for_update()):
        add_events(session, [_moved(session, site, *moves[site.id])])
    return len(children) + len(moves)


def any_to_follow(session: Session) -> bool:
    """Whether anything lies in an area that is over and has a successor."""
    return bool(session.execute(_SITES).first() or session.execute(_CHILDREN).first())


def lock_tree(session: Session) -> None:
    """Areas are few and seldom change: one at a time keeps the tree a tree."""
    alone(session, "area tree")


def announced_moves(session: Session, rows: Sequence[AreaRow]) -> list[AreaMove]:
    """What would move, and when, were the tree like these rows."""
    sites = dict(session.execute(select(Site.area, func.count()).group_by(Site.area)).all())
    told = {row.code: row for row in rows}
    after: dict[str, Area | AreaRow] = {area.code: area for area in session.scalars(select(Area))} | told
    children: dict[str, int] = {}
    for row in after.values():
        until = told[row.parent].valid_until if row.parent in told else None
        if row.parent and until and (row.valid_until is None or row.valid_until > until):
            children[row.parent] = children.get(row.parent, 0) + 1
    moves = [
        AreaMove(
            code=row.code,
            successor=row.successor,
            on=row.valid_until,
            sites=sites.get(row.code, 0),
            areas=children.get(row.code, 0),
        )
        for row in rows
        if row.successor and row.valid_until
    ]
    return [move for move in moves if move.sites or move.areas]


def _moved(session: Session, site: Site, heir: str, on: date) -> SiteSaved:
    """The site lies in the heir from that day on, or from its last move, if that was later."""
    earlier = areas_of_site(session, site.id)
    note_area(session, site, heir, max(on, earlier[-1].valid_from) if earlier else on)
    site.area, site.version = heir, site.version + 1
    session.flush()
    return site_saved(session, site)
