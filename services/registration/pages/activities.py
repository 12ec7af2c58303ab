"""Staff's pages of activities: the list, one form for a new one with its shifts, what follows from each step."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import Select, exists, false, func, or_, select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import EVERY_SITE, Database
from services.common.errors import not_found
from services.common.events import ReminderRule
from services.common.pages import (
    Answer,
    Form,
    asked_position,
    done,
    in_menu,
    page_blueprint,
    read_form,
    render,
    typed_version,
)
from services.registration.models import Activity, Room, Shift, Site, Team, Venue
from services.registration.operations.activities import activities
from services.registration.operations.activities.concerned import Concerned, concerned, without_guardian
from services.registration.operations.bookings.of_shifts import without_room
from services.registration.operations.programmes.changes import offers_at
from services.registration.operations.seats import venues
from services.registration.operations.sites import organisations
from services.registration.operations.staff.accounts import name_of
from services.registration.pages.activity_forms import (
    KINDS,
    MORE,
    REMINDERS,
    REPEATS,
    ROLE_ROWS,
    STATUSES,
    WHEN_LISTS,
    ChangedActivity,
    NewActivity,
    activity_fields,
    activity_values,
    category_choices,
    named,
    translated,
)
from services.registration.pages.activity_organisations import add_parts_page
from services.registration.pages.public import ROLES as PART_ROLES
from services.registration.pages.reminder_forms import in_words, rule_choices
from services.registration.pages.requirement_forms import LISTS, asked, lacking_words, trainings_known
from services.registration.pages.shifts import add_shift_pages, add_when, clash_mark
from services.registration.personal_data import PersonalData
from services.registration.schemas.activities import MOST_RULES

LISTED = 50
FOR_TEMPLATES = {
    "translated": translated,
    "named": named,
    "category_choices": category_choices,
    "clash_mark": clash_mark,
    "requirement_lists": LISTS,
    "asked": asked,
    "lacking_words": lacking_words,
}


def activities_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of activities and shifts."""
    blueprint = page_blueprint("activities_pages", __name__, url_prefix="/staff/activities")
    in_menu("activities_pages.list_activities", "活动", "Activities", 2)
    _add_list(blueprint, database)
    _add_new(blueprint, database)
    _add_one(blueprint, database, data)
    _add_steps(blueprint, database, data)
    blueprint.app_context_processor(lambda: FOR_TEMPLATES)
    add_shift_pages(blueprint, database, data)
    add_parts_page(blueprint, database)
    return blueprint


