"""Plaques of sites and teams: hung, dated, taken away with a reason. None is ever deleted."""

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Words, invalid, not_found
from services.common.events import DesignationSaved
from services.common.outbox import add_events
from services.registration.models import Designation, Organisation, Team
from services.registration.operations import Versions, assign, check_version, conflict, locked
from services.registration.operations.sites.sites import local_today, lock_site
from services.registration.schemas.organisations import (
    DesignationAnswer,
    DesignationBody,
    DesignationEdit,
    RevokeBody,
)

NO_ORGANISATION = Words("没有这个单位。", "is no organisation.")


def create_designation(session: Session, site_id: UUID, body: DesignationBody) -> Designation:
    """Note a plaque of the site or of one of its teams."""
    lock_site(session, site_id)
    errors = FieldErrors()
    organisation = session.get(Organisation, body.organisation_id) if body.organisation_id else None
    if body.organisation_id and organisation is None:
        errors.add("organisation_id", NO_ORGANISATION)
    if body.team_id and session.get(Team, body.team_id) is None:
        errors.add("team_id", Words("没有这个队伍。", "is no team of this site."))
    granted_by = body.granted_by.strip() or (organisation.name_zh if organisation else "")
    if not granted_by and not errors.found:
        errors.add("granted_by", Words("请填写授牌单位。", "must say who granted it."))
    errors.raise_any()
    _check_dates(body.valid_from, body.valid_until)
    row = Designation(site_id=site_id, **body.model_dump() | {"granted_by": granted_by})
    session.add(row)
    session.flush()
    session.refresh(row)
    add_events(session, [_saved(row)])
    return row


def edit_designation(session: Session, designation_id: UUID, body: DesignationEdit, expected: Versions) -> Designation:
    """Correct a plaque that still hangs."""
    row = _lock(session, designation_id)
    check_version(row.version, expected)
    _check_not_revoked(row)
    changes = body.model_dump(exclude_unset=True)
    if changes.get("organisation_id") and session.get(Organisation, body.organisation_id) is None:
        raise invalid("organisation_id", NO_ORGANISATION)
    _check_dates(changes.get("valid_from", row.valid_from), changes.get("valid_until", row.valid_until))
    if assign(row, changes):
        session.flush()
        add_events(session, [_saved(row)])
    return row


def revoke_designation(session: Session, designation_id: UUID, body: RevokeBody) -> Designation:
    """Take a plaque away, from a day on and for a reason; it stays on record."""
    row = _lock(session, designation_id)
    _check_not_revoked(row)
    today = local_today(session, lock_site(session, row.site_id))
    day = body.on or today
    if not row.valid_from <= day <= today:
        words = Words(f"应在授牌日（{row.valid_from}）与今天之间。", f"must lie between {row.valid_from} and today.")
        raise invalid("on", words)
    assign(row, {"revoked_on": day, "revoke_reason": body.reason})
    session.flush()
    add_events(session, [_saved(row)])
    return row


def describe_designation(row: Designation, today: date) -> DesignationAnswer:
    """A plaque, and whether it holds today."""
    until = min((day for day in (row.valid_until, row.revoked_on) if day), default=date.max)
    return DesignationAnswer.model_validate({**vars(row), "holds": row.valid_from <= today < until})


def find_designation(session: Session, designation_id: UUID) -> Designation:
    """The plaque. Raises 404."""
    found = session.get(Designation, designation_id)
    if found is None:
        raise not_found("这块牌匾", "designation")
    return found


def _lock(session: Session, designation_id: UUID) -> Designation:
    """The plaque, its site locked: events of a site are ordered within it."""
    lock_site(session, find_designation(session, designation_id).site_id)
    return session.scalars(locked(select(Designation).where(Designation.id == designation_id))).one()


def _check_not_revoked(row: Designation) -> None:
    if row.revoked_on is not None:
        raise conflict("此牌匾已撤销，不能再修改。", "The designation was revoked and can no longer be changed.")


def _check_dates(begins: date, ends: date | None) -> None:
    if ends is not None and ends <= begins:
        raise invalid("valid_until", Words("应晚于开始日期。", "must be later than valid_from."))


def _saved(row: Designation) -> DesignationSaved:
    return DesignationSaved(
        designation_id=row.id,
        site_id=row.site_id,
        team_id=row.team_id,
        name_zh=row.name_zh,
        name_en=row.name_en,
        granted_by=row.granted_by,
        organisation_id=row.organisation_id,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        revoked_on=row.revoked_on,
    )
