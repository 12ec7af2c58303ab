"""The audit log for people: who, when, what, from where."""

import json
import re
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import OVER_AREAS, Caller, allow
from services.common.database import Database
from services.common.errors import Words, language
from services.common.pages import Answer, Form, in_menu, page_blueprint, render
from services.registration.models import Site
from services.registration.operations.staff.audit_log import Reader, read
from services.registration.pages.audit_words import ACTIONS, ACTORS, FACTS, PLUMBING
from services.registration.personal_data import PersonalData
from services.registration.schemas.audit import AuditAnswer, AuditQuery
from services.registration.table_words import COLUMNS, TABLES

MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")
"""As the database writes it. Text that people wrote may look like it, and need not be a moment."""
FILTERS = ("kind", "action", "record", "actor", "site_id", "since", "until", "cursor")


def audit_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The page of the audit log."""
    blueprint = page_blueprint("audit_pages", __name__, url_prefix="/staff/audit")
    in_menu("audit_pages.show_audit", "操作记录", "Audit log", 22, without_site=OVER_AREAS)

    @blueprint.get("")
    @allow(Caller.STAFF)
    def show_audit() -> Answer:
        """Who did what at one's sites."""
        asked = {name: value for name in FILTERS if (value := request.args.get(name))}
        form = Form[AuditQuery](request.args)
        form.read(AuditQuery, {name: _moment(name, value) for name, value in asked.items()} | {"limit": 30})
        reader = Reader.of(g.principal)
        shown: list[AuditAnswer] = []
        cursor, zone = None, "Asia/Shanghai"
        with form.catching(), database.transaction(reader.scope) as session:
            zone = _zone(session, g.principal.site_id)
            shown, cursor = read(session, data, reader, form.body)
        more = f"{url_for('.show_audit')}?{urlencode(asked | {'cursor': str(cursor)})}" if cursor else ""
        context = {
            "who": who,
            "did": did,
            "columns": columns,
            "kinds": TABLES,
            "actions": ACTIONS,
            "several": reader.several,
        }
        page = render("audit/audit.html", form=form, entries=shown, more=more, zone=zone, asked=asked, **context)
        return page, 422 if form.failed else 200

    return blueprint


def _moment(name: str, value: str) -> str:
    """A day of the form as the moment at which it begins in China, where the sites are."""
    return f"{value}T00:00:00+08:00" if name in ("since", "until") and len(value) == 10 else value


def _zone(session: Session, site_id: UUID | None) -> str:
    site = session.get(Site, site_id) if site_id else None
    return site.time_zone if site else "Asia/Shanghai"


def who(entry: AuditAnswer) -> str:
    """Who did it: the name of whom the reader may know, else what they are."""
    kind = _in_words(ACTORS, entry.actor.partition(":")[0])
    return f"{kind} {entry.actor_name}" if entry.actor_name else kind


def did(entry: AuditAnswer) -> str:
    """What they did, to what."""
    join = "" if language() == "zh" else " "
    return join.join((_in_words(ACTIONS, entry.action), _in_words(TABLES, entry.kind)))


def columns(entry: AuditAnswer, zone: str) -> list[tuple[str, str]]:
    """What changed: (column, in words)."""
    words = COLUMNS | FACTS
    return [
        (_in_words(words, name), _change(value, zone)) for name, value in entry.changed.items() if name not in PLUMBING
    ]


def _change(value: Any, zone: str) -> str:
    if value == "*":
        return str(Words("已更改（内容不显示）", "changed (not shown)"))
    if isinstance(value, list) and len(value) == 2:
        before, after = (_plain(part, zone) for part in value)
        return after if before == "–" else f"{before} → {after}"
    return _plain(value, zone)


def _plain(value: Any, zone: str) -> str:
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return str(Words("是", "yes") if value else Words("否", "no"))
    if isinstance(value, str) and MOMENT.fullmatch(value):
        with suppress(ValueError, OverflowError):
            return f"{datetime.fromisoformat(value).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)[:200]
    return str(value)[:200]


def _in_words(words: dict[str, Words], name: str) -> str:
    return str(words[name]) if name in words else name
