"""Service records and what is said and decided about them."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, own_site, page
from services.common.database import EVERY_SITE, Database
from services.common.working_days import is_estimate
from services.registration.api.residents import resident
from services.registration.models import LaterEntry, Objection, ServiceRecord
from services.registration.operations.hours import flags, later_entries, missing_hours, objections, records
from services.registration.operations.hours.open_attendance import OpenShift, open_shifts
from services.registration.operations.people.proven_sites import theirs
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.hours import (
    ClearBody,
    CorrectionBody,
    EntryDecisionBody,
    FlagAnswer,
    FlagQuery,
    FlagsAnswer,
    LaterEntryAnswer,
    LaterEntryBody,
    LaterEntryQuery,
    MadeObjection,
    ObjectionAnswer,
    ObjectionBody,
    ObjectionDecisionBody,
    ObjectionQuery,
    OpenShiftAnswer,
    OpenShiftsAnswer,
    OwnObjectionAnswer,
    RecordAnswer,
    RecordQuery,
    RecordsAnswer,
)


def hours_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of hours."""
    blueprint = APIBlueprint("hours", __name__, tag="Attendance and hours", url_prefix="/v1")
    _add_records(blueprint, database, data)
    _add_own(blueprint, database, data)
    _add_later_entries(blueprint, database, data)
    _add_objections(blueprint, database, data)
    _add_flags(blueprint, database)
    return blueprint


def describe_record(record: ServiceRecord) -> RecordAnswer:
    """The record as it is answered."""
    return RecordAnswer.model_validate({**vars(record), "hash": record.hash.hex()})


