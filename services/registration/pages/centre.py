"""Staff's pages of the centre itself: its settings, its plaques, the organisations that it works with."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.errors import Words, invalid
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.registration.api.conventions import own_site
from services.registration.models import Designation, Organisation, Room, Site, SiteLogo, Team
from services.registration.operations import designations, organisations, sites
from services.registration.operations.bookings.stranded import stranded
from services.registration.operations.concerned import concerned, whom_ages_strand
from services.registration.operations.logos import LARGEST_LOGO, set_logo
from services.registration.personal_data import PersonalData
from services.registration.schemas.organisations import DesignationBody, OrganisationBody, RevokeBody
from services.registration.schemas.site_settings import WEEKDAYS, SettingsEdit

PLAIN = (
    "short_name_zh",
    "short_name_en",
    "colour",
    "public_phone",
    "public_email",
    "language",
    "quiet_from",
    "quiet_until",
    "minimum_age",
    "guardian_below",
    "booking_horizon_days",
)

LOGO_SAVED = ("标志已保存。", "The logo was saved.")
LOGO_GONE = ("标志已去掉。", "The logo was taken away.")


def centre_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of the centre."""
    blueprint = page_blueprint("centre_pages", __name__, url_prefix="/staff/centre")
    in_menu("centre_pages.show_settings", "站点设置", "Settings", 17)
    in_menu("centre_pages.list_designations", "牌匾", "Plaques", 18)
    in_menu("centre_pages.list_organisations", "单位", "Organisations", 19)
    _add_settings(blueprint, database, data)
    _add_logo(blueprint, database)
    _add_designations(blueprint, database)
    _add_organisations(blueprint, database)
    return blueprint


