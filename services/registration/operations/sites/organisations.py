"""Organisations, and which part they have in an activity."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Words, invalid, not_found
from services.common.events import ActivityOrganisationsSet, OrganisationSaved, TakingPart
from services.common.outbox import add_events
from services.registration.models import Activity, ActivityOrganisation, Organisation
from services.registration.operations import Versions, assign, check_version, locked
from services.registration.schemas.organisations import (
    OrganisationBody,
    OrganisationEdit,
    Part,
    PartAnswer,
    PartsAnswer,
)


def create_organisation(session: Session, site_id: UUID | None, body: OrganisationBody) -> Organisation:
    """Add an organisation to a site's list, or, without a site, to that of the whole installation."""
    _check_code_is_free(session, site_id, body.credit_code)
    row = Organisation(site_id=site_id, **body.model_dump(exclude={"local"}))
    session.add(row)
    session.flush()
    session.refresh(row)
    add_events(session, [_saved(row)])
    return row


def edit_organisation(
    session: Session, organisation_id: UUID, body: OrganisationEdit, expected: Versions
) -> Organisation:
    """Change an organisation."""
    query = select(Organisation).where(Organisation.id == organisation_id)
    row = session.scalars(locked(query)).one_or_none()
    if row is None:
        raise not_found("这个单位", "organisation")
    check_version(row.version, expected)
    if body.credit_code and body.credit_code != row.credit_code:
        _check_code_is_free(session, row.site_id, body.credit_code)
    if assign(row, body.model_dump(exclude_unset=True)):
        session.flush()
        add_events(session, [_saved(row)])
    return row


def find_organisation(session: Session, organisation_id: UUID) -> Organisation:
    """The organisation. Raises 404."""
    row = session.get(Organisation, organisation_id)
    if row is None:
        raise not_found("这个单位", "organisation")
    return row


def _check_code_is_free(session: Session, site_id: UUID | None, code: str | None) -> None:
    """Say who has the code already; the unique index is what keeps two from having it."""
    known_here = or_(Organisation.site_id.is_(None), Organisation.site_id == site_id)
    taken = session.scalar(select(Organisation.name_zh).where(Organisation.credit_code == code, known_here))
    if code and taken:
        raise invalid("credit_code", Words(f"“{taken}”已使用此代码。", f"belongs to “{taken}” already."))


def set_parts(session: Session, activity_id: UUID, parts: Sequence[Part], expected: Versions) -> PartsAnswer:
    """Say who takes part in an activity, in place of whoever was named before. The same again changes nothing."""
    activity = session.scalars(locked(select(Activity).where(Activity.id == activity_id))).one_or_none()
    if activity is None:
        raise not_found("这个活动", "activity")
    check_version(activity.version, expected)
    _check_parts(session, parts)
    before = [(row.organisation_id, row.role) for row in _parts(session, activity_id)]
    if before == [(part.organisation_id, part.role) for part in parts]:
        return describe_parts(session, activity)
    session.execute(delete(ActivityOrganisation).where(ActivityOrganisation.activity_id == activity_id))
    session.add_all(
        ActivityOrganisation(activity_id=activity_id, site_id=activity.site_id, place=place, **part.model_dump())
        for place, part in enumerate(parts, start=1)
    )
    activity.version += 1
    session.flush()
    told = [TakingPart(organisation_id=part.organisation_id, role=part.role) for part in parts]
    add_events(
        session, [ActivityOrganisationsSet(activity_id=activity_id, site_id=activity.site_id, organisations=told)]
    )
    return describe_parts(session, activity)


def _check_parts(session: Session, parts: Sequence[Part]) -> None:
    errors = FieldErrors()
    wanted = {part.organisation_id for part in parts}
    known = set(session.scalars(select(Organisation.id).where(Organisation.id.in_(wanted))))
    seen: set[tuple[UUID, str]] = set()
    for place, part in enumerate(parts):
        if part.organisation_id not in known:
            errors.add(f"organisations.{place}.organisation_id", Words("没有这个单位。", "is no organisation."))
        if (part.organisation_id, part.role) in seen:
            errors.add(f"organisations.{place}", Words("重复。", "is there twice."))
        seen.add((part.organisation_id, part.role))
    errors.raise_any()


def describe_parts(session: Session, activity: Activity) -> PartsAnswer:
    """Who takes part, in order."""
    query = (
        select(
            ActivityOrganisation.organisation_id, ActivityOrganisation.role, Organisation.name_zh, Organisation.name_en
        )
        .join(Organisation, Organisation.id == ActivityOrganisation.organisation_id)
        .where(ActivityOrganisation.activity_id == activity.id)
        .order_by(ActivityOrganisation.place)
    )
    named = [PartAnswer.model_validate(row) for row in session.execute(query)]
    return PartsAnswer(activity_id=activity.id, organisations=named, version=activity.version)


def _parts(session: Session, activity_id: UUID) -> Sequence[ActivityOrganisation]:
    query = select(ActivityOrganisation).where(ActivityOrganisation.activity_id == activity_id)
    return session.scalars(query.order_by(ActivityOrganisation.place)).all()


def _saved(row: Organisation) -> OrganisationSaved:
    return OrganisationSaved(
        organisation_id=row.id, site_id=row.site_id, name_zh=row.name_zh, name_en=row.name_en, kind=row.kind
    )
