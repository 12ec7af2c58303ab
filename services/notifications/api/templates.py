"""Routes: the words of messages. A site's are its own; an operator's count for all sites that have none."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered, expected_versions, json_body
from services.common.database import Database
from services.notifications.operations import templates
from services.notifications.operations.previews import Preview, Showroom
from services.notifications.operations.templates import Counting, Place, find_place
from services.notifications.schemas.templates import (
    KindAnswer,
    KindList,
    PlaceAnswer,
    PreviewAnswer,
    PreviewBody,
    SmsAnswer,
    TemplateAnswer,
    VariableAnswer,
    VersionAnswer,
    VersionList,
    WordingBody,
)
from services.notifications.wording.builtin import Wording
from services.notifications.wording.samples import samples_of
from services.notifications.wording.variables import KINDS, VARIABLES, Channel, Language, TemplateKind

ONE = "/templates/<string:kind>/<string:channel>/<string:language>"


def templates_blueprint(database: Database, showroom: Showroom) -> APIBlueprint:
    """The routes of templates."""
    blueprint = APIBlueprint("templates", __name__, tag="Templates", url_prefix="/v1")
    _add_reading(blueprint, database)
    _add_changing(blueprint, database)

    @blueprint.post(f"{ONE}/preview")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(PreviewBody)
    @blueprint.output(PreviewAnswer)
    def preview(kind: str, channel: str, language: str, body: PreviewBody) -> Response:
        """How words would look. Nothing is saved; 422 with the fields for words that could not be."""
        place, words = find_place(kind, channel, language), wording_of(body)
        if body.message_id:
            return answered(_previewed(showroom.real(g.principal.scope, place, words, body.message_id)))
        return answered(_previewed(showroom.sample(place, words, body.sample)))

    return blueprint


def _add_reading(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/templates")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(KindList)
    def list_templates() -> Response:
        """Every kind, what its words may say, and whose words count."""
        with database.transaction(g.principal.scope) as session:
            found = templates.all_counting(session, _owner())
        return answered(KindList(items=[_kind(kind, found) for kind in KINDS.values()]))

    @blueprint.get(ONE)
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(TemplateAnswer)
    def show_template(kind: str, channel: str, language: str) -> Response:
        """The words that count."""
        with database.transaction(g.principal.scope) as session:
            return answered(_counting(templates.counting(session, _owner(), find_place(kind, channel, language))))

    @blueprint.get(f"{ONE}/versions")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(VersionList)
    def show_versions(kind: str, channel: str, language: str) -> Response:
        """Every version of the caller's own words, the newest first."""
        with database.transaction(g.principal.scope) as session:
            found = templates.history(session, _owner(), find_place(kind, channel, language))
            return answered(VersionList(items=[VersionAnswer.model_validate(one) for one in found]))


def _add_changing(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.put(ONE)
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(WordingBody)
    @blueprint.output(TemplateAnswer)
    def save_template(kind: str, channel: str, language: str, body: WordingBody) -> Response:
        """Put words in place of those that count: a new version. Takes If-Match (`"0"` for the first); what is wrong is
        told at its field (422). 403 for words that guard an account or a consent."""
        place, expected = find_place(kind, channel, language), expected_versions()
        with database.transaction(g.principal.scope) as session:
            words, actor = wording_of(body), g.principal.actor
            return answered(_counting(templates.save(session, _owner(), place, words, expected, actor)))

    @blueprint.post(f"{ONE}/versions/<int:version>/take-up")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(TemplateAnswer)
    def take_up(kind: str, channel: str, language: str, version: int) -> Response:
        """Take the words of an earlier version up again, as a new version. Takes If-Match. Version 0: no own words any
        more; those of all sites count, or the built-in ones."""
        place, expected = find_place(kind, channel, language), expected_versions()
        with database.transaction(g.principal.scope) as session:
            actor = g.principal.actor
            return answered(_counting(templates.take_up(session, _owner(), place, version, expected, actor)))


def wording_of(body: WordingBody) -> Wording:
    """The words that somebody sent."""
    return Wording(body.subject, body.text, body.note)


def _owner() -> UUID | None:
    """Whose words the caller reads and changes: their site's; an operator's are those of all sites."""
    site_id: UUID | None = None if g.principal.is_operator else g.principal.site_id
    return site_id


def _kind(kind: TemplateKind, found: list[Counting]) -> KindAnswer:
    needed = kind.needed_in(Channel.MAIL)
    return KindAnswer(
        kind=kind.name,
        title_zh=kind.title.zh,
        title_en=kind.title.en,
        locked=str(kind.locked) if kind.locked else None,
        variables=[_variable(name, name in needed) for name in kind.variables],
        samples=[one.name for one in samples_of(kind, Language.ZH)],
        templates=[_place(one) for one in found if one.place.kind is kind],
    )


def _variable(name: str, needed: bool) -> VariableAnswer:
    one = VARIABLES[name]
    return VariableAnswer(
        name=name,
        name_zh=one.zh,
        meaning_zh=one.meaning.zh,
        meaning_en=one.meaning.en,
        example_zh=one.example.zh,
        example_en=one.example.en,
        may_be_empty=one.may_be_empty,
        needed=needed,
    )


def _place(one: Counting) -> PlaceAnswer:
    return PlaceAnswer(**_of_place(one.place), origin=one.origin, version=one.version)


def _counting(one: Counting) -> TemplateAnswer:
    return TemplateAnswer(
        **_of_place(one.place),
        kind=one.place.kind.name,
        origin=one.origin,
        version=one.version,
        **vars(one.wording),
        saved_at=one.saved and one.saved.saved_at,
        saved_by=one.saved and one.saved.saved_by,
    )


def _of_place(place: Place) -> dict[str, Any]:
    return {"channel": place.channel, "language": place.language}


def _previewed(one: Preview) -> PreviewAnswer:
    sms = one.sms and SmsAnswer(text=one.sms.text, cost=one.sms.cost, **vars(one.sms.length))
    return PreviewAnswer(subject=one.subject, html=one.html, text=one.text, sms=sms, name_is_known=one.name_is_known)
