"""A volunteer's own hours: the records that count, what they said against them or missed, and certificates."""

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, read_form, render
from services.common.working_days import is_estimate
from services.registration.api.certificates import pdf_response
from services.registration.api.residents import resident
from services.registration.operations.hours import missing_hours, objections, records
from services.registration.operations.hours.certificates import Certificates, own_certificate, own_certificates
from services.registration.pages.certificates import HOME, catching
from services.registration.pages.hours_links import add_hours_links
from services.registration.pages.resident import in_resident_menu, resident_blueprint
from services.registration.personal_data import PersonalData
from services.registration.schemas.certificates import OwnCertificateBody
from services.registration.schemas.hours import ObjectionBody


def own_hours_pages(database: Database, data: PersonalData, certificates: Certificates) -> APIBlueprint:
    """A volunteer's own hours and certificates."""
    blueprint = resident_blueprint("own_hours_pages", __name__, url_prefix="/my/hours")
    add_hours_links()
    in_resident_menu("own_hours_pages.show_hours", "我的时长", "My hours")

    def page(form: Form[Any]) -> str:
        with database.transaction(EVERY_SITE) as session:
            return render("hours/own.html", form=form, today=_today(), **_own(session, data))

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_hours() -> str:
        """The records that count, what was said against them, and certificates."""
        return page(Form())

    _add_objections(blueprint, database, data, page)
    _add_certificates(blueprint, database, certificates, page)
    return blueprint


def _today() -> date:
    return datetime.now(ZoneInfo(HOME)).date()


def _own(session: Session, data: PersonalData) -> dict[str, Any]:
    """All that the page shows."""
    found = records.own_standing(session, resident())
    said = objections.own_objections(session, resident())
    units = {record.site_id: record.unit for record in found}
    return {
        "records": found,
        "minutes": sum(record.minutes for record in found),
        "waiting": {one.about.record_id for one in said if one.about.state == "open"},
        "said": [(one, objections.describe(data, one.about)) for one in said],
        "missing": missing_hours.missing_hours(session, resident()),
        "certificates": own_certificates(session, resident()),
        "sites": [(str(site_id), unit) for site_id, unit in units.items()],
        "is_estimate": is_estimate,
    }


def _add_objections(blueprint: APIBlueprint, database: Database, data: PersonalData, page: Any) -> None:
    def said() -> Response:
        return done(
            url_for("own_hours_pages.show_hours"),
            "已收到您的意见，15 个工作日内答复。",
            "What you said was received. It is decided within 15 working days.",
        )

    @blueprint.post("/<uuid:record_id>/objections")
    @allow(Caller.PERSON)
    def object_to(record_id: UUID) -> Answer:
        """Object to a record."""
        form = read_form(ObjectionBody)
        with catching(form), database.transaction(EVERY_SITE) as session:
            objections.object_to(session, data, resident(), record_id, form.body.words)
        return (page(form), 422) if form.failed else said()

    @blueprint.post("/missing/<uuid:registration_id>")
    @allow(Caller.PERSON)
    def claim_missing(registration_id: UUID) -> Answer:
        """Say that hours were given of which there is no record."""
        form = read_form(ObjectionBody)
        with catching(form), database.transaction(EVERY_SITE) as session:
            missing_hours.claim_missing(session, data, resident(), registration_id, form.body.words)
        return (page(form), 422) if form.failed else said()


def _add_certificates(blueprint: APIBlueprint, database: Database, certificates: Certificates, page: Any) -> None:
    @blueprint.post("/certificates")
    @allow(Caller.PERSON)
    def issue_own() -> Answer:
        """Make a certificate."""
        form = read_form(OwnCertificateBody)
        with catching(form), database.transaction(EVERY_SITE) as session:
            certificates.issue_own(session, resident(), form.body)
        if form.failed:
            return page(form), 422
        return done(url_for("own_hours_pages.show_hours"), "证明已出具，可以下载。", "The certificate is ready.")

    @blueprint.get("/certificates/<uuid:certificate_id>.pdf")
    @allow(Caller.PERSON)
    def read_own(certificate_id: UUID) -> Response:
        """The PDF."""
        with database.transaction(EVERY_SITE) as session:
            certificate = own_certificate(session, resident(), certificate_id)
        return pdf_response(certificates, certificate)
