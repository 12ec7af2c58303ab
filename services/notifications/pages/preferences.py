"""What people want to be told: changed by themselves, by staff for who says so at the desk, by the link of a mail."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import text

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import EVERY_SITE, Database
from services.common.errors import not_found
from services.common.pages import Answer, Form, done, page_blueprint, render, typed_version
from services.notifications.contacts import ContactBook, ContactsUnavailable
from services.notifications.mail.unsubscribe import Refusal, Unsubscribe
from services.notifications.models import Kind
from services.notifications.operations.preferences import (
    MAIL,
    SMS,
    allow_again,
    must_be_known,
    preferences_at,
    refuse,
    save_preferences,
)
from services.notifications.operations.refusable import ORDERED, REFUSABLE
from services.notifications.pages.resident import reach_of, resident_blueprint
from services.notifications.pages.words import CHANNELS
from services.notifications.schemas.preferences import PreferencesAnswer, PreferencesBody
from services.notifications.wording.names import KIND_NAMES

SITES = text("SELECT id, name_zh, name_en FROM sites WHERE id = ANY(:ids) ORDER BY name_zh")


def preferences_pages(
    database: Database, book: ContactBook, links: Unsubscribe, channels: Sequence[str]
) -> list[APIBlueprint]:
    """All of them. `channels` are those that this installation has."""
    return [_own(database, book, channels), _for_staff(database, channels), _by_link(database, book, links)]


def _own(database: Database, book: ContactBook, channels: Sequence[str]) -> APIBlueprint:
    blueprint = resident_blueprint("my_preferences_pages", __name__, url_prefix="/my/messages/settings")

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_own() -> Answer:
        """What the sites that the session reaches were told."""
        return _own_page(database, book, channels, Form())

    @blueprint.post("/<uuid:site_id>")
    @allow(Caller.PERSON)
    def save_own(site_id: UUID) -> Answer:
        """Tell one site."""
        reach = reach_of(book)
        if site_id not in reach.sites:
            raise not_found("这个站点", "site")
        with database.transaction(EVERY_SITE) as session:
            form = _read(preferences_at(session, reach.person_id, site_id), channels)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            save_preferences(session, reach.person_id, site_id, form.body, typed_version())
        if form.failed:
            return _own_page(database, book, channels, form, site_id), 422
        return done(url_for(".show_own"), "已保存。", "Saved.")

    return blueprint


def _own_page(
    database: Database, book: ContactBook, channels: Sequence[str], form: Form[Any], wrong_at: UUID | None = None
) -> str:
    reach = reach_of(book)
    with database.transaction(EVERY_SITE) as session:
        sites = session.execute(SITES, {"ids": reach.sites}).all()
        told = [(site, preferences_at(session, reach.person_id, site.id)) for site in sites]
    return render("preferences/own.html", told=told, form=form, wrong_at=wrong_at, empty=Form(), **_words(channels))


def _for_staff(database: Database, channels: Sequence[str]) -> APIBlueprint:
    blueprint = page_blueprint("preferences_pages", __name__, url_prefix="/staff/messages/preferences")

    def page(person_id: UUID, form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            must_be_known(session, person_id, own_site())
            told = preferences_at(session, person_id, own_site())
        return render("preferences/of_person.html", told=told, person_id=person_id, form=form, **_words(channels))

    @blueprint.get("/<uuid:person_id>")
    @allow(Caller.SITE, Caller.STAFF)
    def show_of_person(person_id: UUID) -> Answer:
        """What somebody told this site."""
        return page(person_id, Form())

    @blueprint.post("/<uuid:person_id>")
    @allow(Caller.SITE, Caller.STAFF)
    def save_of_person(person_id: UUID) -> Answer:
        """Keep what somebody said at the desk."""
        with database.transaction(g.principal.scope) as session:
            must_be_known(session, person_id, own_site())
            form = _read(preferences_at(session, person_id, own_site()), channels)
        with form.catching(), database.transaction(g.principal.scope) as session:
            save_preferences(session, person_id, own_site(), form.body, typed_version())
        if form.failed:
            return page(person_id, form), 422
        return done(url_for(".show_of_person", person_id=person_id), "已保存。", "Saved.")

    return blueprint


def _by_link(database: Database, book: ContactBook, links: Unsubscribe) -> APIBlueprint:
    """Mail programs post here too, without a page and without cookies (RFC 8058)."""
    blueprint = page_blueprint("unsubscribe_pages", __name__, url_prefix="/unsubscribe/<string:token>")

    def page(token: str, refused: bool | None = None, undo: str = "", theirs: bool = True) -> str:
        refusal = _refusal(links, token)
        with database.transaction(EVERY_SITE) as session:
            site = session.execute(SITES, {"ids": [refusal.site_id]}).one_or_none()
        shown = {"site": site, "kind": KIND_NAMES[Kind(refusal.kind)], "refused": refused, "token": token,
                 "undo": undo, "theirs": theirs}  # fmt: skip
        return render("preferences/unsubscribe.html", **shown)

    @blueprint.get("")
    @allow(Caller.LINK)
    def ask(token: str) -> Answer:
        """What the link is about, with a button, or that it was done: whoever only follows it changes nothing."""
        refusal = _refusal(links, token)
        with database.transaction(EVERY_SITE) as session:
            refused = set(preferences_at(session, refusal.person_id, refusal.site_id).refused)
        done_before = refused >= {f"{refusal.kind}.{channel}" for channel in (MAIL, SMS)}
        return page(token, refused=True if done_before else None)

    @blueprint.post("")
    @allow(Caller.LINK)
    def unsubscribe(token: str) -> Answer:
        """Refuse messages of this kind, unless the person reads mail elsewhere by now."""
        refusal = _refusal(links, token)
        if not _is_theirs(book, links, refusal):
            return page(token, theirs=False)
        with database.transaction(EVERY_SITE) as session:
            made = refuse(session, refusal.person_id, refusal.site_id, refusal.kind)
        return page(token, refused=True, undo=links.undo(refusal, *made) if made else "")

    @blueprint.post("/again")
    @allow(Caller.LINK)
    def subscribe_again(token: str) -> Answer:
        """Take back what the page before refused, where nothing was changed since."""
        refusal = _refusal(links, token)
        undone = links.undone(request.form.get("undo", ""), refusal)
        with database.transaction(EVERY_SITE) as session:
            if undone:
                allow_again(session, refusal.person_id, refusal.site_id, refusal.kind, *undone)
            now = preferences_at(session, refusal.person_id, refusal.site_id)
        return page(token, refused=any(one.startswith(f"{refusal.kind}.") for one in now.refused))

    return blueprint


def _refusal(links: Unsubscribe, token: str) -> Refusal:
    refusal = links.read(token)
    if refusal is None or refusal.kind not in REFUSABLE:
        raise not_found("这个退订链接", "unsubscribe link")
    return refusal


def _is_theirs(book: ContactBook, links: Unsubscribe, refusal: Refusal) -> bool:
    """Whether the person still reads mail where the link was mailed to. While nobody can say, and of whom registration
    knows nothing, a refusal holds: it is the person's right."""
    known = (refusal.person_id, refusal.site_id)
    try:
        contact = book.look_up([known]).get(known)
    except ContactsUnavailable:
        return True
    return contact is None or links.was_mailed_to(refusal, contact.email)


def _read(before: PreferencesAnswer, channels: Sequence[str]) -> Form[PreferencesBody]:
    """The posted form. What is ticked is wanted; what the page does not show stays as it was."""
    shown = {f"{kind}.{channel}" for kind in REFUSABLE for channel in channels}
    refused = (set(before.refused) - shown) | (shown - set(request.form.getlist("wanted")))
    sms_first = request.form.getlist("sms_first") if "sms" in channels else before.sms_first
    quiet = {name: request.form[name] for name in ("quiet_from", "quiet_until") if request.form.get(name)}
    form: Form[PreferencesBody] = Form(request.form)
    form.read(PreferencesBody, {"refused": sorted(refused), "sms_first": sms_first} | quiet)
    return form


def _words(channels: Sequence[str]) -> dict[str, Any]:
    return {"channels": {one: CHANNELS[one] for one in channels}, "kinds": KIND_NAMES, "refusable": REFUSABLE,
            "ordered": ORDERED}  # fmt: skip