def _add_list(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("")
    @allow(Caller.STAFF)
    def list_activities() -> Answer:
        """The site's activities: of a week, or all, whatever comes next first and what is over last."""
        status, week = request.args.get("status", ""), _week(request.args.get("week", ""))
        with database.transaction(g.principal.scope) as session:
            after = asked_position("after")
            rows = _listed(session, own_site(), status, week, after)
            zone = session.get_one(Site, own_site()).time_zone
            return render(
                "activities/list.html",
                rows=rows[:LISTED],
                more=after + LISTED if len(rows) > LISTED else None,
                zone=zone,
                statuses=STATUSES,
                status=status,
                week=week,
                around=[week + timedelta(days=days) for days in (-7, 7)] if week else [],
                this_week=_monday(datetime.now(ZoneInfo(zone)).date()),
            )


def _listed(session: Session, site_id: UUID, status: str, week: date | None, after: int) -> Any:
    # What was called off has no open shifts, and is still looked for by its week.
    of_it = (Shift.activity_id == Activity.id, *([] if status == "cancelled" else [Shift.status == "open"]))
    in_week = (Shift.local_day.between(week, week + timedelta(days=6)),) if week else ()
    summed = (
        select(
            func.count().label("shifts"),
            func.min(Shift.starts_at).label("first"),
            func.min(Shift.starts_at).filter(Shift.ends_at > func.now()).label("next"),
            func.max(Shift.starts_at).label("last"),
            func.coalesce(func.sum(Shift.confirmed), 0).label("confirmed"),
            func.coalesce(func.sum(Shift.capacity), 0).label("capacity"),
            func.coalesce(func.sum(Shift.waitlisted), 0).label("waitlisted"),
        )
        .where(*of_it, *in_week)
        .lateral()
    )
    query = select(Activity, summed).join(summed, summed.c.shifts >= (1 if week else 0))
    query = query.where(Activity.site_id == site_id)
    if status in STATUSES:
        query = query.where(Activity.status == status)
    by_date = [summed.c.first] if week else [summed.c.next.nulls_last(), summed.c.last.desc().nulls_first()]
    return session.execute(query.order_by(*by_date, Activity.number.desc()).offset(after).limit(LISTED + 1)).all()


def _week(text: str) -> date | None:
    """The Monday of the week of a day."""
    try:
        day = date.fromisoformat(text)
        return _monday(day) if 2000 <= day.year < 2100 else None
    except ValueError:
        return None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _add_new(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_activity() -> Answer:
        """The form of a new activity with its first shifts."""
        with database.transaction(g.principal.scope) as session:
            return _form_page(session, Form())

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def create_activity() -> Answer:
        """Draft the activity with its shifts, or only show what the shifts would be."""
        preview = "preview" in request.form
        with database.transaction(g.principal.scope) as session:
            zone = ZoneInfo(session.get_one(Site, own_site()).time_zone)
            form = read_form(NewActivity, WHEN_LISTS, ("preview", "seen"), **activity_fields(zone))
            seen, activity = None, None
            with form.catching(), session.begin_nested() as attempt:
                activity = activities.create_activity(session, own_site(), form.body.activity())
                if form.body.venue_id:
                    venues.place_activity(session, activity.id, form.body.venue_id, None)
                seen = add_when(session, activity.id, form.body.when, zone, preview)
                if seen:
                    attempt.rollback()
            if form.failed or seen or activity is None:
                page = _form_page(session, form, seen)
                return (page, 422) if form.failed else page
            address = url_for("activities_pages.show_activity", activity_id=activity.id)
        return done(address, "草稿已保存。核对后请发布。", "The draft was saved. Look at it, then publish it.")


def _form_page(
    session: Session, form: Form[Any], seen: Any = None, activity: Activity | None = None, whom: Any = ()
) -> str:
    site = session.get_one(Site, own_site())
    return render(
        "activities/form.html",
        form=form,
        seen=seen,
        activity=activity,
        whom=whom,
        zone=site.time_zone,
        kinds=KINDS,
        repeats=REPEATS,
        role_rows=range(ROLE_ROWS),
        rooms=session.scalars(_rooms(site.id, activity)).all(),
        venues=session.scalars(select(Venue).where(Venue.site_id == site.id).order_by(Venue.position)).all(),
        reminders=REMINDERS,
        rule_rows=range(MOST_RULES),
        rule_words=rule_choices(),
        more_fields=MORE,
        trainings=trainings_known(session, site.id),
        teams=session.scalars(_teams(site.id, activity)).all(),
    )


def _rooms(site_id: UUID, activity: Activity | None) -> Select[Room]:
    """The rooms that an activity can be in: those in use, and its own."""
    own = Room.id == activity.room_id if activity else false()
    return select(Room).where(Room.site_id == site_id, or_(~Room.retired, own)).order_by(Room.position)


def _teams(site_id: UUID, activity: Activity | None) -> Select[Team]:
    """The teams that can have an activity: those that go on, and its own."""
    own = Team.id == activity.team_id if activity else false()
    return select(Team).where(Team.site_id == site_id, or_(Team.ended_at.is_(None), own)).order_by(Team.position)


def _add_one(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/<uuid:activity_id>")
    @allow(Caller.STAFF)
    def show_activity(activity_id: UUID) -> Answer:
        """An activity with its shifts and what can be done with it."""
        with database.transaction(g.principal.scope) as session:
            activity = find(session, activity_id)
            found = session.scalars(
                select(Shift).where(Shift.activity_id == activity_id).order_by(Shift.starts_at, Shift.position)
            ).all()
            context = {
                "activity": activity,
                "shifts": found,
                "zone": session.get_one(Site, activity.site_id).time_zone,
                "room": session.get(Room, activity.room_id) if activity.room_id else None,
                "team": session.get(Team, activity.team_id) if activity.team_id else None,
                "venue": session.get(Venue, activity.venue_id) if activity.venue_id else None,
                "parts": organisations.describe_parts(session, activity).organisations,
            }
        rules = [ReminderRule(minutes_before=minutes) for minutes in activity.reminder_minutes]
        rules += [ReminderRule.model_validate(rule) for rule in activity.reminder_rules]
        context["rules"] = [in_words(rule) for rule in rules]
        words = {"kinds": KINDS, "statuses": STATUSES, "part_roles": PART_ROLES}
        return render("activities/one.html", offers=_offers_of(database, activity), **context, **words)

    @blueprint.get("/<uuid:activity_id>/edit")
    @allow(Caller.STAFF)
    def show_edit(activity_id: UUID) -> Answer:
        """The form of an activity that is there."""
        with database.transaction(g.principal.scope) as session:
            activity = find(session, activity_id)
            zone = ZoneInfo(session.get_one(Site, activity.site_id).time_zone)
            return _form_page(session, Form(activity_values(activity, zone)), activity=activity)

    @blueprint.post("/<uuid:activity_id>/edit")
    @allow(Caller.STAFF)
    def edit_activity(activity_id: UUID) -> Answer:
        """Change an activity."""
        with database.transaction(g.principal.scope) as session:
            activity = find(session, activity_id)
            zone = ZoneInfo(session.get_one(Site, activity.site_id).time_zone)
            form = read_form(ChangedActivity, left_out=("version",), **activity_fields(zone, clearing=True))
            with form.catching():
                whom = _left_without_guardian(session, data, activity, form.body)
                if whom:
                    return _form_page(session, form, activity=activity, whom=whom), 422
                with session.begin_nested():
                    activities.edit_activity(session, activity_id, form.body.activity(), typed_version())
                    if form.body.venue_id != activity.venue_id:
                        venues.place_activity(session, activity_id, form.body.venue_id, None)
            if form.failed:
                return _form_page(session, form, activity=activity), 422
        return done(url_for("activities_pages.show_activity", activity_id=activity_id), "已保存。", "Saved.")


def _left_without_guardian(
    session: Session, data: PersonalData, activity: Activity, body: ChangedActivity
) -> list[Concerned]:
    """Whom volunteering would leave without the consent that it needs, by name."""
    if activity.volunteering or not body.model_dump(exclude_unset=True).get("volunteering"):
        return []
    return concerned(session, data, without_guardian(session, activity))


def _offers_of(database: Database, activity: Activity) -> int:
    """How many changes its programme offers of this activity. The programme may be kept elsewhere."""
    if activity.programme_id is None:
        return 0
    with database.transaction(EVERY_SITE) as session:
        offers = offers_at(session, activity.site_id).get(activity.programme_id, [])
    return sum(one.activity_key == activity.programme_key for one in offers)


def find(session: Session, activity_id: UUID) -> Activity:
    """The activity, at the site where the reader works. Raises 404."""
    activity = session.get(Activity, activity_id)
    if activity is None or activity.site_id != own_site():
        raise not_found("这个活动", "activity")
    return activity


def _add_steps(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/<uuid:activity_id>/<step>")
    @allow(Caller.STAFF)
    def show_step(activity_id: UUID, step: str) -> Answer:
        """What follows from publishing, calling off or completing, before it is done."""
        with database.transaction(g.principal.scope) as session:
            return _step_page(session, activity_id, step, Form())

    @blueprint.post("/<uuid:activity_id>/<step>")
    @allow(Caller.STAFF)
    def do_step(activity_id: UUID, step: str) -> Answer:
        """Publish, call off or complete."""
        act, zh, en = _step(step)
        if step == "publish":
            act = partial(activities.publish_activity, by=name_of(database, data, g.principal))
        form: Form[Any] = Form()
        with database.transaction(g.principal.scope) as session:
            find(session, activity_id)
            with form.catching(), session.begin_nested():
                act(session, activity_id)
            if form.failed:
                return _step_page(session, activity_id, step, form), 422
        return done(url_for("activities_pages.show_activity", activity_id=activity_id), zh, en)


STEPS: dict[str, tuple[Callable[[Session, UUID], Activity], str, str]] = {
    "publish": (activities.publish_activity, "活动已发布。", "The activity is published."),
    "cancel": (activities.cancel_activity, "活动已取消。", "The activity was called off."),
    "complete": (activities.complete_activity, "活动已结项。", "The activity is completed."),
}


def _step(name: str) -> tuple[Callable[[Session, UUID], Activity], str, str]:
    if name not in STEPS:
        raise not_found("这个页面", "page")
    return STEPS[name]


def _step_page(session: Session, activity_id: UUID, step: str, form: Form[Any]) -> str:
    _step(step)
    activity = find(session, activity_id)
    audience = activities.audience(session, activity_id)
    has_shifts = session.scalar(select(exists().where(Shift.activity_id == activity_id, Shift.status == "open")))
    return render(
        "activities/step.html",
        activity=activity,
        step=step,
        audience=audience,
        form=form,
        has_shifts=has_shifts,
        roomless=_roomless(session, activity) if step == "publish" else [],
        zone=session.get_one(Site, activity.site_id).time_zone,
    )


def _roomless(session: Session, activity: Activity) -> list[tuple[Shift, str, str]]:
    shifts = select(Shift).where(Shift.activity_id == activity.id).order_by(Shift.starts_at, Shift.position)
    return without_room(session, activity, session.scalars(shifts))
