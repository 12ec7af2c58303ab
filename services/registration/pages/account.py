"""Staff's own pages: logging in, a new password, where to work, one's account."""

from typing import cast
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, redirect, request, url_for
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import (
    EVERYBODY,
    Answer,
    Form,
    done,
    in_menu,
    page_blueprint,
    read_form,
    render,
)
from services.common.pages.addresses import way_back
from services.common.schemas import Body
from services.registration.api.me import check_from_here, describe_me, describe_sessions, let_in, let_out, me, visitor
from services.registration.models import Link, Site, Staff
from services.registration.operations.staff import links, log_in
from services.registration.operations.staff.accounts import INVITATION, RESET, edit_own
from services.registration.operations.staff.log_in import LogIns
from services.registration.pages.links import PURPOSES, Act, Purpose
from services.registration.personal_data import PersonalData
from services.registration.schemas.staff import LogInBody, MeEdit, PasswordBody, ResetBody, Secret

MOST_SITES = 50


class NewPassword(Body):
    """What the page behind a link asks for."""

    password: Secret


def account_pages(database: Database, data: PersonalData, log_ins: LogIns, sso: bool = False) -> APIBlueprint:
    """The pages of one's own account."""
    blueprint = page_blueprint("account_pages", __name__, url_prefix="/staff")
    _add_door(blueprint, database, log_ins, sso)
    _add_sites(blueprint, database)
    _add_account(blueprint, database, data, log_ins)
    for purpose in (INVITATION, RESET):
        PURPOSES[purpose] = Purpose(
            lambda session, link: _show_link(session, data, link), prepare=lambda: _set_password(data, log_ins)
        )
    in_menu("account_pages.show_account", "我的账号", "My account", 23, without_site=EVERYBODY)

    @blueprint.app_context_processor
    def site_in_words() -> dict[str, object]:
        """`working_at()` in every template: the site where the reader works just now."""
        return {"working_at": lambda: _site(database)}

    return blueprint


def _site(database: Database) -> Site | None:
    """Asked for twice by the head of every page, and once more by some."""
    site_id = g.principal.site_id if "principal" in g else None
    if site_id is None:
        return None
    if "working_at" not in g or g.working_at.id != site_id:
        with database.transaction() as session:
            g.working_at = session.get_one(Site, site_id)
    site: Site = g.working_at
    return site


def _add_door(blueprint: APIBlueprint, database: Database, log_ins: LogIns, sso: bool = False) -> None:
    @blueprint.get("/log-in")
    @allow(Caller.ANYONE)
    def show_log_in() -> Answer:
        """Where staff log in."""
        return render("account/log_in.html", form=Form(), sso=sso)

    @blueprint.post("/log-in")
    @allow(Caller.ANYONE)
    def enter() -> Answer:
        """Log in, and go on where one wanted to."""
        check_from_here()
        form = read_form(LogInBody)
        with form.catching():
            opened = log_ins.log_in(form.body.email, form.body.password, visitor(), replaced=g.principal.session)
        if form.failed:
            return render("account/log_in.html", form=form, sso=sso), 422
        wanted = way_back(request.args.get("next", ""))
        return let_in(cast(Response, redirect(wanted, 303)), opened)

    @blueprint.get("/forgotten")
    @allow(Caller.ANYONE)
    def show_forgotten() -> Answer:
        """Where somebody asks for a link to set a new password."""
        return render("account/forgotten.html", form=Form(), sent=False)

    @blueprint.post("/forgotten")
    @allow(Caller.ANYONE)
    def ask_for_reset() -> Answer:
        """Mail it, where there is such an account. The page says the same either way."""
        check_from_here()
        form = read_form(ResetBody)
        with form.catching():
            log_ins.ask_for_reset(form.body.email, request.remote_addr or "")
        return render("account/forgotten.html", form=form, sent=not form.failed), 422 if form.failed else 200

    @blueprint.post("/log-out")
    @allow(Caller.STAFF)
    def leave() -> Response:
        """Log out here."""
        with database.transaction(EVERY_SITE) as session:
            log_in.end_sessions(session, me(), g.principal.session)
        return let_out(done(url_for("account_pages.show_log_in"), "已退出。", "You are logged out."))


def _show_link(session: Session, data: PersonalData, link: Link) -> dict[str, object]:
    staff = session.get_one(Staff, link.staff_id)
    return {"form": Form(), "email": data.readable(staff.email) or "", "name": data.shown(staff.name)}


