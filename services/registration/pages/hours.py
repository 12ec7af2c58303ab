"""What waits for a second person about hours, for staff; one's own hours and certificates, for volunteers; and the
page on which anybody compares a certificate with what was issued."""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.common.schemas import Body
from services.common.working_days import is_estimate
from services.registration.api.certificates import Tries
from services.registration.models import (
    Activity,
    LaterEntry,
    Registration,
    Shift,
    Site,
)
from services.registration.operations.hours import flags, later_entries, objections
from services.registration.operations.hours.certificates import Certificates
from services.registration.operations.hours.open_attendance import open_shifts
from services.registration.operations.people.identity import across_sites
from services.registration.operations.people.people import told_names
from services.registration.operations.sites.sites import local_today
from services.registration.operations.staff.audit_log import actor_names
from services.registration.pages.certificates import add_certificate_pages, catching
from services.registration.pages.data_words import actor
from services.registration.pages.home import Box, Line, box
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import ClearBody, EntryDecisionBody, ObjectionDecisionBody

Model = TypeVar("Model", bound=Body)

PROPOSED = (
    "已记下您提议的分钟数，另一人同意同样的分钟数后计入。",
    "The minutes that you propose are noted. They count once somebody else agrees to the same.",
)


def hours_pages(database: Database, data: PersonalData, certificates: Certificates) -> APIBlueprint:
    """Staff's pages of hours."""
    blueprint = page_blueprint("hours_pages", __name__, url_prefix="/staff/hours")
    blueprint.app_context_processor(lambda: {"is_estimate": is_estimate})

    @blueprint.get("")
    @allow(Caller.STAFF)
    def show_work() -> str:
        """What waits for a second person."""
        return _work(Form())

    def _work(form: Form[Any]) -> str:
        site_id = own_site()
        with database.transaction(EVERY_SITE) as session:
            site = session.get_one(Site, site_id)
            entries, said = _entries(session, data, site_id), objections.open_objections(session, site_id)
            found = flags.flags(session, site_id)
            people = [one["person_id"] for one in entries] + [one.about.person_id for one in said]
            people += [flag.person_id for flag in found]
            proposers = {one.about.proposed_by for one in said if one.about.proposed_by}
            return render(
                "hours/work.html",
                form=form,
                site=site,
                today=local_today(session, site),
                me=g.principal.actor,
                actor=actor,
                entries=entries,
                open_shifts=open_shifts(session, site_id),
                objections=[(one, objections.describe(data, one.about)) for one in said],
                proposers=actor_names(session, data, proposers, {site_id}),
                flags=found,
                names=told_names(session, data, [(one, site_id) for one in set(people) - {None}]),
            )

    @blueprint.post("/later-entries/<uuid:entry_id>")
    @allow(Caller.STAFF)
    def decide_entry(entry_id: UUID) -> Answer:
        """Approve or reject a later entry."""
        form = _decision(EntryDecisionBody)
        act = later_entries.approve if request.form.get("decide") == "approve" else later_entries.reject
        with catching(form), database.transaction(g.principal.scope) as session:
            act(session, entry_id, form.body.reason)
        return _after(form, "补录已处理。", "The entry was decided.")

    @blueprint.post("/shifts/<uuid:shift_id>/later-entries")
    @allow(Caller.STAFF)
    def decide_shift(shift_id: UUID) -> Answer:
        """Approve or reject all that waits of one shift."""
        form = _decision(EntryDecisionBody)
        approved = request.form.get("decide") == "approve"
        with catching(form), database.transaction(g.principal.scope) as session:
            later_entries.decide_all(session, shift_id, approved, form.body.reason)
        return _after(form, "补录已处理。", "The entries were decided.")

    @blueprint.post("/objections/<uuid:objection_id>")
    @allow(Caller.STAFF)
    def decide_objection(objection_id: UUID) -> Answer:
        """Uphold or reject an objection."""
        with database.transaction(g.principal.scope) as session:
            form = _decided(ZoneInfo(session.get_one(Site, own_site()).time_zone))
        with catching(form), database.transaction(g.principal.scope) as session:
            if objections.decide(session, objection_id, form.body).state == "open":
                return _after(form, *PROPOSED)
        return _after(form, "异议已处理。", "The objection was decided.")

    @blueprint.post("/flags")
    @allow(Caller.STAFF)
    def clear_flag() -> Answer:
        """Say what was found about a flag."""
        form = read_form(ClearBody)
        site_id = own_site()
        with catching(form), database.transaction(EVERY_SITE) as session:
            flags.clear_flag(session, site_id, form.body.kind, form.body.subject, form.body.reason)
        return _after(form, "已记录核实结果。", "What you found was recorded.")

    def _after(form: Form[Any], zh: str, en: str) -> Answer:
        return (_work(form), 422) if form.failed else done(url_for("hours_pages.show_work"), zh, en)

    add_certificate_pages(blueprint, database, data, certificates)
    in_menu("hours_pages.show_work", "时长审核", "Hours", 11)
    return blueprint


