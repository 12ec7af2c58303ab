"""Staff's pages of one person's hours, and of certificates: for one, or for a whole team."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, make_response, url_for
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import NOT_FOUND, Problem, not_found
from services.common.pages import Answer, Form, done, read_form, render
from services.registration.models import Certificate, CertificateBatch, PersonSite, Site, Team
from services.registration.operations.hours import records
from services.registration.operations.hours.certificates import Certificates, describe_batch, find_certificate, revoke
from services.registration.operations.hours.resting_certificates import resting_on, stands
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.people import told_names
from services.registration.operations.sites.sites import local_today
from services.registration.operations.teams.teams import roster
from services.registration.personal_data import PersonalData
from services.registration.schemas.certificates import BatchBody, PeriodBody, RevocationBody
from services.registration.schemas.hours import CorrectionBody

HOME = "Asia/Shanghai"
"""Whose day a form proposes: there it is tomorrow for eight hours of every day that UTC has."""
LOOK_AGAIN = "5"
"""Seconds after which the page of a batch that is not done loads itself again."""


def add_certificate_pages(
    blueprint: APIBlueprint, database: Database, data: PersonalData, certificates: Certificates
) -> None:
    """The pages of one person's hours and of certificates, for staff."""
    _add_person(blueprint, database, data, certificates)
    _add_teams(blueprint, database, data, certificates)


def _add_person(blueprint: APIBlueprint, database: Database, data: PersonalData, certificates: Certificates) -> None:
    @blueprint.get("/people/<uuid:person_id>")
    @allow(Caller.STAFF)
    def show_person(person_id: UUID) -> str:
        """A volunteer's records and certificates at this site."""
        return _person(person_id, Form())

    @blueprint.post("/people/<uuid:person_id>/certificates")
    @allow(Caller.STAFF)
    def issue(person_id: UUID) -> Answer:
        """Certify hours."""
        form = read_form(PeriodBody)
        site_id = own_site()
        with catching(form), database.transaction(g.principal.scope) as session:
            certificates.issue(session, site_id, person_id, form.body)
        if form.failed:
            return _person(person_id, form), 422
        return done(url_for("hours_pages.show_person", person_id=person_id), "证明已出具。", "The certificate is made.")

    @blueprint.post("/records/<uuid:record_id>/corrections")
    @allow(Caller.STAFF)
    def correct(record_id: UUID) -> Answer:
        """Lower the hours of a record, or withdraw it."""
        form = read_form(CorrectionBody)
        with database.transaction(g.principal.scope) as session:
            person_id = person_now(session, records.find_standing(session, record_id).person_id)
            resting = len(resting_on(session, record_id))
        with catching(form), database.transaction(g.principal.scope) as session:
            records.correct(session, record_id, form.body.minutes, form.body.reason)
        if form.failed:
            return _person(person_id, form), 422
        zh = f"记录已更正。有 {resting} 份证明依据它，请在下面核对是否撤销。" if resting else "记录已更正。"
        en = f"It was corrected. {resting} certificates rest on it: see below whether to revoke them."
        address = url_for("hours_pages.show_person", person_id=person_id)
        return done(address, zh, en if resting else "The record was corrected.")

    @blueprint.post("/certificates/<uuid:certificate_id>/revoke")
    @allow(Caller.STAFF)
    def revoke_certificate(certificate_id: UUID) -> Answer:
        """Say that a certificate no longer holds."""
        form = read_form(RevocationBody)
        with database.transaction(g.principal.scope) as session:
            person_id = find_certificate(session, certificate_id).person_id
        with catching(form), database.transaction(g.principal.scope) as session:
            revoke(session, certificate_id, form.body.reason)
        if form.failed:
            return _person(person_id, form), 422
        return done(url_for("hours_pages.show_person", person_id=person_id), "证明已撤销。", "It was revoked.")

    def _person(person_id: UUID, form: Form[Any]) -> str:
        site_id = own_site()
        with database.transaction(g.principal.scope) as session:
            told = session.get(PersonSite, (person_id, site_id))
            if told is None:
                raise not_found("这个人", "person")
            found = records.standing(session, site_id, records.all_of(session, person_id))
            issued = select(Certificate).where(Certificate.person_id == person_id, Certificate.site_id == site_id)
            made = session.scalars(issued.order_by(Certificate.position.desc())).all()
            return render(
                "hours/person.html",
                form=form,
                person_id=person_id,
                who=told_names(session, data, [(told.person_id, site_id)])[told.person_id],
                records=found,
                minutes=sum(record.minutes for record in found),
                certificates=made,
                stands=stands(session, made),
                today=local_today(session, session.get_one(Site, site_id)),
            )


def _add_teams(blueprint: APIBlueprint, database: Database, data: PersonalData, certificates: Certificates) -> None:
    @blueprint.get("/teams/<uuid:team_id>")
    @allow(Caller.STAFF)
    def show_team(team_id: UUID) -> str:
        """Where certificates are made for all members of a team."""
        return _team(team_id, Form())

    @blueprint.post("/teams/<uuid:team_id>")
    @allow(Caller.STAFF)
    def issue_for_team(team_id: UUID) -> Answer:
        """Make them."""
        form = read_form(BatchBody, team_id=team_id)
        batch_id = None
        with catching(form), database.transaction(g.principal.scope) as session:
            batch_id = certificates.start_batch(session, own_site(), form.body).id
        if form.failed:
            return _team(team_id, form), 422
        return done(url_for("hours_pages.show_batch", batch_id=batch_id), "已开始出具。", "They are being made.")

    @blueprint.get("/batches/<uuid:batch_id>")
    @allow(Caller.STAFF)
    def show_batch(batch_id: UUID) -> Response:
        """How far a batch is, and its PDFs; it loads itself again until all are made."""
        with database.transaction(g.principal.scope) as session:
            batch = session.get(CertificateBatch, batch_id)
            if batch is None:
                raise not_found("这批证明", "batch of certificates")
            team = session.get(Team, batch.team_id) if batch.team_id else None
            names = told_names(session, data, [(one, batch.site_id) for one in batch.people])
            made = select(Certificate).where(Certificate.batch_id == batch_id).order_by(Certificate.position)
            skipped = [names.get(batch.people[place], "") for place in batch.skipped]
            context = {"made": session.scalars(made).all(), "names": names, "skipped": skipped, "team": team}
            page = render("hours/batch.html", batch=describe_batch(batch), **context)
        response = make_response(page)
        if batch.state == "waiting":
            response.headers["Refresh"] = LOOK_AGAIN
        return response

    def _team(team_id: UUID, form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            team = session.get(Team, team_id)
            if team is None:
                raise not_found("这个队伍", "team")
            before = select(CertificateBatch).where(CertificateBatch.team_id == team_id)
            return render(
                "hours/team.html",
                form=form,
                team=team,
                members=len(roster(session, team_id)),
                batches=session.scalars(before.order_by(CertificateBatch.position.desc()).limit(20)).all(),
                today=local_today(session, session.get_one(Site, own_site())),
            )


@contextmanager
def catching(form: "Form[Any]") -> Iterator[None]:
    """Like the form's own, but what is not there, or not for the reader, is a page of its own and no finding."""
    gone = None
    with form.catching():
        try:
            yield
        except Problem as problem:
            if problem.kind is not NOT_FOUND:
                raise
            gone = problem
    if gone is not None:
        raise gone
