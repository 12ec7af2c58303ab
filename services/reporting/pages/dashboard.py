"""The dashboard: key figures beside earlier ones, charts that are tables as well, a league of places, coverage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from apiflask import APIBlueprint
from flask import g, redirect, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import NOTHING, OVER_AREAS, Caller, allow
from services.common.database import Database
from services.common.errors import Words
from services.common.pages import Answer, Form, in_menu, page_blueprint, render
from services.reporting.documents import labels_of
from services.reporting.exports.cells import WITHHELD_NOTE
from services.reporting.exports.paper import part_of
from services.reporting.labels import DIMENSIONS
from services.reporting.operations.access import Sight, enter, read_sight
from services.reporting.operations.coverage import Coverage, read_coverage
from services.reporting.operations.dashboard import Dashboard, Row, read_dashboard
from services.reporting.operations.measures import FIGURES
from services.reporting.operations.scope import ZONE, LogPosition, Scope, read_log_position, read_scope, report_snapshot
from services.reporting.pages.figures import (
    NAMES,
    NO_SHOW_SHARE,
    compared,
    figure,
    in_a_sentence,
    measured,
    percent,
    written,
)
from services.reporting.pages.question import asked_question, question_form, usual_question
from services.reporting.schemas import ParticipationQuery

KEYS = ("people", "registrations", "attended", NO_SHOW_SHARE, "service_hours", "activities")
FUNNEL = ("registrations", "confirmed", "attended")

SMALL = 30
"""Sign-ups below which a place's share of no-shows says little: one person moves it by points."""


@dataclass(frozen=True)
class KeyFigure:
    """A figure, and the earlier ones: what they are called, themselves, and how the figure compares."""

    name: Words
    now: str
    earlier: list[tuple[Words, str, str]]


