"""Managing staff: accounts and grants. For the operator, and for area admins within their areas."""

from dataclasses import replace
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, page
from services.common.database import EVERY_SITE, Database
from services.common.schemas import ListQuery
from services.registration.models import Staff
from services.registration.operations.staff import accounts, grants
from services.registration.operations.staff.grants import By
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.staff import GrantAnswer, GrantBody, StaffAnswer, StaffBody, StaffEdit


def managing() -> By:
    """Who manages staff in this request: a member of staff, None for the operator's key.

    Accounts belong to no site: what is theirs to manage is decided by their grants alone, whatever site they chose.
    """
    g.principal = replace(g.principal, everywhere=True)
    return UUID(g.principal.name) if g.principal.caller is Caller.STAFF else None


def staff_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of accounts and grants."""
    blueprint = APIBlueprint("staff", __name__, tag="Staff", url_prefix="/v1/staff")
    _add_accounts(blueprint, database, data)
    _add_grants(blueprint, database, data)
    return blueprint


def _add_accounts(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("")
    @allow(Caller.OPERATOR, Caller.STAFF)
    @blueprint.input(StaffBody, arg_name="body")
    @blueprint.output(StaffAnswer, status_code=201)
    def invite_staff(body: StaffBody) -> Response:
        """Invite somebody: they get a mail with a link to set a password. Who has an account gets the grants."""
        by = managing()
        return create(database, data, body, lambda s: accounts.invite(s, data, by, body))

    @blueprint.get("")
    @allow(Caller.OPERATOR, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(StaffAnswer))
    def list_staff(query: ListQuery) -> Response:
        """The staff that one manages."""
        by = managing()
        with database.transaction(EVERY_SITE) as session:
            grants.check_manager(session, by)
            rows = accounts.visible(by)
            return page(session, rows, Staff.position, query, lambda found: accounts.describe(session, data, by, found))

    @blueprint.get("/<uuid:staff_id>")
    @allow(Caller.OPERATOR, Caller.STAFF)
    @blueprint.output(StaffAnswer)
    def show_staff(staff_id: UUID) -> Response:
        """An account, with those of its grants that one manages."""
        by = managing()
        with database.transaction(EVERY_SITE) as session:
            return answered(accounts.find_staff(session, data, by, staff_id))

    @blueprint.patch("/<uuid:staff_id>")
    @allow(Caller.OPERATOR, Caller.STAFF)
    @blueprint.input(StaffEdit, arg_name="body")
    @blueprint.output(StaffAnswer)
    def edit_staff(staff_id: UUID, body: StaffEdit) -> Response:
        """Disable an account, with all its sessions, or enable it again."""
        by = managing()
        with database.transaction(EVERY_SITE) as session:
            edited = accounts.set_disabled(session, data, by, staff_id, body.disabled, expected_versions())
            return answered(edited)

    @blueprint.post("/<uuid:staff_id>/invitation")
    @allow(Caller.OPERATOR, Caller.STAFF)
    @blueprint.output(StaffAnswer)
    def invite_again(staff_id: UUID) -> Response:
        """Mail a fresh link to somebody who has not come yet."""
        by = managing()
        with database.transaction(EVERY_SITE) as session:
            return answered(accounts.invite_again(session, data, by, staff_id))


def _add_grants(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/<uuid:staff_id>/grants")
    @allow(Caller.OPERATOR, Caller.STAFF)
    @blueprint.input(GrantBody, arg_name="body")
    @blueprint.output(GrantAnswer, status_code=201)
    def add_grant(staff_id: UUID, body: GrantBody) -> Response:
        """Give a role: area admins within their area, and below their own."""
        by = managing()
        return create(database, data, body, lambda s: accounts.grant_more(s, data, by, staff_id, body))

    @blueprint.delete("/<uuid:staff_id>/grants/<uuid:grant_id>")
    @allow(Caller.OPERATOR, Caller.STAFF)
    @blueprint.output({}, status_code=204)
    def take_grant(staff_id: UUID, grant_id: UUID) -> tuple[str, int]:
        """Take a role away. It works at once."""
        by = managing()
        with database.transaction(EVERY_SITE) as session:
            grants.check_manager(session, by)
            grants.take_grant(session, by, staff_id, grant_id)
        return "", 204
