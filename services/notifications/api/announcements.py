"""Routes: announcements, from a draft to the last message of each."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import Sealer, answered, create, expected_versions, json_body
from services.common.database import Database
from services.notifications.models import Announcement
from services.notifications.operations.announcements import approval, drafts
from services.notifications.operations.announcements.office import Office
from services.notifications.operations.announcements.progress import quiet_until, states_of
from services.notifications.schemas.announcements import (
    AnnouncementAnswer,
    AnnouncementBody,
    AnnouncementList,
    AnnouncementPreviewAnswer,
    AnnouncementPreviewBody,
    AnnouncementProgress,
    AnnouncementsQuery,
    CopyBody,
    CountAnswer,
    CountedBody,
    DeclineBody,
    StopBody,
)

ONE = "/announcements/<uuid:announcement_id>"


def announcements_blueprint(database: Database, box: Sealer, office: Office) -> APIBlueprint:
    """The routes of announcements."""
    blueprint = APIBlueprint("announcements", __name__, tag="Announcements", url_prefix="/v1")
    _add_reading(blueprint, database, office)
    _add_writing(blueprint, database, box, office)
    _add_sending(blueprint, database, office)
    return blueprint


def _add_reading(blueprint: APIBlueprint, database: Database, office: Office) -> None:
    @blueprint.get("/announcements")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(AnnouncementsQuery, location="query", arg_name="query")
    @blueprint.output(AnnouncementList)
    def list_announcements(query: AnnouncementsQuery) -> Response:
        """Announcements, newest first: the site's own, and those to areas that the caller looks after."""
        areas = office.bureau.areas(g.principal)
        with database.transaction(office.list_scope(g.principal)) as session:
            found, following = drafts.list_announcements(session, g.principal, areas, query)
            items = _progress(session, found)
        return answered(AnnouncementList(items=items), following=following)

    @blueprint.get(ONE)
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(AnnouncementProgress)
    def show_announcement(announcement_id: UUID) -> Response:
        """One, and how far it has come."""
        with database.transaction(office.bureau.scope(g.principal, announcement_id)) as session:
            [shown] = _progress(session, [drafts.find(session, announcement_id)])
        return answered(shown)

    @blueprint.post("/announcements/preview")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(AnnouncementPreviewBody)
    @blueprint.output(AnnouncementPreviewAnswer)
    def preview_announcement(body: AnnouncementPreviewBody) -> Response:
        """How words would look, in the site's name and to somebody who never was. Nothing is saved."""
        return answered(office.window.shown(g.principal, body))


def _add_writing(blueprint: APIBlueprint, database: Database, box: Sealer, office: Office) -> None:
    @blueprint.post("/announcements")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(AnnouncementBody)
    @blueprint.output(AnnouncementAnswer, status_code=201)
    def create_announcement(body: AnnouncementBody) -> Response:
        """Write a draft. Takes an Idempotency-Key; what is wrong with its words is told at their field (422)."""
        chosen, actor = office.bureau.chosen(g.principal, body.audience, g.principal.site_id), g.principal.actor
        return create(
            database, box, body, lambda session: _answer(drafts.add(session, chosen, actor, body)), chosen.scope
        )

    @blueprint.put(ONE)
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(AnnouncementBody)
    @blueprint.output(AnnouncementAnswer)
    def change_announcement(announcement_id: UUID, body: AnnouncementBody) -> Response:
        """Put other words or another audience in their place: a draft again, whoever approved it. Takes If-Match."""
        expected, scope = expected_versions(), office.bureau.scope(g.principal, announcement_id)
        with database.transaction(scope) as session:
            site_id = drafts.find(session, announcement_id).site_id
        chosen = office.bureau.chosen(g.principal, body.audience, site_id)
        with database.transaction(scope) as session:
            return answered(_answer(drafts.change(session, announcement_id, chosen, g.principal.actor, body, expected)))

    @blueprint.post(f"{ONE}/copy")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(CopyBody, optional=True)
    @blueprint.output(AnnouncementAnswer, status_code=201)
    def copy_announcement(announcement_id: UUID, body: CopyBody) -> Response:
        """A draft with the same words and audience. Takes an Idempotency-Key."""
        scope, actor = office.bureau.scope(g.principal, announcement_id), g.principal.actor
        return create(database, box, body, lambda session: _answer(drafts.copy(session, announcement_id, actor)), scope)