@dataclass(frozen=True)
class Chart:
    """A table of which `charts.js` draws the first column of figures. `look`: columns, line, bars (from the top),
    pyramid (bars from the bottom) or funnel."""

    key: str
    title: Words
    look: str
    summary: str
    heads: list[Words]
    rows: list[tuple[str, float | None, list[str]]]
    """Name, the value that is drawn (None is withheld), and all cells as they are read."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return all(value == 0 for _, value, _ in self.rows)


@dataclass(frozen=True)
class Place:
    """A row of the league."""

    name: str
    cells: list[str]
    is_small: bool


@dataclass(frozen=True)
class Board:
    """All that the page shows."""

    scope: Scope
    position: LogPosition
    figures: Dashboard
    is_empty: bool
    any_withheld: bool
    keys: list[KeyFigure]
    charts: list[Chart]
    places: list[Place]
    coverage: Coverage | None


def dashboard_pages(database: Database) -> APIBlueprint:
    """The page of the dashboard."""
    blueprint = page_blueprint("dashboard_pages", __name__, url_prefix="/staff/reports/dashboard")
    in_menu("dashboard_pages.show_dashboard", "统计", "Reports", 8, without_site=OVER_AREAS)

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR, areas=True)
    def show_dashboard() -> Answer:
        """What the address asks for. What it leaves out is put there first, as with reports."""
        with report_snapshot(database, NOTHING) as session:
            sight = read_sight(session, g.principal)
            asked = {name: value for name, value in asked_question().items() if name != "by"}
            whole = usual_question(sight) | asked
            if whole["of"] and whole.keys() - asked.keys():
                return cast(Any, redirect(url_for(".show_dashboard", **whole), 303))
            form = question_form(whole)
            board = _read(session, form.body) if whole["of"] and not form.failed else None
        return _page(form, sight, whole, board), 422 if form.failed else 200

    return blueprint


def _read(session: Session, query: ParticipationQuery) -> Board:
    """Raises 403 and 404 for what is not theirs."""
    access = enter(session, g.principal, query.area, query.site)
    scope = read_scope(session, access.area, access.site)
    found = read_dashboard(session, scope, query.first, query.last)
    return Board(
        scope,
        read_log_position(session),
        found,
        is_empty=all(found.now_total[name] == 0 for name in FIGURES),
        any_withheld=_any_withheld(found),
        keys=_keys(found),
        charts=_charts(found, scope),
        places=_league(found, scope),
        coverage=read_coverage(session, access.area, query.first, query.last) if access.area else None,
    )


def _any_withheld(found: Dashboard) -> bool:
    wholes = [found.now_total, found.before_total, found.year_ago_total, *found.months, *found.kinds, *found.places]
    return any(row[name] is None for row in wholes for name in (*KEYS, *FUNNEL, "people_attended") if name in row) or (
        any(row["people"] is None for row in found.age_bands)
    )


def _keys(found: Dashboard) -> list[KeyFigure]:
    now = measured(found.now_total)
    earlier = (
        (Words("上期", "Before"), measured(found.before_total)),
        (Words("去年同期", "A year ago"), measured(found.year_ago_total)),
    )
    return [
        KeyFigure(
            NAMES[name],
            written(now, name),
            [(called, written(then, name), compared(now, then, name)) for called, then in earlier],
        )
        for name in KEYS
    ]


def _charts(found: Dashboard, scope: Scope) -> list[Chart]:
    def chart(key: str, title: Words, look: str, rows: Sequence[Row], dimension: str, measures: Sequence[str]) -> Chart:
        names = [labels_of(row, scope, [dimension])["name"] for row in rows]
        values = [measured(row)[measures[0]] for row in rows]
        cells = [[figure(measured(row)[name], name) for name in measures] for row in rows]
        heads = [DIMENSIONS[dimension], *(NAMES[name] for name in measures)]
        return Chart(
            key,
            title,
            look,
            in_a_sentence(names, values) if names else "",
            heads,
            list(zip(names, values, cells, strict=True)),
        )

    return [
        chart(
            "people",
            Words("每月到场人数", "People who came, by month"),
            "columns",
            found.months,
            "month",
            ["people_attended"],
        ),
        chart(
            "hours", Words("每月服务小时", "Service hours, by month"), "line", found.months, "month", ["service_hours"]
        ),
        _funnel(found.now_total),
        chart("ages", Words("各年龄段人数", "People by age band"), "pyramid", found.age_bands, "age_band", ["people"]),
        chart(
            "kinds",
            Words("各类活动到场人次", "Attendance by kind of activity"),
            "bars",
            found.kinds,
            "kind",
            ["attended", "activities", "people_attended"],
        ),
    ]


def _funnel(total: Row) -> Chart:
    shares = [percent(part_of(total[name], total["registrations"])) for name in FUNNEL]
    rows = [
        (str(NAMES[name]), total[name], [figure(total[name], name), share])
        for name, share in zip(FUNNEL, shares, strict=True)
    ]
    said = [
        f"{name} {cells[0]}" + (str(Words(f"（{cells[1]}）", f" ({cells[1]})")) if number else "")
        for number, (name, _, cells) in enumerate(rows)
    ]
    heads = [Words("步骤", "Step"), Words("人次", "Sign-ups"), Words("占报名", "Of registrations")]
    return Chart(
        "funnel",
        Words("从报名到到场", "From sign-up to attendance"),
        "funnel",
        str(Words("，", ", ")).join(said) + str(Words("。", ".")),
        heads,
        rows,
    )


def _league(found: Dashboard, scope: Scope) -> list[Place]:
    """The places, the greatest figure first where the address names one to sort by."""
    rows = [measured(row) | {"called": _called(row, found.places_by, scope)} for row in found.places]
    rows.sort(key=lambda row: row["called"])
    by = request.args.get("sort")
    if by in KEYS:
        rows.sort(key=lambda row: -1 if row.get(by) is None else row[by], reverse=True)
    return [
        Place(row["called"], [written(row, name) for name in KEYS], (row["registrations"] or 0) < SMALL) for row in rows
    ]


def _called(row: Row, by: str, scope: Scope) -> str:
    name = str(labels_of(row, scope, [by])["name"])
    return name + str(Words("（直属站点）", " (its own sites)")) if row[by] == scope.area else name


def _page(form: Form[ParticipationQuery], sight: Sight, whole: dict[str, Any], board: Board | None) -> str:
    return render(
        "reports/dashboard.html",
        form=form,
        sight=sight,
        whole=whole,
        board=board,
        league=[(name, NAMES[name]) for name in KEYS],
        sort=request.args.get("sort", ""),
        small=SMALL,
        withheld=WITHHELD_NOTE,
        zone=ZONE,
    )
