"""A person's own data as a file, erasure, and for how long a site keeps details."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, own_site
from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.registration.api.merges import site_limit
from services.registration.api.residents import resident
from services.registration.models import PersonSite
from services.registration.operations.people.erasure import erase, plan_erasure
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.minors_shown import shown_of
from services.registration.operations.people.own_data import own_data
from services.registration.operations.people.own_erasure import erase_own, plan_own
from services.registration.operations.people.proven_sites import proven_sites
from services.registration.operations.people.repeated_erasures import repeat_erasure
from services.registration.operations.people.retention import find_retention, save_retention
from services.registration.personal_data import PersonalData
from services.registration.schemas.erasure import (
    EraseBody,
    ErasureAnswer,
    ErasurePlan,
    Outcome,
    OwnData,
    PastErasure,
    PastErasures,
    RepeatedAnswer,
    RetentionAnswer,
    RetentionBody,
)

log = get_logger(__name__)


def erasure_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of erasure and of own data."""
    blueprint = APIBlueprint("erasure", __name__, tag="Own data and erasure", url_prefix="/v1")
    _add_own(blueprint, database, data)
    _add_on_request(blueprint, database, data)
    _add_repeating(blueprint, database)
    _add_retention(blueprint, database)
    return blueprint


def _file(found: OwnData) -> Response:
    response = answered(found)
    response.headers["Content-Disposition"] = f'attachment; filename="hesheng-{found.person_number}.json"'
    return response


def _add_own(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/my/data")
    @allow(Caller.PERSON)
    @blueprint.output(OwnData)
    def show_own() -> Response:
        """Everything that is known about the resident, of the sites that were told the address they came in by."""
        with database.transaction(EVERY_SITE) as session:
            sites = proven_sites(session, resident())
            return _file(own_data(session, data, resident().person_id, sites))

    @blueprint.get("/my/erasure")
    @allow(Caller.PERSON)
    @blueprint.output(ErasurePlan)
    def plan_own_erasure() -> Response:
        """What erasing oneself would do: what is deleted, what is kept and why."""
        with database.transaction(EVERY_SITE) as session:
            return answered(plan_own(session, resident()))

    @blueprint.post("/my/erasure")
    @allow(Caller.PERSON)
    @blueprint.output(ErasureAnswer)
    def erase_oneself() -> Response:
        """Erase oneself."""
        with database.transaction(EVERY_SITE) as session:
            return answered(erase_own(session, resident()))


def _put_on_record(session: Session, data: PersonalData, person_id: UUID, site_id: UUID | None) -> None:
    """That a minor's data is shown."""
    query = select(PersonSite).where(PersonSite.person_id == person_now(session, person_id))
    here = query if site_id is None else query.where(PersonSite.site_id == site_id)
    shown_of(session, data, session.scalars(here).all())


def _add_on_request(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/people/<uuid:person_id>/data")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(OwnData)
    def show_data(person_id: UUID) -> Response:
        """Everything that the site knows about a person, ID numbers masked; the operator's, of every site."""
        limit = site_limit()
        with database.transaction(g.principal.scope) as session:
            plan_erasure(session, person_id, limit)  # 404 for who is not known there
            _put_on_record(session, data, person_id, limit)
            return _file(own_data(session, data, person_id, None if limit is None else [limit], masked=True))

    @blueprint.get("/people/<uuid:person_id>/erasure")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(ErasurePlan)
    def show_plan(person_id: UUID) -> Response:
        """What erasing the person would do: what is deleted, what is kept and why."""
        with database.transaction(g.principal.scope) as session:
            return answered(plan_erasure(session, person_id, site_limit()))

    @blueprint.post("/people/<uuid:person_id>/erasure")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(EraseBody, arg_name="body")
    @blueprint.output(ErasureAnswer)
    def erase_person(person_id: UUID, body: EraseBody) -> Response:
        """Erase what the site was told of a person; the operator's, everything."""
        with database.transaction(g.principal.scope) as session:
            return answered(erase(session, person_id, site_limit(), body.reason, g.principal.actor))


def _add_repeating(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/erasures/repeat")
    @allow(Caller.OPERATOR)
    @blueprint.input(PastErasures, arg_name="body")
    @blueprint.output(RepeatedAnswer)
    def repeat(body: PastErasures) -> Response:
        """Make these erasures again after a restore (`hesheng repeat-erasures`). Sent twice, it changes nothing."""
        return answered(RepeatedAnswer(outcomes=[_repeated(database, past) for past in body.items]))


def _repeated(database: Database, past: PastErasure) -> Outcome:
    """What became of it, in a transaction of its own: one that fails is logged and keeps nobody else from theirs."""
    try:
        with database.transaction(EVERY_SITE) as session:
            return repeat_erasure(session, past, g.principal.actor)
    except Exception:
        log.exception("erasure_not_repeated", event_id=str(past.event_id))
        return "failed"


def _add_retention(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/retention")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(RetentionAnswer)
    def show_retention() -> Response:
        """For how many months the site keeps the details of residents whom it has not seen."""
        with database.transaction(g.principal.scope) as session:
            return answered(find_retention(session, own_site()))

    @blueprint.put("/retention")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RetentionBody, arg_name="body")
    @blueprint.output(RetentionAnswer)
    def change_retention(body: RetentionBody) -> Response:
        """Keep them for so long from now on."""
        with database.transaction(g.principal.scope) as session:
            return answered(save_retention(session, own_site(), body))
