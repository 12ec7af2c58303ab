"""Announcements on staff's pages: written, looked at, counted, handed in, approved by a second person, stopped."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, g, make_response, request, url_for
from sqlalchemy import text

from services.common.auth import OVER_AREAS, Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import Words, called
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, render, typed_version
from services.notifications.models import Announcement, AnnouncementState
from services.notifications.operations.announcements import approval, drafts
from services.notifications.operations.announcements.office import Office
from services.notifications.operations.announcements.progress import quiet_until, states_of
from services.notifications.pages.announcement_words import (
    AUDIENCE_GONE,
    FEW_PEOPLE,
    FIELDS,
    OF_MESSAGES,
    PLACES,
    colleagues_of,
    come,
    filters_of,
    naming,
    state_of,
    valid_ids,
)
from services.notifications.pages.site import zone
from services.notifications.pages.templates import IN_FRAME, SHOWS_FRAME
from services.notifications.schemas.announcements import (
    AnnouncementBody,
    AnnouncementPreviewBody,
    AnnouncementsQuery,
    AudienceBody,
)

ACTIVITIES = text("""
    SELECT id, title_zh, title_en FROM activities AS a
    WHERE site_id = :site AND NOT cancelled AND EXISTS (
        SELECT FROM shifts WHERE activity_id = a.id AND ends_at > now() - interval '60 days')
    ORDER BY title_zh, id LIMIT 300
""")
SHIFTS = text("""
    SELECT id, starts_at, role_zh, role_en FROM shifts
    WHERE activity_id = (SELECT id FROM activities WHERE id = :activity AND site_id = :site)
      AND (NOT cancelled AND ends_at > now() - interval '60 days' OR id = ANY(:chosen))
    ORDER BY id = ANY(:chosen) DESC, starts_at, id LIMIT 400
