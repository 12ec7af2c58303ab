"""Sites, their settings and keys."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, Principal, Role, allow
from services.common.conventions import answered, attempt_of, create, expected_versions, json_body, page
from services.common.database import Database
from services.common.errors import FORBIDDEN, Problem, Words, not_found
from services.common.idempotency import Attempt, earlier_answer, remember
from services.common.schemas import ListQuery
from services.registration.models import Site, SiteKey, SiteLogo
from services.registration.operations import conflict
from services.registration.operations.bookings.stranded import stranded
from services.registration.operations.sites import sites
from services.registration.operations.sites.logos import set_logo
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.bookings import BookingAnswer, BookingsAnswer
from services.registration.schemas.site_settings import SettingsAnswer, SettingsEdit, SiteAreaAnswer, SiteAreasAnswer
from services.registration.schemas.sites import KeyAnswer, KeyBody, NewKeyAnswer, SiteAnswer, SiteBody, SiteEdit

FOR_THE_OPERATOR = Words(
    "站点所属区划、停办与恢复由系统管理员修改。",
    "The area of a site, and whether it is closed, are for the operator to change.",
)
NAMES_FROM_ABOVE = Words(
    "站点名称印在证明上，由区划管理员或系统管理员修改。",
    "Certificates are issued in the site's name: an area admin or the operator changes it.",
)


def may_name_site(principal: Principal) -> bool:
    """Whether the caller may say what the site that they act for is called: nobody issues in another body's name."""
    return principal.is_operator or principal.role is Role.AREA_ADMIN


