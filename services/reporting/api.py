"""Routes of the reporting service."""

import hashlib
import json
import re
from collections.abc import Iterable
from io import BytesIO
from secrets import token_hex
from typing import Any
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, g, request
from sqlalchemy import RowMapping

from services.common.auth import NOTHING, Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.common.errors import Words, invalid, language
from services.common.logs import get_logger
from services.reporting.documents import CsvDocument, JsonDocument, Spool, write_document
from services.reporting.exports.cells import Language
from services.reporting.exports.csv_table import CSV_TYPE, csv_table
from services.reporting.exports.workbook import XLSX_TYPE, write_workbook
from services.reporting.operations.access import Access, enter
from services.reporting.operations.answer import Answer
from services.reporting.operations.facts import BEFORE_ALL, Behind, Pseudonyms, facts_behind, figure_of
from services.reporting.operations.measures import PEOPLE
from services.reporting.operations.participation import participation
from services.reporting.operations.query import ask
from services.reporting.operations.recount import begin, latest
from services.reporting.operations.scope import (
    ZONE,
    LogPosition,
    Scope,
    read_log_position,
    read_scope,
    report_snapshot,
)
from services.reporting.schemas import (
    FactAnswer,
    FactsAnswer,
    FactsQuery,
    LogAnswer,
    ParticipationAnswer,
    ParticipationQuery,
    RecountAnswer,
    RecountsAnswer,
    ReportAnswer,
    ReportQuery,
    ScopeAnswer,
)

log = get_logger(__name__)

CURSOR = re.compile(r"([0-9a-f]{32})\.([0-9a-f-]{36})")
SHOWN_DIFFERENCES = 100

MOST_IN_WORKBOOK = 50_000
"""Rows: a workbook takes about a kilobyte of scratch space for each."""

TOO_LONG = Words(
    f"超过 {MOST_IN_WORKBOOK:,} 行，请改用 CSV。",
    f"has more than {MOST_IN_WORKBOOK:,} rows for a workbook. Ask for CSV.",
)


def blueprints(database: Database, secret: str) -> list[APIBlueprint]:
    """The service's routes. With the secret persons are given other names in every list."""
    reports = APIBlueprint("reports", __name__, tag="Reports", url_prefix="/v1/reports")

    @reports.get("/participation")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR, areas=True)
    @reports.input(ParticipationQuery, location="query", arg_name="query")
    @reports.output(ParticipationAnswer)
    def show_participation(query: ParticipationQuery) -> Response:
        """Participation in an area and everything under it, or at a site, by up to three dimensions."""
        with report_snapshot(database, NOTHING) as session:
            access = enter(session, g.principal, query.area, query.site)
            scope = read_scope(session, access.area, access.site)
            position = read_log_position(session)
            tag = _etag(access, query, position)
            if request.if_none_match.contains_weak(tag):
                return _with_headers(Response(status=304), tag)
            rows = participation(session, scope, query.first, query.last, query.dimensions)
            spool = Spool()
            if query.format == "csv":
                write_document(rows, CsvDocument(spool, scope, query.dimensions))
            else:
                write_document(rows, JsonDocument(spool, _head(query, scope, position), scope, query.dimensions))
        return _with_headers(_answer(query, scope, spool), tag)

    @reports.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR, areas=True)
    @reports.input(ReportQuery, location="query", arg_name="query")
    @reports.output(ReportAnswer)
    def show_report(query: ReportQuery) -> Response:
        """Any measures of an area and everything under it, or of a site, by up to three dimensions, beside another
        time if asked."""
        with report_snapshot(database, NOTHING) as session:
            access = enter(session, g.principal, query.area, query.site)
            scope = read_scope(session, access.area, access.site)
            position = read_log_position(session)
            tag = _etag(access, query, position)
            if request.if_none_match.contains_weak(tag):
                return _with_headers(Response(status=304), tag)
            answer = ask(session, scope, query.asked, position.as_of)
        return _with_headers(_in_format(query, scope, position, answer), tag)

    return [reports, _facts(database, secret), _recounts(database)]


def _facts(database: Database, secret: str) -> APIBlueprint:
    facts = APIBlueprint("facts", __name__, tag="Reports", url_prefix="/v1/reports")

    @facts.get("/facts")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR, areas=True)
    @facts.input(FactsQuery, location="query", arg_name="query")
    @facts.output(FactsAnswer)
    def show_facts(query: FactsQuery) -> Response:
        """The facts behind one figure of the participation report: registrations, without whose they are. Who looked
        at which is logged."""
        this_list, after = _where(query.cursor)
        behind = query.behind
        with report_snapshot(database, NOTHING) as session:
            access = enter(session, g.principal, query.area, query.site)
            scope = read_scope(session, access.area, access.site)
            head = _head(query, scope, read_log_position(session))
            value = figure_of(session, scope, behind)
            found = facts_behind(session, scope, behind, after, query.limit + 1)
        rows = found[: query.limit]
        log.info(
            "facts_read", actor=g.principal.actor, area=access.area, site=str(access.site or "") or None,
            figure=behind.figure, first=str(behind.first), last=str(behind.last), only=behind.only, rows=len(rows),
        )  # fmt: skip
        names = Pseudonyms(secret, repr((this_list, g.principal.actor, access.area, access.site, behind)))
        items = [_fact(row, names, behind).model_dump(mode="json") for row in rows]
        answer = head | {"figure": behind.figure, "value": value, "items": items}
        goes_on = f"{this_list}.{rows[-1]['registration_id']}" if len(found) > len(rows) else None
        return answered(answer, following=goes_on)

    return facts


