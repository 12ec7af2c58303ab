"""Contact details and links for the service that sends mail: nothing else of them leaves this one. And what it says of
whom an SMS reached."""

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.common.errors import FORBIDDEN, Problem, Words
from services.registration.operations.people import people
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.proven_sites import Resident, persons, reached_sites
from services.registration.operations.seats import calls
from services.registration.operations.staff.digests import facts_of
from services.registration.operations.staff.link_mails import addressed
from services.registration.operations.staff.links import Links
from services.registration.operations.staff.notices import staff_contacts, who_has
from services.registration.operations.staff.sessions import logged_out_since
from services.registration.personal_data import PersonalData
from services.registration.schemas.digests import DigestsAnswer, DigestsBody
from services.registration.schemas.links import LinksAnswer, LinksBody
from services.registration.schemas.notices import (
    NoticesAnswer,
    NoticesBody,
    StaffContactsAnswer,
    StaffContactsBody,
)
from services.registration.schemas.people import Contact, ContactsAnswer, ContactsBody
from services.registration.schemas.reach import ReachAnswer, ReachBody
from services.registration.schemas.seats import HeardAnswer, ToldBody


def contacts_blueprint(database: Database, data: PersonalData, links: Links) -> APIBlueprint:
    """The routes by which contact details leave this service, and by which it hears who need not be called."""
    blueprint = APIBlueprint("contacts", __name__, tag="Services", url_prefix="/internal")

    @blueprint.post("/contacts")
    @allow(Caller.SERVICE)
    @blueprint.input(ContactsBody, arg_name="body")
    @blueprint.output(ContactsAnswer)
    def read_contacts(body: ContactsBody) -> Response:
        """Contact details at the moment of sending. For the notifications service alone."""
        for_notifications()
        with database.transaction(g.principal.scope) as session:
            found = [_with_manage_url(links, one) for one in people.contacts(session, data, body.people)]
            return answered(ContactsAnswer(contacts=people.with_guardians(session, data, found)))

    @blueprint.post("/links")
    @allow(Caller.SERVICE)
    @blueprint.input(LinksBody, arg_name="body")
    @blueprint.output(LinksAnswer)
    def read_links(body: LinksBody) -> Response:
        """Where one-time links lead and whom they are for, at the moment of sending. For notifications alone."""
        for_notifications()
        with database.transaction(g.principal.scope) as session:
            return answered(LinksAnswer(links=addressed(session, data, links, body.links)))

    @blueprint.post("/told")
    @allow(Caller.SERVICE)
    @blueprint.input(ToldBody, arg_name="body")
    @blueprint.output(HeardAnswer)
    def hear_told(body: ToldBody) -> Response:
        """Whom an SMS reached, or did not reach after all: the list of calls follows. From notifications alone."""
        for_notifications()
        # One by one: a shift that is called off meanwhile locks the calls of many, in another order.
        for one in body.told:
            with database.transaction(g.principal.scope) as session:
                calls.hear_told(session, one)
        return answered(HeardAnswer(heard=len(body.told)))

    _add_notices(blueprint, database, data, links)
    _add_reach(blueprint, database, data)
    return blueprint


def _add_notices(blueprint: APIBlueprint, database: Database, data: PersonalData, links: Links) -> None:
    @blueprint.post("/notices")
    @allow(Caller.SERVICE)
    @blueprint.input(NoticesBody, arg_name="body")
    @blueprint.output(NoticesAnswer)
    def read_notices(body: NoticesBody) -> Response:
        """Which leaders and staff something of a shift concerns just now, by ids. For notifications alone."""
        for_notifications()
        with database.transaction(g.principal.scope) as session:
            return answered(NoticesAnswer(notices=who_has(session, body.notices)))

    @blueprint.post("/staff")
    @allow(Caller.SERVICE)
    @blueprint.input(StaffContactsBody, arg_name="body")
    @blueprint.output(StaffContactsAnswer)
    def read_staff(body: StaffContactsBody) -> Response:
        """How to reach members of staff, at the moment of sending. For notifications alone."""
        for_notifications()
        with database.transaction(g.principal.scope) as session:
            return answered(StaffContactsAnswer(staff=staff_contacts(session, data, body.staff, links.public_url)))

    @blueprint.post("/digest")
    @allow(Caller.SERVICE)
    @blueprint.input(DigestsBody, arg_name="body")
    @blueprint.output(DigestsAnswer)
    def read_digests(body: DigestsBody) -> Response:
        """What a day holds at these sites, by ids, numbers and titles. For notifications alone."""
        for_notifications()
        with database.transaction(g.principal.scope) as session:
            return answered(DigestsAnswer(digests=facts_of(session, body.digests)))


def _add_reach(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/reach")
    @allow(Caller.SERVICE)
    @blueprint.input(ReachBody, arg_name="body")
    @blueprint.output(ReachAnswer)
    def read_reach(body: ReachBody) -> Response:
        """Which sites a resident's session opens, and under which ids their rows were written. For notifications."""
        for_notifications()
        resident = Resident(data, body.person_id, bytes.fromhex(body.address), body.mailed_by)
        with database.transaction(g.principal.scope) as session:
            sites, everybody = reached_sites(session, resident), persons(session, resident)
            now = person_now(session, body.person_id)
            if body.since is not None and logged_out_since(session, body.person_id, body.since):
                sites = []
        return answered(ReachAnswer(person_id=now, sites=sites, persons=everybody))


def for_notifications() -> None:
    """Raise 403 for any other service."""
    if g.principal.name != "notifications":
        raise Problem(FORBIDDEN, Words("此服务无权读取联系方式。", "This service may not read contact details."))


def _with_manage_url(links: Links, contact: Contact) -> Contact:
    if contact.email is None:
        return contact
    url = links.manage_url(contact.person_id, contact.site_id, contact.email)
    return contact.model_copy(update={"manage_url": url})