def _add_records(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/service-records")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RecordQuery, location="query", arg_name="query")
    @blueprint.output(page_of(RecordAnswer))
    def list_records(query: RecordQuery) -> Response:
        """The site's service records, each as it was written: a later one may have taken its place (`corrects`)."""
        with database.transaction(g.principal.scope) as session:
            rows = select(ServiceRecord).where(ServiceRecord.site_id == own_site())
            if query.person_id:
                rows = rows.where(ServiceRecord.person_id.in_(records.all_of(session, query.person_id)))
            return page(session, rows, ServiceRecord.number, query, lambda found: [describe_record(r) for r in found])

    @blueprint.post("/service-records/<uuid:record_id>/corrections")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(CorrectionBody, arg_name="body")
    @blueprint.output(RecordAnswer, status_code=201)
    def correct_record(record_id: UUID, body: CorrectionBody) -> Response:
        """Lower the hours of a record or withdraw it. The earlier record is kept."""
        return create(
            database,
            data,
            body,
            lambda s: describe_record(records.correct(s, record_id, body.minutes, body.reason)),
        )


def _add_own(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/my/service-records")
    @allow(Caller.PERSON)
    @blueprint.output(RecordsAnswer)
    def list_own_records() -> Response:
        """The volunteer's own records that count."""
        with database.transaction(EVERY_SITE) as session:
            found = records.own_standing(session, resident())
            total = sum(record.minutes for record in found)
            return answered(RecordsAnswer(minutes=total, items=[describe_record(record) for record in found]))

    @blueprint.post("/my/service-records/<uuid:record_id>/objections")
    @allow(Caller.PERSON)
    @blueprint.input(ObjectionBody, arg_name="body")
    @blueprint.output(MadeObjection, status_code=201)
    def object_to_record(record_id: UUID, body: ObjectionBody) -> Response:
        """Object to a record of one's own. It is decided within fifteen working days."""
        return create(
            database,
            data,
            body,
            lambda s: MadeObjection.model_validate(objections.object_to(s, data, resident(), record_id, body.words)),
            EVERY_SITE,
        )

    @blueprint.post("/my/registrations/<uuid:registration_id>/missing-hours")
    @allow(Caller.PERSON)
    @blueprint.input(ObjectionBody, arg_name="body")
    @blueprint.output(MadeObjection, status_code=201)
    def claim_missing_hours(registration_id: UUID, body: ObjectionBody) -> Response:
        """Say that one volunteered on a shift that is over, and that there is no record. Decided like an objection."""
        return create(
            database,
            data,
            body,
            lambda s: MadeObjection.model_validate(
                missing_hours.claim_missing(s, data, resident(), registration_id, body.words)
            ),
            EVERY_SITE,
        )

    @blueprint.get("/my/objections")
    @allow(Caller.PERSON)
    @blueprint.input(ObjectionQuery, location="query", arg_name="query")
    @blueprint.output(page_of(OwnObjectionAnswer))
    def list_own_objections(query: ObjectionQuery) -> Response:
        """The volunteer's own objections."""
        with database.transaction(EVERY_SITE) as session:
            rows = select(Objection).where(theirs(session, resident(), Objection))
            if query.state:
                rows = rows.where(Objection.state == query.state)
            describe = objections.describe_own
            return page(session, rows, Objection.position, query, lambda found: [describe(data, o) for o in found])


def _add_later_entries(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/later-entries")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(LaterEntryBody, arg_name="body")
    @blueprint.output(LaterEntryAnswer, status_code=201)
    def enter_later(registration_id: UUID, body: LaterEntryBody) -> Response:
        """Say after the fact when a person came and left. It counts once a second person approved it."""
        return create(
            database,
            data,
            body,
            lambda s: LaterEntryAnswer.model_validate(later_entries.enter_later(s, registration_id, body)),
        )

    @blueprint.get("/open-attendance")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(OpenShiftsAnswer)
    def list_open_attendance() -> Response:
        """Shifts of volunteering that are over while attendance is open: hours that were given and not recorded."""
        with database.transaction(g.principal.scope) as session:
            found = open_shifts(session, own_site())
            return answered(OpenShiftsAnswer(items=[_describe_open(one) for one in found]))

    @blueprint.get("/later-entries")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(LaterEntryQuery, location="query", arg_name="query")
    @blueprint.output(page_of(LaterEntryAnswer))
    def list_later_entries(query: LaterEntryQuery) -> Response:
        """The site's later entries."""
        rows = select(LaterEntry).where(LaterEntry.site_id == own_site())
        if query.state:
            rows = rows.where(LaterEntry.state == query.state)
        with database.transaction(g.principal.scope) as session:
            describe = LaterEntryAnswer.model_validate
            return page(session, rows, LaterEntry.position, query, lambda found: [describe(e) for e in found])

    @blueprint.post("/later-entries/<uuid:entry_id>/approve")
    @allow(Caller.STAFF)
    @blueprint.input(EntryDecisionBody, arg_name="body")
    @blueprint.output(LaterEntryAnswer)
    def approve_entry(entry_id: UUID, body: EntryDecisionBody) -> Response:
        """Let a later entry count. For staff, and not for who entered it."""
        with database.transaction(g.principal.scope) as session:
            return answered(LaterEntryAnswer.model_validate(later_entries.approve(session, entry_id, body.reason)))

    @blueprint.post("/later-entries/<uuid:entry_id>/reject")
    @allow(Caller.STAFF)
    @blueprint.input(EntryDecisionBody, arg_name="body")
    @blueprint.output(LaterEntryAnswer)
    def reject_entry(entry_id: UUID, body: EntryDecisionBody) -> Response:
        """Turn a later entry down. For staff, and not for who entered it."""
        with database.transaction(g.principal.scope) as session:
            return answered(LaterEntryAnswer.model_validate(later_entries.reject(session, entry_id, body.reason)))


def _describe_open(one: OpenShift) -> OpenShiftAnswer:
    shift = {name: getattr(one.shift, name) for name in ("activity_id", "starts_at", "ends_at")}
    facts = {"shift_id": one.shift.id, "due_on_is_estimate": is_estimate(one.due_on)}
    return OpenShiftAnswer.model_validate({**vars(one), **shift, **facts})


def _add_objections(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/objections")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ObjectionQuery, location="query", arg_name="query")
    @blueprint.output(page_of(ObjectionAnswer))
    def list_objections(query: ObjectionQuery) -> Response:
        """What volunteers said against the site's records."""
        rows = select(Objection).where(Objection.site_id == own_site())
        if query.state:
            rows = rows.where(Objection.state == query.state)
        with database.transaction(g.principal.scope) as session:
            describe = objections.describe
            return page(session, rows, Objection.position, query, lambda found: [describe(data, o) for o in found])

    @blueprint.post("/objections/<uuid:objection_id>/decision")
    @allow(Caller.STAFF)
    @blueprint.input(ObjectionDecisionBody, arg_name="body")
    @blueprint.output(ObjectionAnswer)
    def decide_objection(objection_id: UUID, body: ObjectionDecisionBody) -> Response:
        """Uphold an objection or reject it, with a reason. Not for who is in charge of the record."""
        with database.transaction(g.principal.scope) as session:
            return answered(objections.describe(data, objections.decide(session, objection_id, body)))


def _add_flags(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/hour-flags")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(FlagQuery, location="query", arg_name="query")
    @blueprint.output(FlagsAnswer)
    def list_flags(query: FlagQuery) -> Response:
        """What looks wrong about the site's hours, and nobody looked into yet."""
        site_id = own_site()
        with database.transaction(EVERY_SITE) as session:
            return answered(FlagsAnswer(items=flags.flags(session, site_id, query.since, query.cleared)))

    @blueprint.post("/hour-flags/clear")
    @allow(Caller.STAFF)
    @blueprint.input(ClearBody, arg_name="body")
    @blueprint.output(FlagAnswer)
    def clear_flag(body: ClearBody) -> Response:
        """Note that one looked into a flag, and what was found. Not for who is in charge of its records."""
        site_id = own_site()
        with database.transaction(EVERY_SITE) as session:
            return answered(flags.clear_flag(session, site_id, body.kind, body.subject, body.reason))
