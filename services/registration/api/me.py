"""Logging in, and one's own account: sessions, password, the site where one works."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request
from sqlalchemy import func, select

from services.common.auth import STAFF_COOKIE, Caller, Principal, allow, csrf_token, from_elsewhere, key_hash
from services.common.conventions import answered, page
from services.common.database import EVERY_SITE, Database
from services.common.errors import FORBIDDEN, UNAUTHENTICATED, Problem, Words
from services.common.schemas import ListQuery
from services.registration.models import Site, Staff, StaffGrant
from services.registration.operations.staff import log_in
from services.registration.operations.staff.accounts import edit_own
from services.registration.operations.staff.log_in import DEVICE_SECONDS, LogIns, Opened, Visitor
from services.registration.operations.staff.sessions import Sessions
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.sites import SiteAnswer
from services.registration.schemas.staff import (
    AcceptedAnswer,
    GrantAnswer,
    LogInBody,
    MeAnswer,
    MeEdit,
    PasswordBody,
    ResetBody,
    SessionAnswer,
    SessionsAnswer,
    SiteChoice,
)

KNOWN_COOKIE = "hesheng_known"
BROWSERS = ("Edg", "Firefox", "MicroMessenger", "Chrome", "Safari")
SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def visitor() -> Visitor:
    """From where this request comes."""
    return Visitor(request.remote_addr or "", _device(), request.cookies.get(KNOWN_COOKIE, ""))


def _device() -> str:
    """What somebody recognises a browser by; no more of what it tells is kept."""
    told = request.headers.get("User-Agent", "")
    found = [next((name for name in names if name in told), "?") for names in (BROWSERS, SYSTEMS)]
    return " · ".join(found)


def cookie_settings() -> dict[str, Any]:
    """How our cookies are set. Only TLS carries them, but for a system tried on one's own machine."""
    secure = request.is_secure or request.host.rsplit(":", 1)[0] not in LOOPBACK
    return {"secure": secure, "httponly": True, "samesite": "Lax", "path": request.root_path or "/"}


def let_in(response: Response, opened: Opened) -> Response:
    """Give the browser its session, and by what it is known next time."""
    response.set_cookie(STAFF_COOKIE, opened.cookie, **cookie_settings() | {"path": "/"})  # for the other services too
    response.set_cookie(KNOWN_COOKIE, opened.known, max_age=DEVICE_SECONDS, **cookie_settings())
    return response


def let_out(response: Response) -> Response:
    """Take the session's cookie back."""
    response.delete_cookie(STAFF_COOKIE, path="/")
    return response


def check_from_here() -> None:
    """Raise 403 when another site's page sends this: it would log its visitor in as somebody else."""
    if from_elsewhere():
        raise Problem(FORBIDDEN, Words("请从本站的登录页登录。", "Log in on our own page."))


def me_blueprint(database: Database, data: PersonalData, log_ins: LogIns, sessions: Sessions) -> APIBlueprint:
    """The routes of one's own account."""
    blueprint = APIBlueprint("me", __name__, tag="Own account", url_prefix="/v1/staff")
    _add_log_in(blueprint, database, data, log_ins, sessions)
    _add_account(blueprint, database, data, log_ins)
    _add_sessions(blueprint, database)
    _add_sites(blueprint, database, data)
    return blueprint


def _add_log_in(
    blueprint: APIBlueprint, database: Database, data: PersonalData, log_ins: LogIns, sessions: Sessions
) -> None:
    @blueprint.post("/log-in")
    @allow(Caller.ANYONE)
    @blueprint.input(LogInBody, arg_name="body")
    @blueprint.output(MeAnswer)
    def log_in_here(body: LogInBody) -> Response:
        """Log in: the answer sets a cookie. Send its `csrf_token` as X-CSRF-Token with whatever changes something."""
        check_from_here()
        opened = log_ins.log_in(body.email, body.password, visitor(), replaced=g.principal.session)
        now = sessions.principal({STAFF_COOKIE: opened.cookie})
        if now is None:  # disabled in this very moment
            raise Problem(UNAUTHENTICATED, log_in.WRONG)
        return let_in(answered(describe_me(database, data, now)), opened)

    @blueprint.post("/password-reset")
    @allow(Caller.ANYONE)
    @blueprint.input(ResetBody, arg_name="body")
    @blueprint.output(AcceptedAnswer, status_code=202)
    def reset_password(body: ResetBody) -> Response:
        """Ask for a mail with a link to set a new password. The answer is the same whether or not there is one."""
        check_from_here()
        log_ins.ask_for_reset(body.email, request.remote_addr or "")
        return answered(AcceptedAnswer(), 202)


