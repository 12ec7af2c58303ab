"""The participation report: from cells where they know the dimensions, else from facts and shifts.

    with report_snapshot(database, EVERY_SITE) as session:
        scope = read_scope(session, area="140107", site=None)
        for row in participation(session, scope, first, last, ["month", "kind"]):
            ...                       # the last row is the total: its dimensions are None

A person is counted once in each row and once in the total, which is therefore never a sum of rows. Of the facts one
statement answers rows and total together: it is what cells are compared with, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from services.reporting.labels import AGE_BANDS, KINDS
from services.reporting.operations.cells import DIMENSIONS, NO_LIMITS, from_cells
from services.reporting.operations.measures import COUNTED, FIGURES, OFFERED, PEOPLE, SEATED
from services.reporting.operations.periods import PERIODS, Calendar, calendar_of
from services.reporting.operations.scope import Scope

# By dimension: where it is found. `x` is the table that is counted. A period is its number among the periods that
# begin at the days given: finding it costs a fifth of formatting the day or of joining a calendar.
SOURCES = {
    "day": "width_bucket(x.day, cast(:days AS date[]))",
    "week": "width_bucket(x.day, cast(:weeks AS date[]))",
    "month": "width_bucket(x.day, cast(:months AS date[]))",
    "quarter": "width_bucket(x.day, cast(:quarters AS date[]))",
    "year": "width_bucket(x.day, cast(:years AS date[]))",
    "academic_year": "width_bucket(x.day, cast(:academic_years AS date[]))",
    "site": "x.site_id",
    "area": "places.branch",
    "kind": "x.kind",
    "age_band": "x.age_band",
}
TYPES = {"site": "uuid", "area": "text", "kind": "text", "age_band": "text"}

# Rows come in the order in which people name these, not in that of their letters.
ORDERS = {
    "kind": "array_position(cast(:kinds AS text[]), kind), kind",
    "age_band": "array_position(cast(:age_bands AS text[]), age_band), age_band",
}

PARTS = (("offered", OFFERED), ("counted", tuple(COUNTED)), ("people", tuple(PEOPLE)))

FETCH = 2_000

# Each part groups by row and, in the same pass, as a whole. Counting distinct persons by sorting takes 0.40 s of a
# processor for a city's year by month at 1M facts; grouping by person first, in a hash table, took 0.79 s.
STATEMENT = """
WITH places AS (
    SELECT * FROM unnest(cast(:sites AS uuid[]), cast(:branches AS text[])) AS place (site_id, branch)
), people AS (
    SELECT {columns} {people}
    FROM facts AS x LEFT JOIN counted_as USING (person_number) {joins} WHERE {within} {grouped}
), counted AS (
    SELECT {columns} {sums} FROM facts AS x {joins} WHERE {within} {grouped}
), offered AS (
    SELECT {offered_columns} count(DISTINCT x.activity_id) AS activities, {seats}
    FROM (
        SELECT shifts.*, activities.kind FROM shifts JOIN activities USING (activity_id) WHERE shifts.status = 'open'
    ) AS x {joins} WHERE {offered_within} {offered_grouped}
)
SELECT {names} {figures} FROM ({parts}) AS parts {by_names}
"""


def participation(
    session: Session,
    scope: Scope,
    first: date,
    last: date,
    by: Sequence[str],
    only: Mapping[str, Sequence[str]] = NO_LIMITS,
) -> Iterator[dict[str, Any]]:
    """Rows by the given dimensions and then the total. `only`: of `kind` and `age_band` those that are counted.

    Each has the dimensions (None in the total) and FIGURES; activities, shifts and seats are None where age bands are
    told apart, which they do not have.
    """
    if DIMENSIONS.issuperset(by):
        return iter(from_cells(session, scope, first, last, by, only))
    return from_facts(session, scope, first, last, by, only)


def from_facts(
    session: Session,
    scope: Scope,
    first: date,
    last: date,
    by: Sequence[str],
    only: Mapping[str, Sequence[str]] = NO_LIMITS,
) -> Iterator[dict[str, Any]]:
    """The same, as they come from the database, counted anew in every fact."""
    calendars = {name: calendar_of(name, first, last) for name in PERIODS if name in by}
    connection = session.connection().execution_options(stream_results=True, yield_per=FETCH)
    result = connection.execute(
        text(_statement(by, only)),
        {
            "sites": [place.site_id for place in scope.places],
            "branches": [place.branch for place in scope.places],
            "first": first,
            "last": last,
            "kinds": list(KINDS),
            "age_bands": list(AGE_BANDS),
            **{f"{name}s": [start for start, _ in calendar] for name, calendar in calendars.items()},
            **{f"only_{name}": list(codes) for name, codes in only.items()},
        },
    )
    return (_with_codes(row, calendars) for row in result.mappings())


def _with_codes(row: RowMapping, calendars: Mapping[str, Calendar]) -> dict[str, Any]:
    """The row with the codes of periods instead of their numbers."""
    codes = {name: calendar[row[name] - 1][1] for name, calendar in calendars.items() if row[name] is not None}
    return {**row, **codes}


def _statement(by: Sequence[str], only: Mapping[str, Sequence[str]]) -> str:
    """The statement for these dimensions, which must be known ones: they become part of it."""
    sources = [SOURCES[name] for name in by]
    columns = [f"{source} AS {name}" for name, source in zip(by, sources, strict=True)]
    no_columns = [f"cast(NULL AS {TYPES.get(name, 'integer')}) AS {name}" for name in by]
    offered_by_row = "age_band" not in by
    within = "x.site_id = ANY(cast(:sites AS uuid[])) AND x.day BETWEEN :first AND :last"
    limits = {name: f" AND x.{name} = ANY(:only_{name})" for name in only}
    return STATEMENT.format(
        columns=_list(columns),
        names=_list(by),
        joins="JOIN places USING (site_id)" if "area" in by else "",
        within=within + "".join(limits.values()),
        offered_within=within + limits.get("kind", ""),
        sums=_columns(COUNTED),
        seats=_columns(SEATED),
        people=", ".join(
            f"count(DISTINCT coalesce(into_number, x.person_number)) FILTER (WHERE {meaning}) AS {name}"
            for name, meaning in PEOPLE.items()
        ),
        grouped=_rows_and_total(sources),
        offered_columns=_list(columns if offered_by_row else no_columns),
        offered_grouped=_rows_and_total(sources) if offered_by_row else "",
        figures=", ".join(_figure(name, by, only) for name in FIGURES),
        parts=" UNION ALL ".join(
            _part(source, measures, by) for source, measures in PARTS if source != "offered" or "age_band" not in only
        ),
        by_names=f"GROUP BY {', '.join(by)} ORDER BY {', '.join(ORDERS.get(name, name) for name in by)}" if by else "",
    )


def _columns(meanings: Mapping[str, str]) -> str:
    return ", ".join(f"{meaning} AS {name}" for name, meaning in meanings.items())


def _list(items: Sequence[str]) -> str:
    """Items that other items follow."""
    return "".join(f"{item}, " for item in items)


def _rows_and_total(sources: Sequence[str]) -> str:
    return f"GROUP BY GROUPING SETS (({', '.join(sources)}), ())" if sources else ""


def _part(source: str, measures: Sequence[str], by: Sequence[str]) -> str:
    """One source's figures, with nothing in the columns of the others."""
    figures = ", ".join(name if name in measures else f"cast(NULL AS bigint) AS {name}" for name in FIGURES)
    return f"SELECT {_list(by)} {figures} FROM {source}"  # noqa: S608 - names from this module alone


def _figure(name: str, by: Sequence[str], only: Mapping[str, Sequence[str]]) -> str:
    if name in OFFERED and "age_band" in only:
        return f"cast(NULL AS bigint) AS {name}"
    sums = f"sum({name})" if name in OFFERED and "age_band" in by else f"coalesce(sum({name}), 0)"
    return f"cast({sums} AS bigint) AS {name}"