def _add_settings(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/settings")
    @allow(Caller.STAFF)
    def show_settings() -> Answer:
        """The form of the settings."""
        with database.transaction(g.principal.scope) as session:
            site = sites.find_site(session, own_site())
            return render("centre/settings.html", form=Form(_written(site)), weekdays=WEEKDAYS)

    @blueprint.post("/settings")
    @allow(Caller.STAFF)
    def save_settings() -> Answer:
        """Change the settings."""
        form: Form[SettingsEdit] = Form(request.form)
        with form.catching(), database.transaction(g.principal.scope) as session:
            form.read(SettingsEdit, _read(request.form))
            site = sites.lock_site(session, own_site())
            left = stranded(session, site, form.body)
            mark = ",".join(sorted(str(one.id) for one in left))
            if left and request.form.get("seen") != mark:
                rooms = {room.id: room for room in session.scalars(select(Room).where(Room.site_id == site.id))}
                told = {"left": left, "mark": mark, "rooms": rooms, "zone": site.time_zone}
                return render("centre/settings.html", form=form, weekdays=WEEKDAYS, **told)
            whom = concerned(session, data, whom_ages_strand(session, data, site, form.body))
            if whom:
                return render("centre/settings.html", form=form, weekdays=WEEKDAYS, whom=whom, zone=site.time_zone), 422
            sites.edit_settings(session, data, site.id, form.body, _version(request.form.get("version", "")))
        if form.failed:
            return render("centre/settings.html", form=form, weekdays=WEEKDAYS), 422
        return done(url_for("centre_pages.show_settings"), "设置已保存。", "The settings were saved.")


def _add_logo(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/logo")
    @allow(Caller.STAFF)
    def save_logo() -> Answer:
        """Give the site a logo, or take it away."""
        form: Form[Any] = Form()
        file = request.files.get("logo")
        raw = file.stream.read(LARGEST_LOGO + 1) if file else b""
        away = request.form.get("step") == "away"
        if not raw and not away:
            form.errors["logo"] = Words("请选择图片文件。", "Choose a picture.")
        with form.catching(), database.transaction(g.principal.scope) as session:
            if not form.failed:
                set_logo(session, own_site(), b"" if away else raw)
        if form.failed:
            return show_logo_form(form), 422
        return done(url_for("centre_pages.show_logo"), *(LOGO_GONE if away else LOGO_SAVED))

    @blueprint.get("/logo")
    @allow(Caller.STAFF)
    def show_logo() -> Answer:
        """The logo, and how to give another."""
        return show_logo_form(Form())

    def show_logo_form(form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            site = sites.find_site(session, own_site())
            return render("centre/logo.html", form=form, site=site, logo=session.get(SiteLogo, site.id))


def _version(written: str) -> set[int] | None:
    return {int(written)} if written.isascii() and written.isdigit() and len(written) < 10 else None


def _written(site: Site) -> dict[str, Any]:
    """The settings as the form shows them: hours as `08:00-12:00 14:00-21:00`, exceptions a line each."""
    values: dict[str, Any] = {name: getattr(site, name) for name in PLAIN} | {"version": site.version}
    for day in WEEKDAYS:
        values[day] = " ".join("-".join(pair) for pair in site.opening_hours.get(day, []))
    lines = [
        f"{one['date']} {' '.join('-'.join(pair) for pair in one['hours'])} {one['note_zh']}".replace("  ", " ")
        for one in site.exceptions
    ]
    limit = site.team_minutes_per_week
    return values | {"exceptions": "\n".join(lines), "team_hours": f"{limit / 60:g}" if limit else ""}


def _read(typed: Any) -> dict[str, Any]:
    values: dict[str, Any] = {name: typed.get(name, "").strip() for name in PLAIN}
    values["booking_horizon_days"] = values["booking_horizon_days"] or None
    days = {day: _pairs(typed.get(day, ""), day) for day in WEEKDAYS}
    values["opening_hours"] = {day: pairs for day, pairs in days.items() if pairs}
    values["exceptions"] = [_exception(line) for line in typed.get("exceptions", "").splitlines() if line.strip()]
    try:
        hours = float(typed.get("team_hours") or 0)
        values["team_minutes_per_week"] = round(hours * 60) or None
    except (ValueError, OverflowError):
        raise invalid("team_hours", Words("应为数字。", "must be a number.")) from None
    return values


def _pairs(written: str, field: str) -> list[list[str]]:
    pairs = [part.split("-") for part in written.replace("–", "-").replace(":", ":").split()]
    if any(len(pair) != 2 for pair in pairs):
        words = Words("应如 08:00-12:00 14:00-21:00。", "must look like 08:00-12:00 14:00-21:00.")
        raise invalid(field, words)
    return pairs


def _exception(line: str) -> dict[str, Any]:
    day, *rest = line.split()
    hours = [part for part in rest if part[:1].isdigit() and "-" in part.replace("–", "-")]
    note = " ".join(part for part in rest if part not in hours)
    return {"date": day, "hours": _pairs(" ".join(hours), "exceptions"), "note_zh": note}


def _add_designations(blueprint: APIBlueprint, database: Database) -> None:
    def show(form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            site = sites.find_site(session, own_site())
            today = sites.local_today(session, site)
            query = select(Designation).where(Designation.site_id == site.id).order_by(Designation.position).limit(500)
            found = [designations.describe_designation(row, today) for row in session.scalars(query)]
            teams = {team.id: team for team in session.scalars(select(Team).where(Team.site_id == site.id).limit(500))}
            return render("centre/designations.html", form=form, found=found, teams=teams)

    @blueprint.get("/designations")
    @allow(Caller.STAFF)
    def list_designations() -> Answer:
        """The plaques of the site and its teams."""
        return show(Form())

    @blueprint.post("/designations")
    @allow(Caller.STAFF)
    def add_designation() -> Answer:
        """Note a plaque."""
        form = read_form(DesignationBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            designations.create_designation(session, own_site(), form.body)
        if form.failed:
            return show(form), 422
        return done(url_for("centre_pages.list_designations"), "已登记。", "It was noted.")

    @blueprint.get("/designations/<uuid:designation_id>/revoke")
    @allow(Caller.STAFF)
    def show_revoke(designation_id: UUID) -> Answer:
        """Whether a plaque shall be taken away, and why."""
        with database.transaction(g.principal.scope) as session:
            row = designations.find_designation(session, designation_id)
            return render("centre/revoke.html", form=Form(), row=row)

    @blueprint.post("/designations/<uuid:designation_id>/revoke")
    @allow(Caller.STAFF)
    def revoke(designation_id: UUID) -> Answer:
        """Take a plaque away."""
        form = read_form(RevokeBody)
        with database.transaction(g.principal.scope) as session:
            row = designations.find_designation(session, designation_id)
        with form.catching(), database.transaction(g.principal.scope) as session:
            designations.revoke_designation(session, designation_id, form.body)
        if form.failed:
            return render("centre/revoke.html", form=form, row=row), 422
        return done(url_for("centre_pages.list_designations"), "已撤销。", "It was revoked.")


def _add_organisations(blueprint: APIBlueprint, database: Database) -> None:
    def show(form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            return render("centre/organisations.html", form=form, found=_known(session), q=request.args.get("q", ""))

    @blueprint.get("/organisations")
    @allow(Caller.STAFF)
    def list_organisations() -> Answer:
        """The organisations that everybody knows, and the site's own."""
        return show(Form())

    @blueprint.post("/organisations")
    @allow(Caller.STAFF)
    def add_organisation() -> Answer:
        """Add one of the site's own."""
        form = read_form(OrganisationBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            organisations.create_organisation(session, own_site(), form.body)
        if form.failed:
            return show(form), 422
        return done(url_for("centre_pages.list_organisations"), "单位已添加。", "The organisation was added.")


def _known(session: Session) -> list[Organisation]:
    wanted = request.args.get("q", "").strip()[:100]
    query = select(Organisation).order_by(Organisation.position.desc()).limit(100)
    if wanted:
        query = query.where(
            Organisation.name_zh.icontains(wanted, autoescape=True)
            | Organisation.name_en.icontains(wanted, autoescape=True)
        )
    return list(session.scalars(query))