def _where(cursor: str | None) -> tuple[str, UUID]:
    """Which list it is, and after which fact it goes on. Raises 422 for a cursor that none has given out."""
    if cursor is None:
        return token_hex(16), BEFORE_ALL
    parts = CURSOR.fullmatch(cursor)
    try:
        return parts[1], UUID(parts[2])  # type: ignore[index]
    except (TypeError, ValueError):
        raise invalid("cursor", Words("请使用 Link 头给出的地址。", "use the address in the Link header.")) from None


def _fact(row: RowMapping, names: Pseudonyms, behind: Behind) -> FactAnswer:
    adds = None if behind.figure in PEOPLE else row["adds"]
    return FactAnswer.model_validate({**row, "person": names.of(row["counted"]), "adds": adds})


def _recounts(database: Database) -> APIBlueprint:
    recounts = APIBlueprint("recounts", __name__, tag="Operators", url_prefix="/internal")

    @recounts.post("/recount")
    @allow(Caller.OPERATOR)
    @recounts.output(RecountsAnswer, status_code=202)
    def begin_recount() -> Response:
        """Let every figure be counted anew and compared, soon; nothing happens if that is going on."""
        begin(database)
        return _latest(202)

    @recounts.get("/recount")
    @allow(Caller.OPERATOR)
    @recounts.output(RecountsAnswer)
    def show_recounts() -> Response:
        """How far the recount is that goes on, and what it and the last one found."""
        return _latest(200)

    def _latest(status: int) -> Response:
        with database.transaction() as session:
            found = latest(session, recounts=2, differences=SHOWN_DIFFERENCES)
        return answered(RecountsAnswer(items=[RecountAnswer.model_validate(one) for one in found]), status)

    return recounts


def _in_format(query: ReportQuery, scope: Scope, position: LogPosition, answer: Answer) -> Response:
    if query.format == "json":
        head = _head(query, scope, position)
        columns = [{"name": one.name, "title": str(one.title), "kind": one.kind} for one in answer.columns]
        whole = head | {"columns": columns, "rows": answer.rows, "total": answer.total, "notes": answer.notes}
        return Response(json.dumps(whole, ensure_ascii=False, default=str), mimetype="application/json")
    answer.as_of = answer.as_of.astimezone(ZoneInfo(ZONE))
    reader: Language = "zh" if language() == "zh" else "en"
    name = f"report-{scope.area or scope.site}-{query.first}-{query.last}.{query.format}"
    if query.format == "csv":
        return _file(csv_table(answer, reader), CSV_TYPE, name)
    if len(list(answer.rows)) > MOST_IN_WORKBOOK:
        raise invalid("format", TOO_LONG)
    book = BytesIO()
    write_workbook([answer], reader, book)
    return _file([book.getvalue()], XLSX_TYPE, name)


def _etag(access: Access, query: ParticipationQuery | ReportQuery, position: LogPosition) -> str:
    """Same question, same rows to read, same position: same figures. Releasing parked events moves no cursor, but
    their count."""
    log = (position.epoch, sorted(position.positions.items()), position.parked)
    question = (access, query.model_dump_json(), language())
    return hashlib.sha256(repr((question, log)).encode()).hexdigest()[:32]


def _head(query: ParticipationQuery | ReportQuery | FactsQuery, scope: Scope, position: LogPosition) -> dict[str, Any]:
    about = ScopeAnswer(area=scope.area, site=scope.site, name=str(scope.name), first=query.first, last=query.last)
    log = LogAnswer(epoch=position.epoch, positions=position.positions, parked=position.parked)
    return {
        "as_of": position.as_of.isoformat(),
        "log": log.model_dump(mode="json"),
        "scope": about.model_dump(mode="json", by_alias=True),
    }


def _answer(query: ParticipationQuery, scope: Scope, spool: Spool) -> Response:
    if query.format == "json":
        return Response(spool.chunks(), mimetype="application/json")
    name = f"participation-{scope.area or scope.site}-{query.first}-{query.last}.csv"
    return _file(spool.chunks(), CSV_TYPE, name)


def _file(content: Iterable[bytes], of_type: str, name: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, content_type=of_type, headers={"Content-Disposition": disposition})


def _with_headers(response: Response, tag: str) -> Response:
    """The tag is weak: `as_of` moves on while the figures stay."""
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization, Cookie, Accept-Language"
    response.headers["Content-Language"] = "zh-CN" if language() == "zh" else "en"
    return response
