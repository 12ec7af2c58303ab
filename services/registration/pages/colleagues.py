"""Managing staff: who works where, inviting, giving and taking away roles, disabling."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request, url_for
from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from services.common.auth import OVER_AREAS, Caller, Role, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import Words, called
from services.common.pages import Answer, Form, asked_position, done, in_menu, page_blueprint, render
from services.registration.api.staff import managing
from services.registration.models import Area, Site, Staff
from services.registration.operations.staff import accounts, grants
from services.registration.operations.staff.grants import By
from services.registration.personal_data import PersonalData
from services.registration.schemas.staff import GrantBody, StaffBody

SHOWN = 100
MOST_OPTIONS = 2_000
"""A city has 758 communities; whoever has more asks through the API."""

TARGETS = {Role.SITE_STAFF: "site_id", Role.AREA_ADMIN: "area"}
"""By role, the field that says over what."""


def colleague_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of staff management."""
    blueprint = page_blueprint("colleague_pages", __name__, url_prefix="/staff/colleagues")
    in_menu("colleague_pages.list_colleagues", "工作人员", "Staff", 25, without_site=OVER_AREAS, only=OVER_AREAS)
    _add_reading(blueprint, database, data)
    _add_inviting(blueprint, database, data)
    _add_grants(blueprint, database, data)
    _add_account(blueprint, database, data)
    return blueprint


def _role() -> Role:
    asked = request.args.get("role", "")
    return Role(asked) if asked in set(Role) else Role.SITE_STAFF


def _asked_for() -> dict[str, str | None]:
    """The grant that the form names."""
    role = _role()
    return {"role": role} | ({TARGETS[role]: request.form.get("over") or None} if role in TARGETS else {})


def _at_choice(form: Form[Any]) -> None:
    """Over what a role is was not chosen: the page has one field for it, the models have none."""
    if [form.errors.pop(name) for name in ("grants.0", "body") if name in form.errors]:
        form.errors["over"] = Words("请选择。", "must be chosen.")


def _options(session: Session, by: By, role: Role) -> list[tuple[str, str]]:
    """What a role can be given over: (value, name)."""
    areas = select(func.staff_areas(by))
    everything = literal(by is None or session.scalar(select(func.staff_is_operator(by))))
    if role is Role.SITE_STAFF:
        sites = select(Site).where(or_(everything, Site.area.in_(areas))).order_by(Site.name_zh, Site.id)
        return [(str(site.id), str(called(site))) for site in session.scalars(sites.limit(MOST_OPTIONS))]
    if role is Role.AREA_ADMIN:
        below = select(Area).where(or_(everything, Area.parent.in_(areas))).order_by(Area.code)
        return [(area.code, f"{called(area)} {area.code}") for area in session.scalars(below.limit(MOST_OPTIONS))]
    return []


def _over(session: Session, given: list[object]) -> dict[str, str]:
    """The names of sites and areas that grants are over, by id or code."""
    sites = select(Site).where(Site.id.in_([getattr(grant, "site_id", None) for grant in given]))
    areas = select(Area).where(Area.code.in_([getattr(grant, "area", None) or "" for grant in given]))
    names = {str(site.id): str(called(site)) for site in session.scalars(sites)}
    return names | {area.code: str(called(area)) for area in session.scalars(areas)}


