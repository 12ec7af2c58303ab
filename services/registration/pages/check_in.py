"""The check-in desk, the code at the door, the leader's list; and what a resident's phone opens when it scans.

The desk's page is whole without scripts: each button posts a form. With `check-in.js` a tap is kept on the device
first and sent when there is a network (`POST /v1/shifts/{id}/attendance/batch`), and `check-in-worker.js` shows the
page again when there is none. What waits on a device is ids and times, no names; the page itself, with its names, is
kept for the desk until it is opened anew or somebody logs out there.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, g, make_response, request, send_from_directory, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import EVERY_SITE, Database
from services.common.errors import Words, invalid
from services.common.pages import STATIC, Answer, Form, done, in_menu, page_blueprint, render, typed_id
from services.registration.api.residents import resident
from services.registration.models import Activity, Shift, Site
from services.registration.operations.hours import attendance, door_code, later_entries, roll_call
from services.registration.operations.hours.check_in_list import attendees
from services.registration.operations.hours.qr import svg
from services.registration.operations.sites.sites import local_today
from services.registration.pages.hours import catching
from services.registration.pages.resident import resident_blueprint
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import AttendeeAnswer, LaterEntryBody, RollEntry

AROUND = timedelta(days=1)
"""How far the days lie from today whose shifts the desk lists at first."""
WEEK = timedelta(days=6)
TICKET_SECONDS = 300
"""So long after scanning may the button be pressed: the code itself is over within a minute."""

RECORD = {"in": attendance.check_in, "out": attendance.check_out, "no_show": attendance.record_no_show}


def check_in_pages(database: Database, data: PersonalData, public_url: str) -> APIBlueprint:
    """Staff's pages of attendance."""
    blueprint = page_blueprint("check_in_pages", __name__, url_prefix="/staff/check-in")
    _add_desk(blueprint, database, data)
    _add_roll(blueprint, database, data)
    _add_later(blueprint, database, data)
    codes = door_code.Codes(data)

    @blueprint.get("/<uuid:shift_id>/door")
    @allow(Caller.STAFF)
    def show_door(shift_id: UUID) -> Response:
        """The code for the screen at the door. The page loads itself again before the code is over."""
        with database.transaction(g.principal.scope) as session:
            context = _shift(session, shift_id)
        token, seconds = codes.now(shift_id)
        address = door_code.scan_address(public_url, shift_id, token)
        response = make_response(render("check_in/door.html", code=svg(address), **context))
        response.headers["Refresh"] = str(seconds)
        return response

    in_menu("check_in_pages.list_shifts", "签到", "Check-in", 3)
    return blueprint


