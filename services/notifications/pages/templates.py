"""The words of messages, for staff: which count, what they were, putting others in their place and looking at them."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, make_response, request, url_for

from services.common.auth import OPERATORS, Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import Words, not_found
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render, typed_version
from services.common.web import PAGE_POLICY
from services.notifications.api.templates import wording_of
from services.notifications.operations import templates
from services.notifications.operations.previews import Preview, Showroom, latest_messages
from services.notifications.operations.templates import Counting, Origin, Place, find_place
from services.notifications.pages.site import zone
from services.notifications.schemas.templates import WordingBody
from services.notifications.wording.samples import samples_of
from services.notifications.wording.variables import KINDS, VARIABLES, Channel, Language, Variable

ONE = "/<string:kind>/<string:channel>/<string:language>"
SHOWS_FRAME = f"{PAGE_POLICY}; frame-src 'self'"
IN_FRAME = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self';"
    " sandbox"
)
"""A mail has its styles inline, as mail programs want it; and runs nothing, whatever stands in it."""

ORIGINS = {
    Origin.SITE: Words("本站的措辞", "the site's words"),
    Origin.EVERY_SITE: Words("各站点通用的措辞", "words of all sites"),
    Origin.BUILT_IN: Words("内置", "built in"),
}
CHANNELS = {Channel.MAIL: Words("邮件", "Mail"), Channel.SMS: Words("短信", "SMS")}
LANGUAGES = {Language.ZH: Words("中文", "Chinese"), Language.EN: Words("英文", "English")}
FIELDS = {"subject": Words("主题", "Subject"), "text": Words("正文", "Text"), "note": Words("附言", "Note")}

Names = dict[str, Any]


def templates_pages(database: Database, showroom: Showroom) -> APIBlueprint:
    """The pages of templates."""
    blueprint = page_blueprint("templates_pages", __name__, url_prefix="/staff/templates")
    in_menu("templates_pages.list_templates", "消息措辞", "Words of messages", 17, without_site=OPERATORS)
    _add_reading(blueprint, database)
    _add_changing(blueprint, database, showroom)
    return blueprint


def _add_reading(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def list_templates() -> Answer:
        """Every kind, and whose words count."""
        with database.transaction(_scope()) as session:
            found = templates.all_counting(session, _owner())
            faults = templates.faults(session)
        of_kinds = [(kind, [one for one in found if one.place.kind is kind]) for kind in KINDS.values()]
        return render("templates/list.html", of_kinds=of_kinds, faults=faults, **_words())

    @blueprint.get(ONE)
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def show_template(kind: str, channel: str, language: str) -> Answer:
        """The words that count, in a form."""
        with database.transaction(_scope()) as session:
            found = templates.counting(session, _owner(), find_place(kind, channel, language))
        return _edit_page(database, found, Form({**vars(found.wording), "version": found.version}))

    @blueprint.get(f"{ONE}/versions")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def show_versions(kind: str, channel: str, language: str) -> Answer:
        """What the words were."""
        return _versions_page(database, find_place(kind, channel, language), Form())


def _add_changing(blueprint: APIBlueprint, database: Database, showroom: Showroom) -> None:
    @blueprint.post(ONE)
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def save_template(kind: str, channel: str, language: str) -> Answer:
        """Put words in place of those that count."""
        place = find_place(kind, channel, language)
        form = read_form(WordingBody, left_out=("version", "sample"))
        with form.catching(), database.transaction(_scope()) as session:
            templates.save(session, _owner(), place, wording_of(form.body), typed_version(), g.principal.actor)
        if form.failed:
            with database.transaction(_scope()) as session:
                found = templates.counting(session, _owner(), place)
            return _edit_page(database, found, form, 422)
        return done(_address(place), "已保存，从下一条消息起使用。", "Saved. It is used from the next message on.")

    @blueprint.post(f"{ONE}/versions/<int:version>/take-up")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def take_up(kind: str, channel: str, language: str, version: int) -> Answer:
        """Take the words of an earlier version up again."""
        place, form = find_place(kind, channel, language), Form[Any]()
        with form.catching(), database.transaction(_scope()) as session:
            templates.take_up(session, _owner(), place, version, typed_version(), g.principal.actor)
        if form.failed:
            form.problem = form.problem or next(iter(form.errors.values()))
            return _versions_page(database, place, form), 409
        return done(_address(place), "已恢复，从下一条消息起使用。", "Taken up again, from the next message on.")

    @blueprint.post(f"{ONE}/preview")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def preview(kind: str, channel: str, language: str) -> Answer:
        """How the typed words would look, for the frame beside them."""
        place = find_place(kind, channel, language)
        form, shown = read_form(WordingBody, left_out=("version", "sample")), Preview()
        with form.catching():
            shown = _shown(showroom, place, form, request.form.get("sample", "usual"))
        response = make_response(render("templates/preview.html", shown=shown, form=form, place=place, **_words()))
        response.headers["Content-Security-Policy"] = IN_FRAME
        return response


def _shown(showroom: Showroom, place: Place, form: Form[WordingBody], sample: str) -> Preview:
    words = wording_of(form.body)
    mark, _, message_id = sample.partition(":")
    if mark != "message":
        return showroom.sample(place, words, sample)
    try:
        return showroom.real(_scope(), place, words, UUID(message_id))
    except ValueError:
        raise not_found("这条消息", "message") from None


def _edit_page(database: Database, found: Counting, form: Form[Any], status: int = 200) -> Response:
    place = found.place
    with database.transaction(_scope()) as session:
        latest = latest_messages(session, _owner(), place)
        fault = templates.faults(session).get(found.saved.id) if found.saved else None
    variables = [VARIABLES[name] for name in place.kind.variables]
    samples = [(one.name, one.title) for one in samples_of(place.kind, place.language)]
    context = {"found": found, "latest": latest, "fault": fault, "samples": samples, "zone": zone(database)}
    page = render(
        "templates/edit.html", form=form, place=place, variables=variables, marked=marked, **context, **_words()
    )
    response = make_response(page)
    response.headers["Content-Security-Policy"] = SHOWS_FRAME
    response.status_code = status
    return response


def marked(variable: Variable) -> tuple[str, str]:
    """A value as it is typed, by its Chinese name and its English one."""
    wrap = "[[{{%s}}]]" if variable.may_be_empty else "{{%s}}"
    return wrap % variable.zh, wrap % variable.name


def _versions_page(database: Database, place: Place, form: Form[Any]) -> str:
    with database.transaction(_scope()) as session:
        versions = templates.history(session, _owner(), place)
    newest = versions[0].version if versions else 0
    context = {"versions": versions, "newest": newest, "who": _who, "zone": zone(database)}
    return render("templates/versions.html", form=form, place=place, **context, **_words())


def _who(actor: str) -> Words:
    caller, _, name = actor.partition(":")
    if actor == g.principal.actor:
        return Words("您", "you")
    if caller == Caller.STAFF:
        return Words(f"工作人员 {name[:8]}", f"staff {name[:8]}")
    return Words("站点密钥", "a site key") if caller == Caller.SITE else Words("运维密钥", "the operator's key")


def _for_all() -> bool:
    """Whether these are the words of all sites: an operator's, where they have chosen no site or ask for them."""
    return bool(g.principal.is_operator and (g.principal.site_id is None or "everyone" in request.args))


def _owner() -> UUID | None:
    site_id: UUID | None = None if _for_all() else g.principal.site_id
    return site_id


def _scope() -> str:
    return EVERY_SITE if _for_all() else str(g.principal.site_id)


def _over() -> Names:
    """What an address has besides, so that it goes on with the words of all sites."""
    return {"everyone": "1"} if "everyone" in request.args else {}


def _of(place: Place) -> Names:
    return {"kind": place.kind.name, "channel": place.channel.value, "language": place.language.value} | _over()


def _address(place: Place) -> str:
    return url_for(".show_template", **_of(place))


def _words() -> dict[str, Any]:
    return {
        "origins": ORIGINS, "channels": CHANNELS, "languages": LANGUAGES, "fields": FIELDS,
        "for_all": _for_all(), "of": _of, "over": _over(),
    }  # fmt: skip
