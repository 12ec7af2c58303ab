"""Reports for people: the question in a form and whole in the page's address, the answer as a table."""

from dataclasses import dataclass
from typing import Any, cast

from apiflask import APIBlueprint
from flask import g, redirect, url_for
from sqlalchemy.orm import Session

from services.common.auth import NOTHING, Caller, allow
from services.common.database import Database
from services.common.durations import decimal_hours
from services.common.pages import Answer, Form, page_blueprint, render
from services.reporting.documents import labels_of, write_document
from services.reporting.labels import DIMENSIONS, MEASURES, TOTAL
from services.reporting.operations.access import Sight, enter, read_sight
from services.reporting.operations.participation import participation
from services.reporting.operations.scope import ZONE, LogPosition, Scope, read_log_position, read_scope, report_snapshot
from services.reporting.pages.question import asked_question, question_form, usual_question
from services.reporting.schemas import ParticipationQuery

COLUMNS = (
    *("people", "people_attended", "registrations", "confirmed", "attended", "no_shows", "cancellations"),
    *("waitlisted", "offered", "promotions", "places", "service_hours", "activities", "shifts", "seats"),
)
"""The measures, what most people want to know first."""

MOST_ROWS = 1_000
"""More are not for reading: the table says where all of them are."""


Figures = list[int | float | None]
"""In the order of COLUMNS; None: there is no such thing in this row."""


class Table:
    """The report's first rows, each with the names of its dimensions; how many there are; and the whole."""

    def __init__(self, scope: Scope, by: list[str]) -> None:
        self._scope = scope
        self._by = by
        self.lines: list[tuple[list[str], Figures]] = []
        self.count = 0
        self.in_all: Figures = []

    def row(self, row: dict[str, Any]) -> None:
        """Take in a row."""
        self.count += 1
        if self.count <= MOST_ROWS:
            labels = labels_of(row, self._scope, self._by)
            names = [labels.get(f"{dimension}_name", labels[dimension]) for dimension in self._by]
            self.lines.append((names, _figures(row)))

    def total(self, total: dict[str, Any]) -> None:
        """Take in the total."""
        self.in_all = _figures(total)

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to count."""
        return not any(self.in_all)


@dataclass(frozen=True)
class Report:
    """A table, what it is about and how far the log was applied."""

    scope: Scope
    position: LogPosition
    table: Table


def reports_pages(database: Database) -> APIBlueprint:
    """The page of the participation report."""
    blueprint = page_blueprint("reports_pages", __name__, url_prefix="/staff/reports")

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR, areas=True)
    def show_report() -> Answer:
        """The report that the address asks for. What the address leaves out is put there first: whoever copies it
        from the browser passes on what they see."""
        with report_snapshot(database, NOTHING) as session:
            sight = read_sight(session, g.principal)
            asked = asked_question()
            whole = usual_question(sight) | {"by": ["month"]} | asked
            if whole["of"] and whole.keys() - asked.keys():
                return cast(Any, redirect(url_for(".show_report", **whole), 303))
            form = question_form(whole)
            report = _read(session, form.body) if whole["of"] and not form.failed else None
        return _page(form, sight, whole, report), 422 if form.failed else 200

    return blueprint


def _read(session: Session, query: ParticipationQuery) -> Report:
    """Raises 403 and 404 for what is not theirs."""
    access = enter(session, g.principal, query.area, query.site)
    scope = read_scope(session, access.area, access.site)
    table = Table(scope, query.dimensions)
    write_document(participation(session, scope, query.first, query.last, query.dimensions), table)
    return Report(scope, read_log_position(session), table)


def _figures(row: dict[str, Any]) -> Figures:
    figures = row | {"service_hours": decimal_hours(row["service_minutes"])}
    return [figures[name] for name in COLUMNS]


def _page(form: Form[ParticipationQuery], sight: Sight, whole: dict[str, Any], report: Report | None) -> str:
    return render(
        "reports/participation.html",
        form=form,
        sight=sight,
        whole=whole,
        report=report,
        csv=_csv(form.body) if report else "",
        dimensions=DIMENSIONS,
        measures=[MEASURES[name] for name in COLUMNS],
        total=TOTAL,
        zone=ZONE,
        most=MOST_ROWS,
    )


def _csv(query: ParticipationQuery) -> str:
    asked = query.model_dump(mode="json", by_alias=True, exclude_none=True)
    return url_for("reports.show_participation", **asked | {"format": "csv"})