def _add_desk(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("")
    @allow(Caller.STAFF)
    def list_shifts() -> str:
        """The shifts of about now, or of a week."""
        query = select(Shift, Activity).join(Activity, Activity.id == Shift.activity_id)
        with database.transaction(g.principal.scope) as session:
            site = session.get_one(Site, own_site())
            today = local_today(session, site)
            week = _monday(request.args.get("week", ""))
            first, last = (week, week + WEEK) if week else (today - AROUND, today + AROUND)
            found = session.execute(
                query.where(
                    Shift.site_id == site.id,
                    Shift.local_day.between(first, last),
                    Shift.status == "open",
                    Activity.status.in_(("published", "completed")),
                )
                .order_by(Shift.starts_at)
                .limit(300)
            ).all()
            monday = week or today - timedelta(days=today.weekday())
            around = (monday - timedelta(days=7), monday + timedelta(days=7))
            return render("check_in/list.html", shifts=found, site=site, week=week, around=around)

    def desk(shift_id: UUID, wanted: str) -> Answer:
        made = datetime.now(UTC)  # before the list is read: what is recorded meanwhile may not be in it
        with database.transaction(g.principal.scope) as session:
            people = attendees(session, data, shift_id)
            shown = [person for person in people if wanted.lower() in person.name.lower()]
            facts = {"made": made, **_shift(session, shift_id)}
            return render("check_in/desk.html", people=shown, total=len(people), q=wanted, **facts)

    @blueprint.get("/<uuid:shift_id>")
    @allow(Caller.STAFF)
    def show_desk(shift_id: UUID) -> Answer:
        """The list of a shift, with a button for each who comes or leaves."""
        return desk(shift_id, "")

    @blueprint.post("/<uuid:shift_id>/find")
    @allow(Caller.STAFF)
    def find_on_desk(shift_id: UUID) -> Answer:
        """Those of the list whose names hold these letters. Posted, because addresses of pages end up in logs."""
        return desk(shift_id, request.form.get("q", "").strip())

    @blueprint.post("/<uuid:shift_id>")
    @allow(Caller.STAFF)
    def record(shift_id: UUID) -> Answer:
        """Record one tap, for a browser without scripts."""
        what = request.form.get("what", "")
        form: Form[RollEntry] = Form()
        with form.catching(), database.transaction(g.principal.scope) as session:
            attendance.find_shift(session, shift_id)
            if what not in (*RECORD, "void"):
                raise invalid("what", Words("请用名单上的按钮。", "must be one of the buttons of the list."))
            if what == "void":
                attendance.undo(session, typed_id("registration_id"))
            else:
                RECORD[what](session, typed_id("registration_id"), None)
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                people = attendees(session, data, shift_id)
                context = {"made": datetime.now(UTC), "form": form, **_shift(session, shift_id)}
                return render("check_in/desk.html", people=people, total=len(people), q="", **context), 422
        return done(url_for("check_in_pages.show_desk", shift_id=shift_id), "已记录。", "Recorded.")

    @blueprint.get("/worker.js")
    @allow(Caller.STAFF)
    def worker() -> Response:
        """The script that shows the desk's page when there is no network. It must lie beside the pages."""
        response = send_from_directory(STATIC, "check-in-worker.js", max_age=0)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _add_roll(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/<uuid:shift_id>/roll")
    @allow(Caller.STAFF)
    def show_roll(shift_id: UUID) -> str:
        """The leader's list."""
        with database.transaction(g.principal.scope) as session:
            return _roll(session, shift_id, attendees(session, data, shift_id), Form())

    @blueprint.post("/<uuid:shift_id>/roll")
    @allow(Caller.STAFF)
    def call_roll(shift_id: UUID) -> Answer:
        """Record the whole list at once. Who was left open stays open."""
        form: Form[RollEntry] = Form(request.form)
        with database.transaction(g.principal.scope) as session:
            people = attendees(session, data, shift_id)
        with form.catching(), database.transaction(g.principal.scope) as session:
            said = [(person, request.form.get(f"outcome.{person.registration_id}", "")) for person in people]
            entries = [
                RollEntry(registration_id=person.registration_id, outcome=outcome)
                for person, outcome in said
                if outcome in ("present", "attended", "no_show")
            ]
            if entries:
                roll_call.call_roll(session, shift_id, entries)
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                return _roll(session, shift_id, people, form), 422
        return done(url_for("check_in_pages.show_desk", shift_id=shift_id), "点名已保存。", "The list was recorded.")


def _roll(session: Session, shift_id: UUID, people: list[AttendeeAnswer], form: Form[RollEntry]) -> str:
    return render("check_in/roll.html", people=people, form=form, **_shift(session, shift_id))


def _add_later(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/<uuid:shift_id>/later")
    @allow(Caller.STAFF)
    def show_later(shift_id: UUID) -> str:
        """Where is entered after the fact who came, and who did not."""
        return _later(shift_id, Form())

    @blueprint.post("/<uuid:shift_id>/later")
    @allow(Caller.STAFF)
    def enter_later(shift_id: UUID) -> Answer:
        """Enter it for many at once, for a second person to approve."""
        with database.transaction(g.principal.scope) as session:
            zone = _shift(session, shift_id)["zone"]
            people = [person.registration_id for person in attendees(session, data, shift_id)]
        times = {name: _local(request.form.get(name, ""), zone) for name in ("checked_in_at", "checked_out_at")}
        form: Form[LaterEntryBody] = Form(request.form)
        form.read(LaterEntryBody, {"reason": request.form.get("reason", "")} | times)
        said = {one: request.form.get(f"outcome.{one}", "") for one in people}
        came, missing = ([one for one in people if said[one] == word] for word in ("attended", "no_show"))
        with catching(form), database.transaction(g.principal.scope) as session:
            if not came and not missing:
                raise invalid("outcome", Words("请至少为一人选择。", "must be said of somebody."))
            later_entries.enter_all_later(session, came, missing, form.body)
        if form.failed:
            return _later(shift_id, form), 422
        address = url_for("hours_pages.show_work")
        return done(address, "已补录，等待另一人审核。", "Entered. A second person must approve it.")

    def _later(shift_id: UUID, form: Form[LaterEntryBody]) -> str:
        with database.transaction(g.principal.scope) as session:
            people = attendees(session, data, shift_id)
            context = _shift(session, shift_id)
            zone, shift = ZoneInfo(context["zone"]), context["shift"]
            until = max(shift.starts_at, min(shift.ends_at, datetime.now(UTC)))  # nobody has left later than now
            starts, ends = (f"{at.astimezone(zone):%Y-%m-%dT%H:%M}" for at in (shift.starts_at, until))
            return render("check_in/later.html", people=people, form=form, starts=starts, ends=ends, **context)


def _monday(written: str) -> date | None:
    """The Monday of the week of a day; None for what is no day of these years."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day - timedelta(days=day.weekday()) if 2000 <= day.year < 2100 else None


def _local(written: str, zone: str) -> str:
    """What a field of date and time holds is the site's local time."""
    try:
        return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).isoformat()
    except ValueError:
        return written


def scan_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """What a resident's phone opens. Looking changes nothing: the button does."""
    blueprint = resident_blueprint("scan_pages", __name__, url_prefix="/scan")
    codes = door_code.Codes(data)
    signer = URLSafeTimedSerializer(data.key_for("scan ticket"))

    @blueprint.get("/<uuid:shift_id>")
    @allow(Caller.PERSON)
    def show_scan(shift_id: UUID) -> str:
        """The shift, and a button to come or to leave."""
        with database.transaction(EVERY_SITE) as session:
            own = door_code.own_place(session, resident(by_mail=True), shift_id)
            codes.check(shift_id, request.args.get("t", ""))
            ticket = signer.dumps([str(shift_id), str(resident(by_mail=True).person_id)])
            return render("check_in/scan.html", own=own, ticket=ticket, **_shift(session, shift_id))

    @blueprint.post("/<uuid:shift_id>")
    @allow(Caller.PERSON)
    def scan(shift_id: UUID) -> Answer:
        """Come or leave."""
        form: Form[RollEntry] = Form()
        with form.catching(), database.transaction(EVERY_SITE) as session:
            try:
                known = signer.loads(request.form.get("ticket", ""), max_age=TICKET_SECONDS)
            except BadSignature:
                known = None
            if known != [str(shift_id), str(resident(by_mail=True).person_id)]:
                codes.check(shift_id, "")
            door_code.scan(session, resident(by_mail=True), shift_id, request.form.get("what") == "out")
        with database.transaction(EVERY_SITE) as session:
            own = door_code.own_place(session, resident(by_mail=True), shift_id)
            page = render("check_in/scanned.html", own=own, form=form, **_shift(session, shift_id))
        return (page, 409) if form.failed else page

    return blueprint


def _shift(session: Session, shift_id: UUID) -> dict[str, Any]:
    """What every page says of the shift. Raises 404."""
    shift = attendance.find_shift(session, shift_id)
    activity = session.scalars(select(Activity).where(Activity.id == shift.activity_id)).one()
    site = session.scalars(select(Site).where(Site.id == shift.site_id)).one()
    return {"shift": shift, "activity": activity, "site": site, "zone": site.time_zone}
