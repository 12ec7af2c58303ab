"""What everybody may see: sites, their calendars, activities."""

from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.errors import speak_usually
from services.common.pages import page_blueprint, render, way_on
from services.registration.api.residents import resident
from services.registration.models import Site, SiteLogo
from services.registration.operations.seats.ages import guardian_below
from services.registration.operations.sites.calendar import public_calendar
from services.registration.operations.sites.public import (
    find_site,
    find_sites,
    open_activity,
    organisers,
    plaques,
    site_of_activity,
)
from services.registration.operations.teams.leaders import led_at
from services.registration.operations.teams.own_teams import Membership
from services.registration.pages.activity_forms import KINDS
from services.registration.pages.resident import RESIDENT_NAV
from services.registration.schemas.calendar import CalendarActivity, CalendarShift

WEEK, MONTH = timedelta(days=7), timedelta(days=31)
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 1, 1)

ROLES = {
    "guiding_unit": ("指导单位", "Guiding unit"),
    "host": ("主办", "Host"),
    "organiser": ("承办", "Organiser"),
    "co_organiser": ("协办", "Co-organiser"),
    "partner": ("协同", "Partner"),
}
WEEKDAYS = {
    "mon": ("周一", "Mon"),
    "tue": ("周二", "Tue"),
    "wed": ("周三", "Wed"),
    "thu": ("周四", "Thu"),
    "fri": ("周五", "Fri"),
    "sat": ("周六", "Sat"),
    "sun": ("周日", "Sun"),
}
EXCEPTIONS_AHEAD = timedelta(days=30)


def public_pages(database: Database) -> APIBlueprint:
    """The pages that anybody may open."""
    blueprint = page_blueprint("public_pages", __name__)
    way_on("public_pages.start", "回首页找活动", "Find activities")
    way_on("my_pages.show_mine", "我的报名", "My registrations")

    @blueprint.app_context_processor
    def for_residents() -> dict[str, Any]:
        words = {"kinds": KINDS, "roles": ROLES, "weekdays": WEEKDAYS}
        return {"resident_nav": RESIDENT_NAV, "guardian_below": guardian_below, **words}

    @blueprint.get("/")
    @allow(Caller.ANYONE)
    def start() -> str:
        """Find a site by its name or its area."""
        words = request.args.get("q", "").strip()[:100]
        with database.transaction() as session:
            return render("public/start.html", found=find_sites(session, words), words=words)

    @blueprint.get("/sites/<uuid:site_id>")
    @allow(Caller.ANYONE)
    def show_site(site_id: UUID) -> str:
        """A site with what takes place there, by day: a week, or a month with `?view=month`."""
        with database.transaction(site_id) as session:
            context = site_context(session, site_id)
            site = context["site"]
            return render(
                "public/site.html",
                plaques=plaques(session, site),
                exceptions=exceptions_ahead(site),
                logo=session.scalar(select(SiteLogo.sha256).where(SiteLogo.site_id == site_id)),
                **context,
            )

    @blueprint.get("/activities/<uuid:activity_id>")
    @allow(Caller.ANYONE)
    def show_activity(activity_id: UUID) -> str:
        """An activity with its shifts."""
        with database.transaction(site_of_activity(database, activity_id)) as session:
            found, parts = open_activity(session, activity_id), organisers(session, activity_id)
            speak_usually(found.site.language)
            return render("public/activity.html", found=found, organisers=parts, led=_led(session, found.site))

    @blueprint.get("/sites/<uuid:site_id>/colour.css")
    @allow(Caller.ANYONE)
    def show_colour(site_id: UUID) -> Response:
        """The site's colour in its pages, also within other web pages: no page holds a style of its own."""
        with database.transaction(site_id) as session:
            colour = find_site(session, site_id).colour
        response = Response(COLOURED.format(colour) if colour else "", mimetype="text/css")
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    return blueprint


def _led(session: Session, site: Site) -> list[Membership]:
    """The teams of the site whose leader looks at the page, who may sign them up."""
    if g.principal.caller is not Caller.PERSON or g.principal.mailed_by:
        return []
    return led_at(session, resident(), site.id)


COLOURED = ":root {{ --accent: {0}; --ink: {0}; }}\n"
"""Buttons, and the top: a site's colour has a contrast of 4.5 with white (`schemas/site_settings`)."""


def site_context(session: Session, site_id: UUID) -> dict[str, Any]:
    """What a site's page shows: its calendar in the span that the query asks for."""
    site = find_site(session, site_id)
    speak_usually(site.language)
    view = "month" if request.args.get("view") == "month" else "week"
    span = MONTH if view == "month" else WEEK
    today = _today(site)
    first = _day(request.args.get("from", ""), today)
    last = first + span - timedelta(days=1)
    found = public_calendar(session, site_id, first, last)
    rows = [(activity, shift) for activity in found.activities for shift in activity.shifts]
    rows.sort(key=lambda row: (row[1].starts_at, str(row[1].id)))
    return {
        "site": site,
        "view": view,
        "days": [(day, list(of_day)) for day, of_day in groupby(rows, key=_local_day)],
        "first": first,
        "last": last,
        "is_now": first == today,
        "earlier": (first - span).isoformat(),
        "later": (first + span).isoformat(),
        "feed": url_for("calendar.show_calendar_feed", site_id=site_id, _external=True),
    }


def exceptions_ahead(site: Site) -> list[dict[str, Any]]:
    """Days of the next month with other hours than usual, soonest first."""
    first, last = _today(site), _today(site) + EXCEPTIONS_AHEAD
    days = [one | {"day": date.fromisoformat(one["date"])} for one in site.exceptions]
    return sorted((one for one in days if first <= one["day"] <= last), key=lambda one: one["day"])


def _local_day(row: tuple[CalendarActivity, CalendarShift]) -> date:
    return row[1].local_day


def _today(site: Site) -> date:
    return datetime.now(ZoneInfo(site.time_zone)).date()


def _day(written: str, otherwise: date) -> date:
    """The day that the query names; whatever is no day of this century is the other one."""
    try:
        found = date.fromisoformat(written)
    except ValueError:
        return otherwise
    return found if FIRST_DAY <= found <= LAST_DAY else otherwise
