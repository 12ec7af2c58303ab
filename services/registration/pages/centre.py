"""Staff's pages of the centre itself: its settings, its logo."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Words, invalid
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, render, typed_version
from services.common.schemas import Text
from services.registration.api.sites import may_name_site
from services.registration.models import Area, Room, Site, SiteLogo
from services.registration.operations.activities.concerned import concerned, whom_ages_strand
from services.registration.operations.bookings.stranded import stranded
from services.registration.operations.sites import sites
from services.registration.operations.sites.areas import area_path
from services.registration.operations.sites.logos import LARGEST_LOGO, set_logo
from services.registration.pages.organisations import add_organisations
from services.registration.pages.plaques import add_plaques
from services.registration.personal_data import PersonalData
from services.registration.schemas.site_settings import WEEKDAYS, SettingsEdit
from services.registration.schemas.sites import SiteEdit, TimeZone

OWN = ("address", "time_zone")
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


class CentreEdit(SettingsEdit):
    """The page's form: the settings, and what of the site itself its own staff may change."""

    address: Text = ""
    time_zone: TimeZone


def centre_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of the centre."""
    blueprint = page_blueprint("centre_pages", __name__, url_prefix="/staff/centre")
    in_menu("centre_pages.show_settings", "站点设置", "Settings", 17)
    in_menu("centre_pages.list_designations", "牌匾", "Plaques", 18)
    in_menu("centre_pages.list_organisations", "单位", "Organisations", 19)
    _add_settings(blueprint, database, data)
    _add_logo(blueprint, database)
    add_plaques(blueprint, database)
    add_organisations(blueprint, database)
    return blueprint


IN_TEXT = {"team_minutes_per_week": "team_hours"}


def _add_settings(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/settings")
    @allow(Caller.STAFF)
    def show_settings() -> Answer:
        """The form of the settings."""
        with database.transaction(g.principal.scope) as session:
            site = sites.find_site(session, own_site())
            return _settings_page(session, site, Form(_written(site)))

    @blueprint.post("/settings")
    @allow(Caller.STAFF)
    def save_settings() -> Answer:
        """Change the settings."""
        form: Form[CentreEdit] = Form(request.form)
        with form.catching(), database.transaction(g.principal.scope) as session:
            form.read(CentreEdit, _read(request.form))
            _at_fields(form)
            site = sites.lock_site(session, own_site())
            left = stranded(session, site, form.body)
            mark = ",".join(sorted(str(one.id) for one in left))
            if left and request.form.get("seen") != mark:
                rooms = {room.id: room for room in session.scalars(select(Room).where(Room.site_id == site.id))}
                return _settings_page(session, site, form, left=left, mark=mark, rooms=rooms)
            whom = concerned(session, data, whom_ages_strand(session, data, site, form.body))
            if whom:
                return _settings_page(session, site, form, whom=whom), 422
            _save(session, data, site.id, form)
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                return _settings_page(session, sites.find_site(session, own_site()), form), 422
        return done(url_for("centre_pages.show_settings"), "设置已保存。", "The settings were saved.")


def _at_fields(form: Form[Any]) -> None:
    """Hours, days and minutes are text on the page, in one field for each: there stands what the models find."""
    for name in list(form.errors):
        whole, _, part = name.partition(".")
        one = part.partition(".")[0] if whole == "opening_hours" else IN_TEXT.get(whole, whole)
        form.errors.setdefault(one, form.errors.pop(name))


def _save(session: Session, data: PersonalData, site_id: UUID, form: Form[CentreEdit]) -> None:
    own = SiteEdit(**form.body.model_dump(include=set(OWN)))
    settings = SettingsEdit(**form.body.model_dump(exclude=set(OWN), exclude_unset=True))
    sites.edit_site(session, site_id, own, typed_version())
    sites.edit_settings(session, data, site_id, settings, None)


def _settings_page(session: Session, site: Site, form: Form[Any], **more: Any) -> str:
    path = area_path(session, session.get_one(Area, site.area))
    context = {"site": site, "path": path, "zone": site.time_zone, "weekdays": WEEKDAYS}
    context["may_name"] = may_name_site(g.principal)
    return render("centre/settings.html", form=form, **context, **more)


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


def _written(site: Site) -> dict[str, Any]:
    """The settings as the form shows them: hours as `08:00-12:00 14:00-21:00`, exceptions a line each."""
    values: dict[str, Any] = {name: getattr(site, name) for name in OWN + PLAIN} | {"version": site.version}
    for day in WEEKDAYS:
        values[day] = " ".join("-".join(pair) for pair in site.opening_hours.get(day, []))
    limit = site.team_minutes_per_week
    return values | {
        "exceptions": "\n".join(_line(one) for one in site.exceptions),
        "team_hours": f"{limit / 60:g}" if limit else "",
    }


def _line(one: dict[str, Any]) -> str:
    notes = one["note_zh"] + (f" | {one['note_en']}" if one["note_en"] else "")
    return " ".join(part for part in (one["date"], *("-".join(pair) for pair in one["hours"]), notes.strip()) if part)


def _read(typed: Any) -> dict[str, Any]:
    values: dict[str, Any] = {name: typed.get(name, "").strip() for name in OWN + PLAIN}
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
    pairs = [part.split("-") for part in written.replace("–", "-").replace("：", ":").split()]
    if any(len(pair) != 2 for pair in pairs):
        words = Words("应如 08:00-12:00 14:00-21:00。", "must look like 08:00-12:00 14:00-21:00.")
        raise invalid(field, words)
    return pairs


def _exception(line: str) -> dict[str, Any]:
    """A day, its hours, and notes in Chinese and after a bar in English: `2026-10-08 09:00-12:00 半天 | half a day`."""
    line, _, note_en = line.replace("｜", "|").partition("|")
    day, *rest = line.split() or [""]
    hours = [part for part in rest if part[:1].isdigit() and "-" in part.replace("–", "-")]
    note_zh = " ".join(part for part in rest if part not in hours)
    pairs = _pairs(" ".join(hours), "exceptions")
    return {"date": day, "hours": pairs, "note_zh": note_zh, "note_en": note_en.strip()}
