"""Areas, sites and their keys, teams, rooms."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.errors import FORBIDDEN, Problem, Words, invalid, not_found
from services.common.schemas import AreaCode, ListQuery
from services.registration.api.conventions import answered, attempt_of, create, expected_versions, own_site, page
from services.registration.models import Area, Room, Site, SiteKey, Team
from services.registration.operations import conflict, places
from services.registration.operations.idempotency import earlier_answer, remember
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.places import (
    AreaAnswer,
    AreaBody,
    AreaQuery,
    KeyAnswer,
    KeyBody,
    NewKeyAnswer,
    RoomAnswer,
    RoomBody,
    SiteAnswer,
    SiteBody,
    SiteEdit,
    TeamAnswer,
    TeamBody,
)

AREA_CODE = TypeAdapter(AreaCode)


def places_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of areas, sites, teams and rooms."""
    blueprint = APIBlueprint("places", __name__, tag="Areas and sites", url_prefix="/v1")
    _add_areas(blueprint, database)
    _add_sites(blueprint, database, data)
    _add_keys(blueprint, database, data)
    _add_teams_and_rooms(blueprint, database, data)
    return blueprint


def _add_areas(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.put("/areas/<code>")
    @allow(Caller.OPERATOR)
    @blueprint.input(AreaBody, arg_name="body")
    @blueprint.output(AreaAnswer)
    def save_area(code: str, body: AreaBody) -> Response:
        """Add an area, or change it."""
        try:
            AREA_CODE.validate_python(code)
        except ValidationError as error:
            words = Words("应为 1–20 个字母、数字或 -。", "must be 1–20 letters, digits or -.")
            raise invalid("code", words) from error
        with database.transaction(g.principal.scope) as session:
            area = places.save_area(session, code, body, expected_versions(required=False))
            return answered(AreaAnswer.model_validate(area))

    @blueprint.get("/areas")
    @allow(Caller.ANYONE)
    @blueprint.input(AreaQuery, location="query", arg_name="query")
    @blueprint.output(page_of(AreaAnswer))
    def list_areas(query: AreaQuery) -> Response:
        """Areas by code; with `parent`, those directly within it."""
        rows = select(Area) if query.parent is None else select(Area).where(Area.parent == query.parent)
        with database.transaction() as session:
            return page(session, rows, Area.code, query, lambda found: [AreaAnswer.model_validate(a) for a in found])


def _add_sites(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/sites")
    @allow(Caller.OPERATOR)
    @blueprint.input(SiteBody, arg_name="body")
    @blueprint.output(SiteAnswer, status_code=201)
    def create_site(body: SiteBody) -> Response:
        """Add a site."""
        return create(database, data, body, lambda s: SiteAnswer.model_validate(places.create_site(s, body)))

    @blueprint.get("/sites")
    @allow(Caller.ANYONE)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(SiteAnswer))
    def list_sites(query: ListQuery) -> Response:
        """All sites."""
        with database.transaction() as session:
            return page(
                session, select(Site), Site.position, query, lambda found: [SiteAnswer.model_validate(s) for s in found]
            )

    @blueprint.get("/sites/<uuid:site_id>")
    @allow(Caller.ANYONE)
    @blueprint.output(SiteAnswer)
    def show_site(site_id: UUID) -> Response:
        """A site."""
        with database.transaction() as session:
            site = session.get(Site, site_id)
            if site is None:
                raise not_found("这个站点", "site")
            return answered(SiteAnswer.model_validate(site))

    @blueprint.patch("/sites/<uuid:site_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(SiteEdit, arg_name="body")
    @blueprint.output(SiteAnswer)
    def edit_site(site_id: UUID, body: SiteEdit) -> Response:
        """Change a site: a site itself, or the operator any. Where it lies in the tree is for the operator to say."""
        _check_own(site_id)
        if not g.principal.is_operator and "area" in body.model_fields_set:
            raise Problem(
                FORBIDDEN, Words("站点所属区划由运维人员修改。", "The area of a site is for the operator to change.")
            )
        with database.transaction(g.principal.scope) as session:
            return answered(SiteAnswer.model_validate(places.edit_site(session, site_id, body, expected_versions())))


def _add_keys(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/sites/<uuid:site_id>/keys")
    @allow(Caller.OPERATOR)
    @blueprint.input(KeyBody, arg_name="body")
    @blueprint.output(NewKeyAnswer, status_code=201)
    def issue_key(site_id: UUID, body: KeyBody) -> Response:
        """Make a key for a site. It is shown this once; only its hash is kept."""
        attempt = attempt_of(data, body)
        with database.transaction(g.principal.scope) as session:
            if attempt and earlier_answer(session, attempt) is not None:
                raise conflict("密钥已发放,只显示一次。", "The key was issued already and is shown only once.")
            row, key = places.issue_key(session, site_id, body.label)
            kept = _describe_key(row)
            if attempt:
                remember(session, attempt, kept.model_dump(mode="json"))
        return answered(NewKeyAnswer(key=key, **kept.model_dump()), 201)

    @blueprint.get("/sites/<uuid:site_id>/keys")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(KeyAnswer))
    def list_keys(site_id: UUID, query: ListQuery) -> Response:
        """The keys of a site, revoked ones too."""
        _check_own(site_id)
        with database.transaction(g.principal.scope) as session:
            _check_exists(session, site_id)
            rows = select(SiteKey).where(SiteKey.site_id == site_id)
            return page(session, rows, SiteKey.position, query, lambda found: [_describe_key(row) for row in found])

    @blueprint.delete("/sites/<uuid:site_id>/keys/<uuid:key_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output({}, status_code=204)
    def revoke_key(site_id: UUID, key_id: UUID) -> tuple[str, int]:
        """Make a key useless, within two seconds everywhere here."""
        _check_own(site_id)
        with database.transaction(g.principal.scope) as session:
            places.revoke_key(session, site_id, key_id)
        return "", 204


def _add_teams_and_rooms(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/teams")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(TeamBody, arg_name="body")
    @blueprint.output(TeamAnswer, status_code=201)
    def create_team(body: TeamBody) -> Response:
        """Add a choir or a volunteer team."""
        return create(
            database, data, body, lambda s: TeamAnswer.model_validate(places.create_team(s, own_site(), body))
        )

    @blueprint.get("/teams")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(TeamAnswer))
    def list_teams(query: ListQuery) -> Response:
        """The site's teams."""
        rows = select(Team).where(Team.site_id == own_site())
        with database.transaction(g.principal.scope) as session:
            return page(
                session, rows, Team.position, query, lambda found: [TeamAnswer.model_validate(t) for t in found]
            )

    @blueprint.post("/rooms")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RoomBody, arg_name="body")
    @blueprint.output(RoomAnswer, status_code=201)
    def create_room(body: RoomBody) -> Response:
        """Add a room."""
        return create(
            database, data, body, lambda s: RoomAnswer.model_validate(places.create_room(s, own_site(), body))
        )

    @blueprint.get("/rooms")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(RoomAnswer))
    def list_rooms(query: ListQuery) -> Response:
        """The site's rooms."""
        rows = select(Room).where(Room.site_id == own_site())
        with database.transaction(g.principal.scope) as session:
            return page(
                session, rows, Room.position, query, lambda found: [RoomAnswer.model_validate(r) for r in found]
            )


def _check_own(site_id: UUID) -> None:
    """404 for another site's id: a site, and who works there, need not know which others exist."""
    if not g.principal.is_operator and g.principal.site_id != site_id:
        raise not_found("这个站点", "site")


def _check_exists(session: Session, site_id: UUID) -> None:
    if session.get(Site, site_id) is None:
        raise not_found("这个站点", "site")


def _describe_key(row: SiteKey) -> KeyAnswer:
    return KeyAnswer.model_validate({**vars(row), "id": row.key_id})
