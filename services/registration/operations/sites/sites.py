"""Sites: added, moved in the tree, set up, closed; and their keys."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from services.common.auth import new_site_key
from services.common.errors import Words, invalid, not_found
from services.common.events import SiteKeyIssued, SiteKeyRevoked, SiteSaved
from services.common.outbox import add_events
from services.registration.models import Activity, Area, Shift, Site, SiteArea, SiteKey, SiteLogo
from services.registration.operations import Versions, assign, check_version, conflict, locked
from services.registration.operations.activities.concerned import refuse, whom_ages_strand
from services.registration.personal_data import PersonalData
from services.registration.schemas.site_settings import SettingsAnswer, SettingsEdit
from services.registration.schemas.sites import SiteBody, SiteEdit


def create_site(session: Session, body: SiteBody) -> Site:
    """Add a site."""
    _check_area_in_use(session, body.area)
    site = Site(**body.model_dump())
    session.add(site)
    session.flush()
    session.refresh(site)
    session.add(SiteArea(site_id=site.id, area=site.area, valid_from=local_today(session, site)))
    session.flush()
    add_events(session, [site_saved(session, site)])
    return site


def edit_site(session: Session, site_id: UUID, body: SiteEdit, expected: Versions) -> Site:
    """Change a site. Its time zone is fixed once there are shifts: their days are counted in it."""
    query = select(Site).where(Site.id == site_id).execution_options(populate_existing=True)
    # A new shift holds a share of this lock while it reads the zone.
    site = session.scalars(query.with_for_update()).one_or_none()
    if site is None:
        raise not_found("这个站点", "site")
    check_version(site.version, expected)
    changes = body.model_dump(exclude_unset=True)
    since = changes.pop("area_since", None)
    if "area" in changes and changes["area"] != site.area:
        _check_area_in_use(session, body.area)
        _move(session, site, body.area, since)
    elif since is not None:
        raise invalid("area_since", Words("须与新的 area 一起填写。", "goes with an `area` that is new."))
    if "time_zone" in changes and body.time_zone != site.time_zone:
        _check_no_shifts(session, site_id)
    if changes.get("status") == "closed" and site.status == "open":
        _check_nothing_ahead(session, site_id)
    if assign(site, changes):
        session.flush()
        add_events(session, [site_saved(session, site)])
    return site


def areas_of_site(session: Session, site_id: UUID) -> Sequence[SiteArea]:
    """Where the site lay, the earliest first."""
    return session.scalars(select(SiteArea).where(SiteArea.site_id == site_id).order_by(SiteArea.valid_from)).all()


def _move(session: Session, site: Site, area: str, since: date | None) -> None:
    """Note from which day the site lies elsewhere: today or earlier, and not before its last move."""
    today = local_today(session, site)
    since = since or today
    earlier = areas_of_site(session, site.id)
    last = earlier[-1].valid_from if earlier else date.min
    if not last <= since <= today:
        words = Words(f"应在上次变动（{last}）与今天之间。", f"must lie between the last move ({last}) and today.")
        raise invalid("area_since", words)
    note_area(session, site, area, since)


def note_area(session: Session, site: Site, area: str, since: date) -> None:
    """Note that the site lies there from that day on. One day, one area: the later word holds."""
    earlier = areas_of_site(session, site.id)
    if earlier and since == earlier[-1].valid_from:
        earlier[-1].area = area
    else:
        session.add(SiteArea(site_id=site.id, area=area, valid_from=since))
    session.flush()


def _check_area_in_use(session: Session, code: str) -> None:
    """Raise 422 where a site cannot lie: in an area that is not there, or that was abolished."""
    area = session.get(Area, code)
    if area is None:
        raise invalid("area", Words("没有这个区划。", "is no area that exists."))
    today = session.scalars(select(func.current_date())).one()
    if area.valid_until is not None and area.valid_until <= today:
        instead = area.successor or "—"
        raise invalid(
            "area", Words(f"该区划已撤销，由 {instead} 接替。", f"was abolished; {instead} took its place. Use that.")
        )


def check_open(site: Site) -> None:
    """Raise 409 for a site that was closed."""
    if site.status == "closed":
        raise conflict("站点已停办，不能再开展活动。", "The site was closed: nothing new takes place there.")


def _check_nothing_ahead(session: Session, site_id: UUID) -> None:
    ahead = (
        select(Shift.id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Shift.site_id == site_id, Shift.status == "open", Activity.status == "published")
        .where(Shift.ends_at > func.clock_timestamp())
    )
    found = len(session.scalars(ahead.limit(1000)).all())
    if found:
        raise invalid(
            "status",
            Words(
                f"还有 {found} 个未结束的场次：请先取消，或等它们结束。",
                f"still has {found} shift(s) to come: call them off, or wait until they are over.",
            ),
        )


def edit_settings(session: Session, data: PersonalData, site_id: UUID, body: SettingsEdit, expected: Versions) -> Site:
    """Change a site's settings. Bookings that were made stay, also where the hours no longer cover them."""
    site = lock_site(session, site_id)
    check_version(site.version, expected)
    refuse(whom_ages_strand(session, data, site, body))
    if assign(site, body.model_dump(mode="json", include=body.model_fields_set)):
        session.flush()
        add_events(session, [site_saved(session, site)])
    return site


def describe_settings(session: Session, site: Site) -> SettingsAnswer:
    """A site's settings."""
    has_logo = bool(session.scalar(select(exists().where(SiteLogo.site_id == site.id))))
    return SettingsAnswer.model_validate({**vars(site), "site_id": site.id, "has_logo": has_logo})


def _check_no_shifts(session: Session, site_id: UUID) -> None:
    if session.scalar(select(exists().where(Shift.site_id == site_id))):
        raise invalid(
            "time_zone", Words("已有场次，不能再改时区。", "cannot be changed any more: the site has shifts.")
        )


def site_saved(session: Session, site: Site) -> SiteSaved:
    """The event that tells of the site as it is."""
    return SiteSaved(
        site_id=site.id,
        area=site.area,
        name_zh=site.name_zh,
        name_en=site.name_en,
        time_zone=site.time_zone,
        area_since=session.scalar(select(func.max(SiteArea.valid_from)).where(SiteArea.site_id == site.id)),
        site_language=site.language,
        quiet_from=site.quiet_from,
        quiet_until=site.quiet_until,
        short_name_zh=site.short_name_zh,
        short_name_en=site.short_name_en,
        colour=site.colour,
        public_phone=site.public_phone,
        public_email=site.public_email,
        status=site.status,
    )


def local_today(session: Session, site: Site) -> date:
    """The site's calendar day, by the database's clock."""
    return session.scalars(select(func.date(func.timezone(site.time_zone, func.clock_timestamp())))).one()


def find_site(session: Session, site_id: UUID) -> Site:
    """The site. Raises 404."""
    site = session.get(Site, site_id)
    if site is None:
        raise not_found("这个站点", "site")
    return site


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


_NOTE_USE = text(
    "UPDATE site_keys SET used_at = now() WHERE key_id = :key AND coalesce(used_at < now() - interval '1 hour', true)"
)


def note_use(session: Session, key_id: UUID) -> None:
    """Note that a key is in use, once an hour: whoever revokes one sees whether anybody would miss it."""
    session.execute(_NOTE_USE, {"key": key_id})