def _add_account(blueprint: APIBlueprint, database: Database, data: PersonalData, log_ins: LogIns) -> None:
    @blueprint.get("/me")
    @allow(Caller.STAFF)
    @blueprint.output(MeAnswer)
    def show_me() -> Response:
        """Who is logged in, and where they work."""
        return answered(describe_me(database, data, g.principal))

    @blueprint.patch("/me")
    @allow(Caller.STAFF)
    @blueprint.input(MeEdit, arg_name="body")
    @blueprint.output(MeAnswer)
    def edit_me(body: MeEdit) -> Response:
        """Change one's own name or language."""
        with database.transaction(EVERY_SITE) as session:
            edit_own(session, data, me(), body)
        return answered(describe_me(database, data, g.principal))

    @blueprint.post("/me/password")
    @allow(Caller.STAFF)
    @blueprint.input(PasswordBody, arg_name="body")
    @blueprint.output(AcceptedAnswer)
    def change_password(body: PasswordBody) -> Response:
        """Change one's password. All other sessions end, and this one gets a new cookie."""
        opened = log_ins.change_password(me(), body.present, body.password, visitor())
        return let_in(answered(AcceptedAnswer()), opened)


def _add_sessions(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/me/sessions")
    @allow(Caller.STAFF)
    @blueprint.output(SessionsAnswer)
    def list_sessions() -> Response:
        """Where one is logged in."""
        with database.transaction(EVERY_SITE) as session:
            return answered(SessionsAnswer(items=describe_sessions(log_in.own_sessions(session, me()))))

    @blueprint.delete("/me/sessions/<uuid:session_id>")
    @allow(Caller.STAFF)
    @blueprint.output({}, status_code=204)
    def end_session(session_id: UUID) -> tuple[str, int]:
        """Log one of one's browsers out."""
        with database.transaction(EVERY_SITE) as session:
            log_in.end_session(session, me(), session_id)
        return "", 204

    @blueprint.post("/me/log-out")
    @allow(Caller.STAFF)
    @blueprint.output(AcceptedAnswer)
    def log_out() -> Response:
        """Log out here."""
        with database.transaction(EVERY_SITE) as session:
            log_in.end_sessions(session, me(), g.principal.session)
        return let_out(answered(AcceptedAnswer()))

    @blueprint.post("/me/log-out-everywhere")
    @allow(Caller.STAFF)
    @blueprint.output(AcceptedAnswer)
    def log_out_everywhere() -> Response:
        """Log out of every browser."""
        with database.transaction(EVERY_SITE) as session:
            log_in.end_sessions(session, me())
        return let_out(answered(AcceptedAnswer()))


def _add_sites(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/me/sites")
    @allow(Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(SiteAnswer))
    def list_own_sites(query: ListQuery) -> Response:
        """The sites where one may work."""
        with database.transaction(EVERY_SITE) as session:
            rows = select(Site).where(Site.id.in_(select(func.staff_sites(me()))))
            return page(
                session, rows, Site.position, query, lambda found: [SiteAnswer.model_validate(s) for s in found]
            )

    @blueprint.post("/me/site")
    @allow(Caller.STAFF)
    @blueprint.input(SiteChoice, arg_name="body")
    @blueprint.output(AcceptedAnswer)
    def choose_site(body: SiteChoice) -> Response:
        """Choose the site to work at, in this session."""
        with database.transaction(EVERY_SITE) as session:
            log_in.choose_site(session, me(), g.principal.session, body.site_id)
        return answered(AcceptedAnswer())


def me() -> UUID:
    """The member of staff who calls."""
    return UUID(g.principal.name)


def describe_me(database: Database, data: PersonalData, principal: Principal) -> MeAnswer:
    """Who is logged in."""
    with database.transaction(EVERY_SITE) as session:
        staff = session.get_one(Staff, UUID(principal.name))
        rows = select(StaffGrant).where(StaffGrant.staff_id == staff.id).order_by(StaffGrant.granted_at)
        return MeAnswer(
            id=staff.id,
            name=data.shown(staff.name),
            email=data.readable(staff.email) or "",
            language=staff.language,
            site_id=principal.site_id,
            role=principal.role,
            grants=[GrantAnswer.model_validate(grant) for grant in session.scalars(rows)],
            csrf_token=csrf_token(principal),
        )


def describe_sessions(found: list[Any]) -> list[SessionAnswer]:
    """Sessions, of which one is this one."""
    digest = key_hash(g.principal.session)
    return [SessionAnswer.model_validate({**vars(row), "is_this": row.sha256 == digest}) for row in found]
