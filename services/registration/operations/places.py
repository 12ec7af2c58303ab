"""Areas, sites and their keys, teams and rooms."""

from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from services.common.auth import new_site_key
from services.common.errors import FieldErrors, Words, invalid, not_found
from services.common.events import AreaSaved, SiteKeyIssued, SiteKeyRevoked, SiteSaved
from services.common.outbox import add_events
from services.registration.models import Area, Room, Shift, Site, SiteKey, Team
from services.registration.operations import Versions, assign, check_version, locked
from services.registration.schemas.places import LEVELS, AreaBody, RoomBody, SiteBody, SiteEdit, TeamBody


def save_area(session: Session, code: str, body: AreaBody, expected: Versions = None) -> Area:
    """Add an area, or change it. Nothing happens when it is like that already."""
    # Areas are few and seldom change: one at a time keeps the tree a tree.
    session.execute(select(func.pg_advisory_xact_lock(0x4E5F)))
    area = session.get(Area, code)
    _check_place_in_tree(session, code, body)
    if area is None:
        area = Area(code=code, **body.model_dump())
        session.add(area)
        changed = True
    else:
        check_version(area.version, expected)
        changed = assign(area, body.model_dump())
    session.flush()
    if changed:
        add_events(session, [AreaSaved(code=code, **body.model_dump())])
    return area


def _check_place_in_tree(session: Session, code: str, body: AreaBody) -> None:
    errors = FieldErrors()
    rank = LEVELS.index(body.level)
    if body.parent is not None:
        parent = session.get(Area, body.parent)
        if parent is None or parent.code == code:
            errors.add("parent", Words("没有这个上级区划。", "is no area that exists."))
        elif LEVELS.index(parent.level) >= rank:
            errors.add("level", Words("应低于上级区划的级别。", "must be narrower than the parent's."))
    children = session.scalars(select(Area.level).where(Area.parent == code).distinct())
    if any(LEVELS.index(level) <= rank for level in children):
        errors.add("level", Words("应高于下级区划的级别。", "must be wider than that of the areas within."))
    errors.raise_any()


def create_site(session: Session, body: SiteBody) -> Site:
    """Add a site."""
    _check_area(session, body.area)
    site = Site(**body.model_dump())
    session.add(site)
    session.flush()
    session.refresh(site)
    add_events(session, [_site_saved(site)])
    return site


def edit_site(session: Session, site_id: UUID, body: SiteEdit, expected: Versions) -> Site:
    """Change a site. Its time zone is fixed once there are shifts: their days are counted in it."""
    query = select(Site).where(Site.id == site_id).execution_options(populate_existing=True)
    # A new shift holds a share of this lock while it reads the zone.
    site = session.scalars(query.with_for_update()).one_or_none()
    if site is None:
        raise not_found("这个站点", "site")
    check_version(site.version, expected)
    if "area" in body.model_fields_set:
        _check_area(session, body.area)
    if "time_zone" in body.model_fields_set and body.time_zone != site.time_zone:
        _check_no_shifts(session, site_id)
    if assign(site, body.model_dump(exclude_unset=True)):
        session.flush()
        add_events(session, [_site_saved(site)])
    return site


def _check_area(session: Session, code: str) -> None:
    if session.get(Area, code) is None:
        raise invalid("area", Words("没有这个区划。", "is no area that exists."))


def _check_no_shifts(session: Session, site_id: UUID) -> None:
    if session.scalar(select(exists().where(Shift.site_id == site_id))):
        raise invalid("time_zone", Words("已有场次,不能再改时区。", "cannot be changed any more: the site has shifts."))


def _site_saved(site: Site) -> SiteSaved:
    return SiteSaved(
        site_id=site.id, area=site.area, name_zh=site.name_zh, name_en=site.name_en, time_zone=site.time_zone
    )


def lock_site(session: Session, site_id: UUID) -> Site:
    """The site, locked: events of a site and its keys are ordered within it."""
    site = session.scalars(locked(select(Site).where(Site.id == site_id))).one_or_none()
    if site is None:
        raise not_found("这个站点", "site")
    return site


def issue_key(session: Session, site_id: UUID, label: str) -> tuple[SiteKey, str]:
    """Make a key for a site: (what is kept of it, the key itself, which is not kept)."""
    lock_site(session, site_id)
    key, prefix, sha256 = new_site_key()
    row = SiteKey(site_id=site_id, label=label, prefix=prefix, sha256=sha256)
    session.add(row)
    session.flush()
    session.refresh(row)
    add_events(session, [SiteKeyIssued(key_id=row.key_id, site_id=site_id, sha256=sha256)])
    return row, key


def revoke_key(session: Session, site_id: UUID, key_id: UUID) -> None:
    """Make a key useless. Doing so twice changes nothing."""
    lock_site(session, site_id)
    row = session.scalars(select(SiteKey).where(SiteKey.site_id == site_id, SiteKey.key_id == key_id)).one_or_none()
    if row is None:
        raise not_found("这个密钥", "key of this site")
    if row.revoked_at is None:
        row.revoked_at = session.scalar(select(func.now()))
        session.flush()
        add_events(session, [SiteKeyRevoked(key_id=key_id, site_id=site_id)])


def create_team(session: Session, site_id: UUID, body: TeamBody) -> Team:
    """Add a team to a site."""
    return _add(session, Team(site_id=site_id, **body.model_dump()))


def create_room(session: Session, site_id: UUID, body: RoomBody) -> Room:
    """Add a room to a site."""
    return _add(session, Room(site_id=site_id, **body.model_dump()))


def _add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    session.refresh(row)
    return row