def _add_sending(blueprint: APIBlueprint, database: Database, office: Office) -> None:
    @blueprint.post(f"{ONE}/count")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(CountAnswer)
    def count_announcement(announcement_id: UUID) -> Response:
        """How many people it goes to now, how many of them refused announcements, and how many no channel reaches; and
        how many colleagues may approve it, should it be for many."""
        scope = office.bureau.scope(g.principal, announcement_id)
        counted = office.counter.count(scope, announcement_id)
        return answered(
            CountAnswer(
                people=counted.people,
                few=counted.few,
                by_mail=counted.by_mail,
                by_sms=counted.by_phone,
                refused=counted.refused,
                unreached=counted.unreached,
                approvers=office.approvers(scope, announcement_id, g.principal.actor),
            )
        )

    @blueprint.post(f"{ONE}/submit")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(CountedBody)
    @blueprint.output(AnnouncementAnswer)
    def submit_announcement(announcement_id: UUID, body: CountedBody) -> Response:
        """Hand a draft in: to be sent, or approved where it is for many. Takes If-Match; 409 with the number of people
        where it is not what the caller says. For many it takes staff in a session, never a key."""
        expected, scope = expected_versions(), office.bureau.scope(g.principal, announcement_id)
        counted = office.counter.count(scope, announcement_id)
        return _acted(
            database,
            scope,
            lambda s: approval.submit(s, announcement_id, expected, g.principal, counted, body.people, office.alone),
        )

    @blueprint.post(f"{ONE}/approve")
    @allow(Caller.STAFF)
    @json_body(CountedBody)
    @blueprint.output(AnnouncementAnswer)
    def approve_announcement(announcement_id: UUID, body: CountedBody) -> Response:
        """Approve this version for so many people. Takes If-Match. 403 for whoever had a hand in it, whom one of these
        invited or who invited them, and for keys."""
        expected, scope = expected_versions(), office.bureau.scope(g.principal, announcement_id)
        seconds = office.seconds(scope, announcement_id, g.principal)
        return _acted(
            database,
            scope,
            lambda s: approval.approve(s, announcement_id, expected, g.principal, body.people, office.alone, seconds),
        )

    @blueprint.post(f"{ONE}/decline")
    @allow(Caller.STAFF)
    @json_body(DeclineBody)
    @blueprint.output(AnnouncementAnswer)
    def decline_announcement(announcement_id: UUID, body: DeclineBody) -> Response:
        """Do not approve this version, and say why: it is a draft again. Takes If-Match."""
        expected, scope = expected_versions(), office.bureau.scope(g.principal, announcement_id)
        return _acted(database, scope, lambda s: approval.decline(s, announcement_id, expected, g.principal, body.why))

    @blueprint.post(f"{ONE}/stop")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(StopBody, optional=True)
    @blueprint.output(AnnouncementAnswer)
    def stop_announcement(announcement_id: UUID, body: StopBody) -> Response:
        """Send nothing more of it, but for what is being handed over just now; or discard a draft."""
        scope, actor = office.bureau.scope(g.principal, announcement_id), g.principal.actor
        return _acted(database, scope, lambda session: approval.stop(session, announcement_id, actor, body.why))


def _progress(session: Session, rows: Sequence[Announcement]) -> list[AnnouncementProgress]:
    ids = [row.id for row in rows]
    states, quiet = states_of(session, ids), quiet_until(session, ids)
    return [
        AnnouncementProgress(
            **_answer(row).model_dump(), written=row.written, states=states[row.id], quiet_until=quiet.get(row.id)
        )
        for row in rows
    ]


def _acted(database: Database, scope: str, act: Callable[[Any], Announcement]) -> Response:
    with database.transaction(scope) as session:
        return answered(_answer(act(session)))


def _answer(row: Announcement) -> AnnouncementAnswer:
    return AnnouncementAnswer.model_validate(row)