""")
SHORT = ("subject_zh", "text_zh", "subject_en", "text_en")

Option = tuple[str, str]


def announcements_pages(database: Database, office: Office) -> APIBlueprint:
    """The pages of announcements."""
    blueprint = page_blueprint("announcements_pages", __name__, url_prefix="/staff/announcements")
    in_menu("announcements_pages.list_announcements", "公告", "Announcements", 15, without_site=OVER_AREAS)
    _add_reading(blueprint, database, office)
    _add_writing(blueprint, database, office)
    _add_sending(blueprint, database, office)
    return blueprint


def _add_reading(blueprint: APIBlueprint, database: Database, office: Office) -> None:
    @blueprint.get("")
    @allow(Caller.STAFF)
    def list_announcements() -> Answer:
        """The newest first."""
        form: Form[AnnouncementsQuery] = Form(request.args)
        form.read(AnnouncementsQuery, {"cursor": request.args["cursor"]} if "cursor" in request.args else {})
        if form.failed:
            return render("announcements/list.html", found=[], more="", form=form, **_words(database)), 422
        areas = office.bureau.areas(g.principal)
        with database.transaction(office.list_scope(g.principal)) as session:
            found, following = drafts.list_announcements(session, g.principal, areas, form.body)
            states = states_of(session, [one.id for one in found])
        progress = {one.id: come(states[one.id]) for one in found}
        more = url_for(".list_announcements", cursor=following) if following else ""
        return render(
            "announcements/list.html", found=found, progress=progress, more=more, form=form, **_words(database)
        )

    @blueprint.get("/<uuid:announcement_id>")
    @allow(Caller.STAFF)
    def show_announcement(announcement_id: UUID) -> Answer:
        """What it says, to whom, and how far it has come."""
        return _one(database, office, announcement_id, Form())

    @blueprint.get("/<uuid:announcement_id>/preview/<string:tongue>")
    @allow(Caller.STAFF)
    def show_preview(announcement_id: UUID, tongue: str) -> Answer:
        """As it goes out, for the frame."""
        row = _find(database, office, announcement_id)
        words = {name: getattr(row, name) for name in SHORT}
        return _frame(office, words, tongue, row.audience.get("activity_id"))


def _add_writing(blueprint: APIBlueprint, database: Database, office: Office) -> None:
    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_announcement() -> Answer:
        """An empty one."""
        return _form_page(database, office, Form())

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def create_announcement() -> Answer:
        """Keep a draft; or list the shifts of the activity that was chosen, for who has no other way to see them."""
        if "shifts" in request.form:
            return _form_page(database, office, Form(request.form))
        form = _read(database)
        with form.catching():
            chosen = office.bureau.chosen(g.principal, form.body.audience, g.principal.site_id)
            with database.transaction(chosen.scope) as session:
                made = drafts.add(session, chosen, g.principal.actor, form.body).id
        if form.failed:
            return _form_page(database, office, form, status=422)
        return done(url_for(".show_announcement", announcement_id=made), "草稿已保存。", "The draft was saved.")

    @blueprint.post("/preview")
    @allow(Caller.STAFF)
    def preview() -> Answer:
        """The typed words, for the frame beside them."""
        words = {name: request.form.get(name, "") for name in SHORT}
        kind, _, chosen = request.form.get("whom", "").partition(":")
        tongue = "en" if request.form.get("tongue") == "en" else "zh"
        return _frame(office, words, tongue, chosen if kind == "activity" else None)

    @blueprint.get("/<uuid:announcement_id>/edit")
    @allow(Caller.STAFF)
    def edit_announcement(announcement_id: UUID) -> Answer:
        """One that has not gone out."""
        row = _find(database, office, announcement_id)
        return _form_page(database, office, Form(_typed(row, zone(database))), row)

    @blueprint.post("/<uuid:announcement_id>/edit")
    @allow(Caller.STAFF)
    def change_announcement(announcement_id: UUID) -> Answer:
        """Put it in its place: a draft again. Or list the shifts of the activity that was chosen."""
        row = _find(database, office, announcement_id)
        if "shifts" in request.form:
            return _form_page(database, office, Form(request.form), row)
        form = _read(database)
        with form.catching():
            chosen = office.bureau.chosen(g.principal, form.body.audience, row.site_id)
            with database.transaction(office.bureau.scope(g.principal, announcement_id)) as session:
                drafts.change(session, row.id, chosen, g.principal.actor, form.body, typed_version())
        if form.failed:
            return _form_page(database, office, form, row, 422)
        return done(url_for(".show_announcement", announcement_id=row.id), "已保存为草稿。", "Saved as a draft.")


def _add_sending(blueprint: APIBlueprint, database: Database, office: Office) -> None:
    def act(announcement_id: UUID, do: Callable[[Any, str], Any], zh: str, en: str) -> Answer:
        form: Form[Any] = Form(request.form)
        scope = office.bureau.scope(g.principal, announcement_id)
        shown = announcement_id
        with form.catching():
            made = do(scope, g.principal.actor)
            shown = made.id
        if form.failed:
            return _one(database, office, announcement_id, form, 409)
        return done(url_for(".show_announcement", announcement_id=shown), zh, en)

    def in_one(scope: str, what: Callable[[Any], Announcement]) -> Announcement:
        with database.transaction(scope) as session:
            return what(session)

    def people() -> int:
        typed = request.form.get("people", "")
        return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 10 else -1

    @blueprint.post("/<uuid:announcement_id>/submit")
    @allow(Caller.STAFF)
    def submit(announcement_id: UUID) -> Answer:
        """Hand it in, for as many people as the page showed."""

        def do(scope: str, actor: str) -> Announcement:
            counted = office.counter.count(scope, announcement_id)
            return in_one(
                scope,
                lambda s: approval.submit(
                    s, announcement_id, typed_version(), g.principal, counted, people(), office.alone
                ),
            )

        return act(announcement_id, do, "已提交。", "It was handed in.")

    @blueprint.post("/<uuid:announcement_id>/approve")
    @allow(Caller.STAFF)
    def approve(announcement_id: UUID) -> Answer:
        """Let it go out, as a second person."""

        def do(scope: str, actor: str) -> Announcement:
            seconds = office.seconds(scope, announcement_id, g.principal)
            return in_one(
                scope,
                lambda s: approval.approve(
                    s, announcement_id, typed_version(), g.principal, people(), office.alone, seconds
                ),
            )

        return act(announcement_id, do, "已批准。", "It is approved.")

    @blueprint.post("/<uuid:announcement_id>/decline")
    @allow(Caller.STAFF)
    def decline(announcement_id: UUID) -> Answer:
        """Hand it back to whoever wrote it, and say why."""
        why = request.form.get("why", "")[:500]

        def do(scope: str, actor: str) -> Announcement:
            return in_one(scope, lambda s: approval.decline(s, announcement_id, typed_version(), g.principal, why))

        return act(announcement_id, do, "已退回修改。", "It was handed back.")

    @blueprint.post("/<uuid:announcement_id>/stop")
    @allow(Caller.STAFF)
    def stop(announcement_id: UUID) -> Answer:
        """Send nothing more of it, or discard a draft."""
        why = request.form.get("stop_why", "")[:500]
        return act(
            announcement_id,
            lambda scope, actor: in_one(scope, lambda s: approval.stop(s, announcement_id, actor, why)),
            "已停止，没发出的不再发。", "It was stopped: what had not gone does not go.",
        )  # fmt: skip

    @blueprint.post("/<uuid:announcement_id>/copy")
    @allow(Caller.STAFF)
    def copy(announcement_id: UUID) -> Answer:
        """A draft with the same words."""
        return act(
            announcement_id,
            lambda scope, actor: in_one(scope, lambda s: drafts.copy(s, announcement_id, actor)),
            "已复制为新的草稿。", "It was copied into a draft.",
        )  # fmt: skip


def _find(database: Database, office: Office, announcement_id: UUID) -> Announcement:
    with database.transaction(office.bureau.scope(g.principal, announcement_id)) as session:
        return drafts.find(session, announcement_id)


def _one(database: Database, office: Office, announcement_id: UUID, form: Form[Any], status: int = 200) -> Response:
    scope = office.bureau.scope(g.principal, announcement_id)
    with database.transaction(scope) as session:
        row, states = drafts.find(session, announcement_id), states_of(session, [announcement_id])[announcement_id]
        alone = approval.left_alone(session, row, office.alone, g.principal.actor)
        quiet = quiet_until(session, [announcement_id]).get(announcement_id)
    counted = None
    if row.state == AnnouncementState.DRAFT:
        counting = form if not form.failed else Form[Any]()  # what went wrong before is told, not put aside
        with counting.catching():
            counted = office.counter.count(scope, announcement_id)
    known = {"row": row, "progress": states, "of_messages": OF_MESSAGES, "counted": counted, "alone": alone}
    known["quiet"] = quiet
    mine = g.principal.actor in (*row.written_by, row.submitted_by)
    submitter = g.principal.actor if row.state == AnnouncementState.DRAFT else None
    colleagues = colleagues_of(office.bureau.book, row, submitter)
    nobody = colleagues is not None and not colleagues.staff
    known |= {"filters": filters_of(row), "who": naming(colleagues), "gone": AUDIENCE_GONE, "nobody": nobody}
    known |= {"shifts": _chosen_shifts(database, row)}
    page = render("announcements/one.html", form=form, mine=mine, **known, **_words(database))
    return _showing_frame(page, status)


def _form_page(
    database: Database, office: Office, form: Form[Any], row: Announcement | None = None, status: int = 200
) -> Response:
    known = {"row": row, "options": _audiences(database, office), "all_places": PLACES}
    known |= _shifts(database, form, row)
    return _showing_frame(render("announcements/form.html", form=form, **known, **_words(database)), status)


def _showing_frame(page: str, status: int) -> Response:
    response = make_response(page, status)
    response.headers["Content-Security-Policy"] = SHOWS_FRAME
    return response


def _frame(office: Office, words: dict[str, str], tongue: str, activity_id: str | None) -> Response:
    form: Form[AnnouncementPreviewBody] = Form(words)
    shown = None
    if any(word.strip() for word in words.values()):  # before anything is typed there is nothing to show or to find
        form.read(AnnouncementPreviewBody, words | {"language": tongue, "activity_id": activity_id or None})
        with form.catching():
            shown = office.window.shown(g.principal, form.body)
    known = {"form": form, "shown": shown, "tongue": tongue, "fields": FIELDS}
    response = make_response(render("announcements/preview.html", **known))
    response.headers["Content-Security-Policy"] = IN_FRAME
    return response


def _audiences(database: Database, office: Office) -> list[Option]:
    """Whom one may write to: the site, its activities and teams, areas."""
    choices, site_id = office.bureau.choices(g.principal), g.principal.site_id
    with database.transaction(EVERY_SITE) as session:
        activities: Sequence[Any] = session.execute(ACTIVITIES, {"site": site_id}).all() if site_id else []
    whole = str(Words("全站：站点认识的每个人", "The whole site: everybody whom it knows"))
    return [
        *([("site", whole)] if site_id else []),
        *[(f"activity:{one.id}", f"{Words('活动', 'Activity')} · {called(one, 'title')}") for one in activities],
        *[(f"team:{one.id}", f"{Words('队伍', 'Team')} · {called(one)}") for one in choices.teams],
        *[(f"area:{one.id}", f"{Words('区划', 'Area')} · {called(one)}") for one in choices.areas],
    ]


def _shifts(database: Database, form: Form[Any], row: Announcement | None) -> dict[str, Any]:
    """The shifts of the activity that was chosen, and those among them that were: what is not shown would be lost, and
    without any it goes to all."""
    kind, _, of = form.value("whom").partition(":")
    if form.values and hasattr(form.values, "getlist"):
        chosen = valid_ids(form.values.getlist("shift_ids")) if of == form.value("shifts_of") else []
    else:
        chosen = AudienceBody.model_validate(row.audience).shift_ids if row else []
    activity = next(iter(valid_ids([of])), None) if kind == "activity" else None
    if activity is None:
        return {"shifts": [], "chosen": [], "unheard": [], "shifts_of": ""}
    found = _shifts_of(database, activity, chosen, row.site_id if row else g.principal.site_id)
    return {
        "shifts": found,
        "chosen": chosen,
        "unheard": set(chosen) - {one.id for one in found},
        "shifts_of": activity,
    }


def _chosen_shifts(database: Database, row: Announcement) -> list[Any]:
    audience = AudienceBody.model_validate(row.audience)
    if audience.activity_id is None or not audience.shift_ids:
        return []
    found = _shifts_of(database, audience.activity_id, audience.shift_ids, row.site_id)
    return [one for one in found if one.id in audience.shift_ids]


def _shifts_of(database: Database, activity: UUID, chosen: Sequence[UUID], site_id: UUID | None) -> list[Any]:
    with database.transaction(EVERY_SITE) as session:
        found = session.execute(SHIFTS, {"activity": activity, "chosen": list(chosen), "site": site_id}).all()
    return sorted(found, key=lambda one: one.starts_at)


def _read(database: Database) -> Form[AnnouncementBody]:
    typed = request.form
    kind, _, chosen = typed.get("whom", "").partition(":")
    named = {"activity": "activity_id", "team": "team_id", "area": "area"}
    audience: dict[str, Any] = {"to": kind or "site", "places": typed.getlist("places") if kind == "activity" else []}
    audience |= {named[kind]: chosen} if kind in named else {}
    if kind == "activity" and chosen == typed.get("shifts_of"):
        audience["shift_ids"] = typed.getlist("shift_ids")
    audience |= {name: typed[name] for name in ("language", "ages") if typed.get(name)}
    audience["volunteers_only"] = typed.get("volunteers_only") == "on"
    body: dict[str, Any] = {name: typed.get(name, "") for name in SHORT} | {"audience": audience}
    if typed.get("send_at"):
        body["send_at"] = _moment(typed["send_at"], zone(database))
    if typed.get("per_minute"):
        body["per_minute"] = typed["per_minute"]
    form: Form[AnnouncementBody] = Form(typed)
    form.read(AnnouncementBody, body)
    return form


def _moment(written: str, where: str) -> Any:
    """What the site's clocks show; what is no time is left for the check to say so."""
    try:
        return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(where)).isoformat()
    except ValueError:
        return written


def _typed(row: Announcement, where: str) -> dict[str, str]:
    """The form as it was filled in."""
    audience = AudienceBody.model_validate(row.audience)
    chosen = audience.activity_id or audience.team_id or audience.area
    typed = {name: getattr(row, name) for name in SHORT}
    typed["whom"] = f"{audience.to}:{chosen}" if chosen else audience.to
    typed |= {"language": audience.language or "", "ages": audience.ages or "", "per_minute": str(row.per_minute or "")}
    typed["volunteers_only"] = "on" if audience.volunteers_only else ""
    typed["send_at"] = f"{row.send_at.astimezone(ZoneInfo(where)):%Y-%m-%dT%H:%M}" if row.send_at else ""
    return typed | {"version": str(row.version)}


def _words(database: Database) -> dict[str, Any]:
    return {"state_of": state_of, "zone": zone(database), "is_few": approval.is_few, "few": FEW_PEOPLE}