def sites_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of sites."""
    blueprint = APIBlueprint("sites", __name__, tag="Areas and sites", url_prefix="/v1")
    _add_sites(blueprint, database, data)
    _add_keys(blueprint, database, data)
    _add_settings(blueprint, database, data)
    return blueprint


def _add_sites(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/sites")
    @allow(Caller.OPERATOR)
    @blueprint.input(SiteBody, arg_name="body")
    @blueprint.output(SiteAnswer, status_code=201)
    def create_site(body: SiteBody) -> Response:
        """Add a site."""
        return create(database, data, body, lambda s: SiteAnswer.model_validate(sites.create_site(s, body)))

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
            return answered(SiteAnswer.model_validate(sites.find_site(session, site_id)))

    @blueprint.patch("/sites/<uuid:site_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(SiteEdit, arg_name="body")
    @blueprint.output(SiteAnswer)
    def edit_site(site_id: UUID, body: SiteEdit) -> Response:
        """Change a site: a site itself, or the operator any. Where it lies, and whether it is closed, is for the
        operator to say; what it is called for an area admin too."""
        _check_own(site_id)
        if not g.principal.is_operator and {"area", "status"} & body.model_fields_set:
            raise Problem(FORBIDDEN, FOR_THE_OPERATOR)
        if not may_name_site(g.principal) and {"name_zh", "name_en"} & body.model_fields_set:
            raise Problem(FORBIDDEN, NAMES_FROM_ABOVE)
        with database.transaction(g.principal.scope) as session:
            return answered(SiteAnswer.model_validate(sites.edit_site(session, site_id, body, expected_versions())))


def _add_keys(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/sites/<uuid:site_id>/keys")
    @allow(Caller.OPERATOR)
    @blueprint.input(KeyBody, arg_name="body")
    @blueprint.output(NewKeyAnswer, status_code=201)
    def issue_key(site_id: UUID, body: KeyBody) -> Response:
        """Make a key for a site. It is shown this once; only its hash is kept."""
        attempt = attempt_of(data, body)
        with database.transaction(g.principal.scope) as session:
            return answered(issue_once(session, site_id, body.label, attempt), 201)

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
            sites.revoke_key(session, site_id, key_id)
        return "", 204


def issue_once(session: Session, site_id: UUID, label: str, attempt: Attempt | None) -> NewKeyAnswer:
    """A new key. Raises 409 for a request that is sent again: the key was shown, and is not kept."""
    if attempt and earlier_answer(session, attempt) is not None:
        raise conflict("密钥已发放，只显示一次。", "The key was issued already and is shown only once.")
    row, key = sites.issue_key(session, site_id, label)
    kept = _describe_key(row)
    if attempt:
        remember(session, attempt, kept.model_dump(mode="json"))
    return NewKeyAnswer(key=key, **kept.model_dump())


def _add_settings(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/sites/<uuid:site_id>/settings")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(SettingsAnswer)
    def show_settings(site_id: UUID) -> Response:
        """A site's settings."""
        _check_own(site_id)
        with database.transaction(g.principal.scope) as session:
            return answered(sites.describe_settings(session, sites.find_site(session, site_id)))

    @blueprint.patch("/sites/<uuid:site_id>/settings")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(SettingsEdit, arg_name="body")
    @blueprint.output(SettingsAnswer)
    def edit_settings(site_id: UUID, body: SettingsEdit) -> Response:
        """Change a site's settings. Bookings that were made stay, also outside narrower hours (`settings/preview`)."""
        _check_own(site_id)
        with database.transaction(g.principal.scope) as session:
            site = sites.edit_settings(session, data, site_id, body, expected_versions())
            return answered(sites.describe_settings(session, site))

    @blueprint.post("/sites/<uuid:site_id>/settings/preview")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(SettingsEdit)
    @blueprint.output(BookingsAnswer)
    def preview_settings(site_id: UUID, body: SettingsEdit) -> Response:
        """The bookings that would lie outside the opening hours with these settings, and do not now. Changes nothing.

        They would stay, marked: move them, or give them up (`GET /v1/bookings/outside-hours` lists all there are).
        """
        _check_own(site_id)
        with database.transaction(g.principal.scope) as session:
            found = stranded(session, sites.find_site(session, site_id), body)
            return answered(BookingsAnswer(items=[BookingAnswer.model_validate(one) for one in found]))

    @blueprint.get("/sites/<uuid:site_id>/areas")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(SiteAreasAnswer)
    def list_site_areas(site_id: UUID) -> Response:
        """Where the site lay in the tree, from which day on."""
        _check_own(site_id)
        with database.transaction(g.principal.scope) as session:
            _check_exists(session, site_id)
            rows = sites.areas_of_site(session, site_id)
            return answered(SiteAreasAnswer(items=[SiteAreaAnswer.model_validate(row) for row in rows]))

    @blueprint.put("/sites/<uuid:site_id>/logo")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output({}, status_code=204)
    def save_logo(site_id: UUID) -> tuple[str, int]:
        """Send a PNG of at most 100 kB as the body; an empty body takes the logo away.

        It is written anew with its picture alone: texts and places that a program left in it are dropped.
        """
        _check_own(site_id)
        with database.transaction(g.principal.scope) as session:
            set_logo(session, site_id, request.get_data())
        return "", 204

    @blueprint.get("/sites/<uuid:site_id>/logo")
    @allow(Caller.ANYONE)
    @blueprint.doc(responses={200: "a PNG"})
    def show_logo(site_id: UUID) -> Response:
        """A site's logo."""
        with database.transaction(site_id) as session:
            logo = session.get(SiteLogo, site_id)
        if logo is None:
            raise not_found("标志", "logo")
        response = Response(logo.png, mimetype="image/png")
        response.set_etag(logo.sha256)
        response.headers["Cache-Control"] = "public, max-age=300"
        response.make_conditional(request)
        return response


def _check_own(site_id: UUID) -> None:
    """404 for another site's id: a site, and who works there, need not know which others exist."""
    if not g.principal.is_operator and g.principal.site_id != site_id:
        raise not_found("这个站点", "site")


def _check_exists(session: Session, site_id: UUID) -> None:
    if session.get(Site, site_id) is None:
        raise not_found("这个站点", "site")


def _describe_key(row: SiteKey) -> KeyAnswer:
    return KeyAnswer.model_validate({**vars(row), "id": row.key_id})
