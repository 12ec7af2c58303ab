"""Templates: written from scratch or made of activities that took place, and changed later."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.auth import Principal
from services.common.errors import FORBIDDEN, Problem, Words, invalid
from services.common.events import ProgrammeSaved
from services.common.outbox import add_events
from services.registration.models import Area, Programme
from services.registration.operations import Versions, assign, check_version
from services.registration.operations.programmes.authority import keeps, lock_kept
from services.registration.operations.programmes.sources import belong, made_of
from services.registration.schemas.programmes import (
    ActivityTemplate,
    ProgrammeAnswer,
    ProgrammeBody,
    ProgrammeEdit,
)


def create_programme(session: Session, principal: Principal, body: ProgrammeBody) -> Programme:
    """Keep a new programme, for the area that was named or the site that calls."""
    site_id = None if body.area else principal.site_id
    if body.area and session.get(Area, body.area) is None:
        raise invalid("area", Words("没有这个区划。", "is no area that exists."))
    if not body.area and site_id is None:
        raise invalid("area", Words("请指明管理项目的区划。", "is needed: which area keeps the programme?"))
    if not keeps(session, principal, site_id, body.area):
        raise Problem(
            FORBIDDEN, Words("只有该区划的管理员可以这样做。", "Only admins of that area, or of one around it, may.")
        )
    facts = body.model_dump(include={"title_zh", "title_en", "description_zh", "description_en", "first_weekday"})
    source = made_of(session, principal, body.from_activities) if body.from_activities else None
    if source:
        facts["first_weekday"] = body.first_weekday or source.first_day.isoweekday()
    template = source.template if source else body.activities
    programme = Programme(site_id=site_id, area=body.area, template=_stored(template), **facts)
    session.add(programme)
    session.flush()
    session.refresh(programme)
    add_events(session, [_saved(programme)])
    if source:
        belong(session, programme, source)
    return programme


def edit_programme(
    session: Session, principal: Principal, programme_id: UUID, body: ProgrammeEdit, expected: Versions
) -> Programme:
    """Change a programme. Its clones are offered what changed in the template; nothing changes there by itself."""
    programme = lock_kept(session, principal, programme_id)
    check_version(programme.version, expected)
    changes = body.model_dump(exclude_unset=True, exclude={"activities"})
    if "activities" in body.model_fields_set:
        changes["template"] = _stored(body.activities)
    if assign(programme, changes):
        session.flush()
        add_events(session, [_saved(programme)])
    return programme


def described(programme: Programme) -> ProgrammeAnswer:
    """The programme with its template."""
    names = set(ProgrammeAnswer.model_fields) - {"activities"}
    facts = {name: getattr(programme, name) for name in names}
    return ProgrammeAnswer.model_validate(facts | {"activities": programme.template})


def _stored(template: list[ActivityTemplate]) -> list[dict[str, Any]]:
    return [activity.model_dump(mode="json") for activity in template]


def _saved(programme: Programme) -> ProgrammeSaved:
    return ProgrammeSaved(
        programme_id=programme.id,
        version=programme.version,
        site_id=programme.site_id,
        area=programme.area,
        title_zh=programme.title_zh,
        title_en=programme.title_en,
        activities=len(programme.template),
    )
