"""What waits for a second person about hours, for staff; one's own hours and certificates, for volunteers; and the
page on which anybody compares a certificate with what was issued."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.common.schemas import Body
from services.registration.api.certificates import Tries, pdf_response
from services.registration.api.conventions import own_site
from services.registration.models import (
    Certificate,
    LaterEntry,
    Objection,
    PersonSite,
    Registration,
    ServiceRecord,
    Shift,
    Site,
)
from services.registration.operations import flags, later, objections, records
from services.registration.operations.certificates import Certificates, find_certificate, site_of_own_hours
from services.registration.operations.open_attendance import open_shifts
from services.registration.operations.sites import local_today
from services.registration.pages.certificates import HOME, add_certificate_pages, catching
from services.registration.pages.resident import in_resident_menu, resident_blueprint, resident_id
from services.registration.personal_data import PersonalData
from services.registration.schemas.certificates import OwnCertificateBody
from services.registration.schemas.hours import ClearBody, EntryDecisionBody, ObjectionBody, ObjectionDecisionBody
from services.registration.working_days import is_estimate

Model = TypeVar("Model", bound=Body)


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
            entries, said = _entries(session, data, site_id), _objections(session, data, site_id)
            found = flags.flags(session, site_id)
            people = [one["person_id"] for one in entries + said] + [flag.person_id for flag in found]
            return render(
                "hours/work.html",
                form=form,
                site=site,
                today=local_today(session, site),
                me=g.principal.actor,
                entries=entries,
                open_shifts=open_shifts(session, site_id),
                objections=said,
                flags=found,
                names=_names(session, data, site_id, people),
            )

    @blueprint.post("/later-entries/<uuid:entry_id>")
    @allow(Caller.STAFF)
    def decide_entry(entry_id: UUID) -> Answer:
        """Approve or reject a later entry."""
        form = _decision(EntryDecisionBody)
        act = later.approve if request.form.get("decide") == "approve" else later.reject
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
            later.decide_all(session, shift_id, approved, form.body.reason)
        return _after(form, "补录已处理。", "The entries were decided.")

    @blueprint.post("/objections/<uuid:objection_id>")
    @allow(Caller.STAFF)
    def decide_objection(objection_id: UUID) -> Answer:
        """Uphold or reject an objection."""
        upheld = request.form.get("decide") == "uphold"
        form = _decision(ObjectionDecisionBody, upheld=upheld, minutes=request.form.get("minutes") if upheld else None)
        with catching(form), database.transaction(g.principal.scope) as session:
            objections.decide(session, objection_id, form.body)
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


def _decision(model: type[Model], **more: object) -> Form[Model]:
    form: Form[Model] = Form(request.form)
    form.read(model, {"reason": request.form.get("reason", ""), **more})
    return form


def _names(session: Session, data: PersonalData, site_id: UUID, people: Sequence[UUID | None]) -> dict[UUID, str]:
    """The names of people as the site knows them, for its own staff; without those whom it has erased."""
    told = select(PersonSite.person_id, PersonSite.name).where(
        PersonSite.person_id.in_(set(people) - {None}), PersonSite.site_id == site_id
    )
    return {row.person_id: data.shown(row.name) for row in session.execute(told)}


def _entries(session: Session, data: PersonalData, site_id: UUID) -> list[dict[str, Any]]:
    query = (
        select(LaterEntry, Registration.person_id, Shift)
        .join(Registration, Registration.id == LaterEntry.registration_id)
        .join(Shift, Shift.id == LaterEntry.shift_id)
        .where(LaterEntry.site_id == site_id, LaterEntry.state == "pending")
        .order_by(Shift.starts_at, LaterEntry.shift_id, LaterEntry.position)
        .limit(300)
    )
    return [{"entry": e, "person_id": person, "shift": shift} for e, person, shift in session.execute(query)]


def _objections(session: Session, data: PersonalData, site_id: UUID) -> list[dict[str, Any]]:
    query = (
        select(Objection, ServiceRecord)
        .join(ServiceRecord, ServiceRecord.id == Objection.record_id)
        .where(Objection.site_id == site_id, Objection.state == "open")
        .order_by(Objection.position)
        .limit(100)
    )
    rows = session.execute(query)
    return [{"said": objections.describe(data, o), "person_id": o.person_id, "record": r} for o, r in rows]


def own_hours_pages(database: Database, data: PersonalData, certificates: Certificates) -> APIBlueprint:
    """A volunteer's own hours and certificates."""
    blueprint = resident_blueprint("own_hours_pages", __name__, url_prefix="/my/hours")

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_hours() -> str:
        """The records that count, what was said against them, and certificates."""
        return _own(Form())

    @blueprint.post("/<uuid:record_id>/objections")
    @allow(Caller.PERSON)
    def object_to(record_id: UUID) -> Answer:
        """Object to a record."""
        form = read_form(ObjectionBody)
        with catching(form), database.transaction(EVERY_SITE) as session:
            objections.object_to(session, data, resident_id(), record_id, form.body.words)
        if form.failed:
            return _own(form), 422
        return done(
            url_for("own_hours_pages.show_hours"),
            "已收到您的异议，15 个工作日内答复。",
            "Your objection was received. It is decided within 15 working days.",
        )

    @blueprint.post("/certificates")
    @allow(Caller.PERSON)
    def issue_own() -> Answer:
        """Make a certificate."""
        form = read_form(OwnCertificateBody)
        with catching(form), database.transaction(EVERY_SITE) as session:
            site_id = site_of_own_hours(session, resident_id(), form.body.site_id, form.body)
            certificates.issue(session, site_id, resident_id(), form.body)
        if form.failed:
            return _own(form), 422
        return done(url_for("own_hours_pages.show_hours"), "证明已出具，可以下载。", "The certificate is ready.")

    @blueprint.get("/certificates/<uuid:certificate_id>.pdf")
    @allow(Caller.PERSON)
    def read_own(certificate_id: UUID) -> Response:
        """The PDF."""
        with database.transaction(EVERY_SITE) as session:
            certificate = find_certificate(session, certificate_id, records.all_of(session, resident_id()))
        return pdf_response(certificates, certificate)

    def _own(form: Form[Any]) -> str:
        with database.transaction(EVERY_SITE) as session:
            people = records.all_of(session, resident_id())
            found = records.standing(session, None, people)
            said = select(Objection).where(Objection.person_id.in_(people)).order_by(Objection.position.desc())
            made = select(Certificate).where(Certificate.person_id.in_(people)).order_by(Certificate.position.desc())
            sites = {r.site_id: r.unit for r in found}
            return render(
                "hours/own.html",
                form=form,
                records=found,
                minutes=sum(record.minutes for record in found),
                objections={o.record_id: o for o in session.scalars(said)},
                certificates=session.scalars(made).all(),
                sites=[(str(site_id), unit) for site_id, unit in sites.items()],
                today=datetime.now(ZoneInfo(HOME)).date(),
            )

    in_resident_menu("own_hours_pages.show_hours", "我的时长", "My hours")
    return blueprint


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
