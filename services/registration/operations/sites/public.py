"""What everybody may know: sites, and activities that are public. Drafts and what is not public do not exist here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.errors import not_found
from services.registration.models import Activity, ActivityOrganisation, Area, Designation, Organisation, Shift, Site
from services.registration.operations.sites.calendar import SHOWN, places_of_next, sign_up_state
from services.registration.schemas.calendar import SignUp

MOST_SITES = 60

# Sites whose own name or address has the words, and all in an area whose name has them.
FIND = text("""
    WITH RECURSIVE within (code) AS (
        SELECT code FROM areas WHERE name_zh ILIKE :words OR name_en ILIKE :words
        UNION SELECT a.code FROM within AS w JOIN areas AS a ON a.parent = w.code
    )
    SELECT id FROM sites
    WHERE status = 'open' AND (name_zh ILIKE :words OR name_en ILIKE :words OR address ILIKE :words
                               OR area IN (SELECT code FROM within))
    ORDER BY position LIMIT :most
""")


@dataclass(frozen=True)
class OpenShift:
    """A shift with what a page says of it. `free` is 0 while somebody waits, for the next sign-up waits too."""

    shift: Shift
    sign_up: SignUp
    free: int
    waiting: int


@dataclass(frozen=True)
class OpenActivity:
    """A public activity, its site, and its shifts that are not over."""

    activity: Activity
    site: Site
    shifts: Sequence[OpenShift]


def find_sites(session: Session, words: str) -> Sequence[tuple[Site, Area]]:
    """Sites by name, address or area, at most `MOST_SITES`; all without words. Not those that were closed."""
    pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    ids = list(session.scalars(FIND, {"words": pattern, "most": MOST_SITES}))
    query = select(Site, Area).join(Area, Area.code == Site.area).where(Site.id.in_(ids)).order_by(Site.position)
    return [(site, area) for site, area in session.execute(query)]


def find_site(session: Session, site_id: UUID) -> Site:
    """The site. Raises 404."""
    site = session.get(Site, site_id)
    if site is None:
        raise not_found("这个站点", "site")
    return site


def plaques(session: Session, site: Site) -> Sequence[Designation]:
    """The designations of the site and its teams that hold today, oldest first."""
    today = datetime.now(ZoneInfo(site.time_zone)).date()
    query = select(Designation).where(
        Designation.site_id == site.id,
        Designation.valid_from <= today,
        or_(Designation.valid_until.is_(None), Designation.valid_until > today),
        or_(Designation.revoked_on.is_(None), Designation.revoked_on > today),
    )
    return session.scalars(query.order_by(Designation.valid_from, Designation.position)).all()


def organisers(session: Session, activity_id: UUID) -> Sequence[tuple[str, Organisation]]:
    """The organisations that take part in an activity with their roles, in the order in which they are named."""
    query = (
        select(ActivityOrganisation.role, Organisation)
        .join(Organisation, Organisation.id == ActivityOrganisation.organisation_id)
        .where(ActivityOrganisation.activity_id == activity_id)
        .order_by(ActivityOrganisation.place)
    )
    return [(role, organisation) for role, organisation in session.execute(query)]


def site_of_activity(database: Database, activity_id: UUID) -> UUID:
    """At which site a public activity is. Raises 404."""
    query = select(Activity.site_id).where(Activity.id == activity_id, Activity.public, Activity.status.in_(SHOWN))
    with database.transaction(EVERY_SITE) as session:
        site_id = session.scalar(query)
    if site_id is None:
        raise not_found("这个活动", "activity")
    return site_id


def site_of_shift(database: Database, shift_id: UUID) -> UUID:
    """At which site a shift of a public activity is. Raises 404."""
    query = (
        select(Shift.site_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Shift.id == shift_id, Activity.public, Activity.status.in_(SHOWN))
    )
    with database.transaction(EVERY_SITE) as session:
        site_id = session.scalar(query)
    if site_id is None:
        raise not_found("这个场次", "shift")
    return site_id


def open_activity(session: Session, activity_id: UUID) -> OpenActivity:
    """A public activity as its site's scope sees it. Raises 404."""
    activity = session.get(Activity, activity_id)
    if activity is None or not activity.public or activity.status not in SHOWN:
        raise not_found("这个活动", "activity")
    rows = session.execute(
        select(Shift, sign_up_state(by_staff=False), places_of_next())
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Shift.activity_id == activity_id, Shift.status == "open", Shift.ends_at > func.now())
        .order_by(Shift.starts_at, Shift.position)
        .limit(200)
    )
    shifts = [OpenShift(shift, state, free, shift.waitlisted) for shift, state, free in rows]
    return OpenActivity(activity, find_site(session, activity.site_id), shifts)


def open_shift(session: Session, shift_id: UUID) -> tuple[OpenActivity, OpenShift]:
    """One shift of a public activity, with its activity. Raises 404."""
    query = select(Shift, sign_up_state(by_staff=False), places_of_next()).where(Shift.id == shift_id)
    row = session.execute(query.join(Activity, Activity.id == Shift.activity_id)).one_or_none()
    if row is None:
        raise not_found("这个场次", "shift")
    shift, state, free = row
    return open_activity(session, shift.activity_id), OpenShift(shift, state, free, shift.waitlisted)
