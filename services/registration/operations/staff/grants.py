"""Roles: who may give which to whom.

    check_manager(session, by)          # 403 for whoever manages nobody
    add_grant(session, by, staff, body)

`by` is the member of staff who does it, None for the operator's key. An operator gives everything. An area admin gives
site staff their sites within the area, and area admins the areas strictly below their own: never as much as they have
themselves. A grant is read afresh at every request, so that taking it away works at once.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, text, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.common.errors import FORBIDDEN, Problem, Words, invalid, not_found
from services.registration.models import Area, Site, Staff, StaffGrant
from services.registration.operations import conflict
from services.registration.schemas.staff import GrantBody

By = UUID | None

OUTSIDE = Words(
    "只能授予您所辖区划之内、低于您自己的权限。",
    "You can only give what lies within your area and below your own role.",
)


def check_manager(session: Session, by: By) -> None:
    """Raise 403 unless they manage anybody. What they hold stays as it is until the end of the transaction."""
    if by is None:
        return
    held = "SELECT role FROM staff_grants WHERE staff_id = :by AND role <> 'site_staff' FOR SHARE"
    enabled = "SELECT 1 FROM staff WHERE id = :by AND disabled_at IS NULL FOR SHARE"
    if not session.scalar(text(enabled), {"by": by}) or not session.execute(text(held), {"by": by}).all():
        raise Problem(FORBIDDEN, Words("只有区划管理员可以管理人员。", "Only area admins manage staff."))


def manageable(by: By) -> ColumnElement[bool]:
    """The grants that they may make and take away."""
    if by is None:
        return true()
    areas = select(func.staff_areas(by))
    return or_(
        select(func.staff_is_operator(by)).scalar_subquery(),
        StaffGrant.site_id.in_(select(Site.id).where(Site.area.in_(areas))),
        StaffGrant.area.in_(select(Area.code).where(Area.parent.in_(areas))),
    )


def add_grant(session: Session, by: By, staff_id: UUID, body: GrantBody) -> StaffGrant:
    """Give a role. Raises 403 beyond one's own, 409 when they have it."""
    _check_exists(session, body)
    if by is not None:
        may = select(func.staff_may_grant(by, body.role.value, body.site_id, body.area))
        if not session.scalar(may):
            raise Problem(FORBIDDEN, OUTSIDE)
    grant = StaffGrant(staff_id=staff_id, role=body.role.value, site_id=body.site_id, area=body.area)
    try:
        with session.begin_nested():
            session.add(grant)
            session.flush()
    except IntegrityError:
        raise conflict("这项权限已经有了。", "They have this role already.") from None
    session.refresh(grant)
    return grant


def take_grant(session: Session, by: By, staff_id: UUID, grant_id: UUID) -> None:
    """Take a role away, at once."""
    mine = select(StaffGrant).where(StaffGrant.id == grant_id, StaffGrant.staff_id == staff_id, manageable(by))
    grant = session.scalars(mine.with_for_update(of=StaffGrant)).one_or_none()
    if grant is None:
        raise not_found("这项权限", "role that you manage")
    session.delete(grant)
    session.flush()


def all_manageable(session: Session, by: By, staff: Staff) -> bool:
    """Whether everything that somebody holds is below the one who asks."""
    beyond = select(StaffGrant.id).where(StaffGrant.staff_id == staff.id, manageable(by).is_not(true())).limit(1)
    return session.scalar(beyond) is None


def _check_exists(session: Session, body: GrantBody) -> None:
    if body.site_id is not None and session.get(Site, body.site_id) is None:
        raise invalid("site_id", Words("没有这个站点。", "is no site that exists."))
    if body.area is not None and session.get(Area, body.area) is None:
        raise invalid("area", Words("没有这个区划。", "is no area that exists."))