def _add_reading(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("")
    @allow(Caller.STAFF)
    def list_colleagues() -> Answer:
        """The staff that one manages."""
        by = managing()
        with database.transaction(EVERY_SITE) as session:
            grants.check_manager(session, by)
            rows = accounts.visible(by).where(Staff.position > asked_position("after"))
            found = session.scalars(rows.order_by(Staff.position).limit(SHOWN + 1)).all()
            shown = accounts.describe(session, data, by, found[:SHOWN])
            over = _over(session, [grant for one in shown for grant in one.grants])
        more = url_for(".list_colleagues", after=found[SHOWN - 1].position) if len(found) > SHOWN else ""
        return render("people_of_staff/list.html", colleagues=shown, over=over, more=more)

    @blueprint.get("/<uuid:staff_id>")
    @allow(Caller.STAFF)
    def show_colleague(staff_id: UUID) -> Answer:
        """One account, with what one may change of it."""
        with database.transaction(EVERY_SITE) as session:
            return _colleague(session, data, managing(), staff_id, Form())


def _colleague(session: Session, data: PersonalData, by: By, staff_id: UUID, form: Form) -> str:
    found, role = accounts.find_staff(session, data, by, staff_id), _role()
    context = {"colleague": found, "over": _over(session, list(found.grants)), "role": role}
    return render("people_of_staff/colleague.html", form=form, options=_options(session, by, role), **context)


def _add_inviting(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def page(session: Session, by: By, form: Form) -> str:
        role = _role()
        return render("people_of_staff/invite.html", form=form, role=role, options=_options(session, by, role))

    @blueprint.get("/invite")
    @allow(Caller.STAFF)
    def show_invite() -> Answer:
        """Whom to invite, to what."""
        by = managing()
        with database.transaction(EVERY_SITE) as session:
            grants.check_manager(session, by)
            return page(session, by, Form())

    @blueprint.post("/invite")
    @allow(Caller.STAFF)
    def invite() -> Answer:
        """Invite somebody: they get a mail with a link."""
        by, form = managing(), Form[StaffBody](request.form)
        told = {name: value for name in ("name", "email", "language") if (value := request.form.get(name))}
        form.read(StaffBody, told | {"grants": [_asked_for()]})
        _at_choice(form)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            invited = accounts.invite(session, data, by, form.body)
        if form.failed:
            with database.transaction(EVERY_SITE) as session:
                grants.check_manager(session, by)
                return page(session, by, form), 422
        words = "已邀请，邮件会很快送到。", "Invited: a mail is on its way."
        return done(url_for(".show_colleague", staff_id=invited.id), *words)


def _add_grants(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/<uuid:staff_id>/grants")
    @allow(Caller.STAFF)
    def give(staff_id: UUID) -> Answer:
        """Give one more role."""
        by, form = managing(), Form[GrantBody](request.form)
        form.read(GrantBody, _asked_for())
        _at_choice(form)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            accounts.grant_more(session, data, by, staff_id, form.body)
        if form.failed:
            with database.transaction(EVERY_SITE) as session:
                return _colleague(session, data, by, staff_id, form), 422
        return done(url_for(".show_colleague", staff_id=staff_id), "已授予权限。", "The role is given.")

    @blueprint.post("/<uuid:staff_id>/grants/<uuid:grant_id>/take")
    @allow(Caller.STAFF)
    def take(staff_id: UUID, grant_id: UUID) -> Response:
        """Take a role away, at once."""
        by = managing()
        with database.transaction(EVERY_SITE) as session:
            grants.check_manager(session, by)
            grants.take_grant(session, by, staff_id, grant_id)
        return done(url_for(".list_colleagues"), "权限已撤销，立即生效。", "The role is taken away, at once.")


def _add_account(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/<uuid:staff_id>/invitation")
    @allow(Caller.STAFF)
    def invite_again(staff_id: UUID) -> Response:
        """Mail a fresh link."""
        with database.transaction(EVERY_SITE) as session:
            accounts.invite_again(session, data, managing(), staff_id)
        return _back(staff_id, "新的链接会很快送到。", "A fresh link is on its way.")

    @blueprint.post("/<uuid:staff_id>/disable")
    @allow(Caller.STAFF)
    def disable(staff_id: UUID) -> Response:
        """Shut an account, with all its sessions."""
        with database.transaction(EVERY_SITE) as session:
            accounts.set_disabled(session, data, managing(), staff_id, True, None)
        return _back(staff_id, "账号已停用。", "The account is disabled.")

    @blueprint.post("/<uuid:staff_id>/enable")
    @allow(Caller.STAFF)
    def enable(staff_id: UUID) -> Response:
        """Open it again."""
        with database.transaction(EVERY_SITE) as session:
            accounts.set_disabled(session, data, managing(), staff_id, False, None)
        return _back(staff_id, "账号已恢复。", "The account is open again.")


def _back(staff_id: UUID, zh: str, en: str) -> Response:
    return done(url_for("colleague_pages.show_colleague", staff_id=staff_id), zh, en)