@box
def waiting_hours(session: Session, site_id: UUID) -> Box | None:
    """What waits for a second person, what is overdue first; None where nothing does."""
    found = objections.waiting(session, site_id)
    with across_sites(session):
        suspect = len(flags.flags(session, site_id))
    address = url_for("hours_pages.show_work")
    counted = [
        (found.overdue, "条异议已超期未答复", "objections overdue"),
        (found.objections, "条异议待处理", "objections to decide"),
        (found.entries, "条补录待审核", "later entries to approve"),
        (suspect, "处时长需要核实", "hours to look into"),
    ]
    lines = [Line(f"{count} {zh}", f"{count} {en}", address) for count, zh, en in counted if count]
    return Box("时长审核", "Hours", lines) if lines else None


def _decision(model: type[Model], **more: object) -> Form[Model]:
    form: Form[Model] = Form(request.form)
    form.read(model, {"reason": request.form.get("reason", ""), **more})
    return form


def _decided(zone: ZoneInfo) -> Form[ObjectionDecisionBody]:
    """What staff decided on an objection; hours count only where they agree."""
    upheld = request.form.get("decide") == "uphold"
    hours: dict[str, object] = {}
    if upheld and request.form.get("minutes"):
        hours["minutes"] = request.form["minutes"]
    for name in ("checked_in_at", "checked_out_at"):
        if upheld and request.form.get(name):
            hours[name] = local_moment(request.form[name], zone)
    return _decision(ObjectionDecisionBody, upheld=upheld, **hours)


def local_moment(written: str, zone: ZoneInfo) -> Any:
    """A moment as a field of local date and time holds it; what cannot be read is left for the model to refuse."""
    try:
        return datetime.fromisoformat(written).replace(tzinfo=zone)
    except ValueError:
        return written


def _entries(session: Session, data: PersonalData, site_id: UUID) -> list[dict[str, Any]]:
    query = (
        select(LaterEntry, Registration.person_id, Shift, Activity)
        .join(Registration, Registration.id == LaterEntry.registration_id)
        .join(Shift, Shift.id == LaterEntry.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(LaterEntry.site_id == site_id, LaterEntry.state == "pending")
        .order_by(Shift.starts_at, LaterEntry.shift_id, LaterEntry.position)
        .limit(300)
    )
    found = session.execute(query).all()
    by = actor_names(session, data, {row[0].entered_by for row in found}, {site_id})
    return [
        {"entry": e, "person_id": person, "shift": shift, "activity": activity, "by": by.get(e.entered_by, "")}
        for e, person, shift, activity in found
    ]


def verify_pages(database: Database, certificates: Certificates, tries: Tries) -> APIBlueprint:
    """Where anybody compares a certificate with what was issued."""
    blueprint = page_blueprint("verify_pages", __name__, url_prefix="/verify")

    @blueprint.get("")
    @allow(Caller.ANYONE)
    def ask() -> str:
        """Type the number and the code."""
        return render("verify/verify.html", form=Form(), found=None, number="")

    @blueprint.get("/<string:number>")
    @allow(Caller.ANYONE)
    def show(number: str) -> Answer:
        """What the QR code of a certificate opens."""
        return _answer(number, request.args.get("k", ""))

    @blueprint.post("")
    @allow(Caller.ANYONE)
    def look_up() -> Answer:
        """What was typed."""
        return _answer(request.form.get("number", ""), request.form.get("k", ""))

    def _answer(number: str, code: str) -> Answer:
        tries.count()
        form: Form[Any] = Form({"number": number[:40]})
        found = None
        with form.catching(), database.transaction(EVERY_SITE) as session:
            found = certificates.verify(session, number, code)
        page = render("verify/verify.html", form=form, found=found, number=number[:40])
        return (page, 404) if form.failed else page

    return blueprint