def _set_password(data: PersonalData, log_ins: LogIns) -> Act:
    """What the button behind an invitation or reset does; the password is computed before the link is locked."""
    check_from_here()
    form = read_form(NewPassword)
    stored = b""
    with form.catching():
        stored = log_ins.hashed(form.body.password)

    def act(session: Session, link: Link) -> Response:
        with form.catching():
            staff_id = cast(UUID, link.staff_id)
            opened = log_ins.set_password(session, staff_id, form.body.password, stored, visitor().device)
        if form.failed:
            context = _show_link(session, data, link) | {"form": form, "link": link}
            return Response(render(f"links/{link.purpose}.html", **context), status=422)
        links.use_all_of_staff(session, cast(UUID, link.staff_id))
        return let_in(done(url_for("home_pages.home"), "密码已设置。", "Your password is set."), opened)

    return act


def _add_sites(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/sites")
    @allow(Caller.STAFF)
    def list_sites() -> Answer:
        """The sites where one may work, by name."""
        wanted = request.args.get("q", "").strip()[:100]
        mine = select(Site).where(Site.id.in_(select(func.staff_sites(me()))))
        if wanted:
            mine = mine.where(or_(Site.name_zh.icontains(wanted), Site.name_en.icontains(wanted)))
        with database.transaction(EVERY_SITE) as session:
            sites = session.scalars(mine.order_by(Site.name_zh, Site.id).limit(MOST_SITES + 1)).all()
        more = len(sites) > MOST_SITES
        return render("account/sites.html", sites=sites[:MOST_SITES], more=more, wanted=wanted)

    @blueprint.post("/site")
    @allow(Caller.STAFF)
    def choose_site() -> Response:
        """Work there from now on."""
        with database.transaction(EVERY_SITE) as session:
            log_in.choose_site(session, me(), g.principal.session, _uuid(request.form.get("site_id", "")))
        return done(way_back(request.form.get("next", "")), "已切换站点。", "You work at this site now.")


def _uuid(written: str) -> UUID:
    try:
        return UUID(written)
    except ValueError:
        return UUID(int=0)


def _add_account(blueprint: APIBlueprint, database: Database, data: PersonalData, log_ins: LogIns) -> None:
    def page(form: Form, status: int = 200) -> Answer:
        with database.transaction(EVERY_SITE) as session:
            sessions = describe_sessions(log_in.own_sessions(session, me()))
        account = describe_me(database, data, g.principal)
        return render("account/account.html", form=form, me=account, sessions=sessions), status

    @blueprint.get("/account")
    @allow(Caller.STAFF)
    def show_account() -> Answer:
        """Name, password, where one is logged in."""
        return page(Form())

    @blueprint.post("/account")
    @allow(Caller.STAFF)
    def edit_account() -> Answer:
        """Change one's name or language."""
        form = read_form(MeEdit)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            edit_own(session, data, me(), form.body)
        return page(form, 422) if form.failed else done(url_for(".show_account"), "已保存。", "Saved.")

    @blueprint.post("/account/password")
    @allow(Caller.STAFF)
    def change_password() -> Answer:
        """Change one's password; other browsers are logged out."""
        form = read_form(PasswordBody)
        with form.catching():
            opened = log_ins.change_password(me(), form.body.present, form.body.password, visitor())
        if form.failed:
            return page(form, 422)
        words = "密码已更改，其他设备已退出。", "Your password is changed, and other browsers are logged out."
        return let_in(done(url_for(".show_account"), *words), opened)

    @blueprint.post("/account/sessions/<uuid:session_id>/end")
    @allow(Caller.STAFF)
    def end_session(session_id: UUID) -> Response:
        """Log one of one's browsers out."""
        with database.transaction(EVERY_SITE) as session:
            log_in.end_session(session, me(), session_id)
        return done(url_for(".show_account"), "该设备已退出。", "That browser is logged out.")

    @blueprint.post("/account/log-out-everywhere")
    @allow(Caller.STAFF)
    def leave_everywhere() -> Response:
        """Log out of every browser, this one too."""
        with database.transaction(EVERY_SITE) as session:
            log_in.end_sessions(session, me())
        return let_out(done(url_for(".show_log_in"), "所有设备均已退出。", "You are logged out everywhere."))
