"""Groups of a site, for its staff: which there are, what each is told, and a test. For operators their own as well."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select

from services.common.auth import OPERATORS, Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Words
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render, typed_version
from services.common.sealing import Box
from services.notifications.models import Chat
from services.notifications.operations import chats
from services.notifications.schemas.chats import ChatBody, ChatEdit

SERVICES = {
    "wecom": Words("企业微信", "WeCom"),
    "dingtalk": Words("钉钉", "DingTalk"),
    "feishu": Words("飞书", "Feishu"),
    "lark": Words("Lark", "Lark"),
}
TOPICS = {
    "digest": Words("明日一览", "Tomorrow at a glance"),
    "notices": Words("工作提醒（发给站点工作人员的）", "Reminders to the site's staff"),
    "hours": Words("志愿服务时长待记录", "Service hours to record"),
    "webhooks": Words("事件推送被自动停用", "Webhook endpoints that were disabled by themselves"),
}
LANGUAGES = [("zh", Words("中文", "Chinese")), ("en", Words("英文", "English"))]


def chats_pages(database: Database, box: Box) -> APIBlueprint:
    """The list, the form of a group, and its buttons."""
    blueprint = page_blueprint("chats_pages", __name__, url_prefix="/staff/chats")
    in_menu("chats_pages.list_chats", "消息群", "Chat groups", 28, without_site=OPERATORS)

    @blueprint.get("")
    @allow(Caller.STAFF, Caller.OPERATOR)
    def list_chats() -> Answer:
        """The site's; where an operator chose none, the operators' own."""
        return _list(database, Form())

    @blueprint.post("/<uuid:chat_id>/test")
    @allow(Caller.STAFF, Caller.OPERATOR)
    def send_test(chat_id: UUID) -> Answer:
        """Send a message that tells nothing."""
        form, message = Form[Any](), None
        with form.catching(), database.transaction(g.principal.scope) as session:
            message = chats.send_test(session, chat_id)
        if message is None:
            return _list(database, form), 409
        address = url_for("messages_pages.show_message", message_id=message)
        return done(address, "测试消息已排队，刷新本页看结果。", "The test is on its way. Reload for what came of it.")

    @blueprint.post("/<uuid:chat_id>/remove")
    @allow(Caller.STAFF)
    def remove(chat_id: UUID) -> Answer:
        """Tell it nothing more."""
        with database.transaction(g.principal.scope) as session:
            chats.remove_chat(session, chat_id)
        return done(url_for(".list_chats"), "已移除，不再发送。", "It was removed and is told nothing more.")

    _add_forms(blueprint, database, box)
    return blueprint


def _add_forms(blueprint: APIBlueprint, database: Database, box: Box) -> None:
    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_chat() -> Answer:
        """The form of a new group."""
        own_site()
        return _form(Form())

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def create_chat() -> Answer:
        """Add it."""
        form = read_form(ChatBody, lists=("topics",))
        with form.catching(), database.transaction(g.principal.scope) as session:
            chats.create_chat(session, box, own_site(), form.body)
        if form.failed:
            return _form(form), 422
        return done(url_for(".list_chats"), "群已添加，请发一条测试消息。", "The group was added. Send it a test.")

    @blueprint.get("/<uuid:chat_id>/edit")
    @allow(Caller.STAFF)
    def show_edit(chat_id: UUID) -> Answer:
        """The form of a group. Its address is never shown: an empty field leaves it."""
        with database.transaction(g.principal.scope) as session:
            chat = chats.find_chat(session, chat_id)
            return _form(Form({"name": chat.name, "language": chat.language}), chat)

    @blueprint.post("/<uuid:chat_id>/edit")
    @allow(Caller.STAFF)
    def edit_chat(chat_id: UUID) -> Answer:
        """Change it."""
        form = read_form(ChatEdit, lists=("topics",), left_out=("version",), topics=request.form.getlist("topics"))
        with form.catching(), database.transaction(g.principal.scope) as session:
            chats.edit_chat(session, box, chat_id, form.body, typed_version())
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                return _form(form, chats.find_chat(session, chat_id)), 422
        return done(url_for(".list_chats"), "已保存。", "Saved.")


def _list(database: Database, form: Form[Any]) -> str:
    site_id = g.principal.site_id
    of_them = Chat.site_id == site_id if site_id else Chat.site_id.is_(None)
    with database.transaction(g.principal.scope) as session:
        found = session.scalars(select(Chat).where(of_them, Chat.removed_at.is_(None)).order_by(Chat.number)).all()
    full = len(found) >= chats.MOST
    return render(
        "chats/list.html", chats=found, form=form, at_site=bool(site_id), full=full, services=SERVICES, topics=TOPICS
    )


def _form(form: Form[Any], chat: Chat | None = None) -> str:
    chosen = request.form.getlist("topics") if request.method == "POST" else chat.topics if chat else ["digest"]
    return render("chats/form.html", form=form, chat=chat, topics=TOPICS, chosen=chosen, languages=LANGUAGES)
