"""Count every cell anew and compare: a site's months with its facts and shifts, an area's with the sites below it.

    begin(database)                     # by an operator; `begin_when_due` does so every night
    while recount_slice(database): ...  # the pump's duty; whoever is killed goes on where it was

Each slice is one transaction that sees one moment. A month that is marked to be computed anew says itself that it is
behind, and is left out. What differs is kept in `recount_differences` and not mended: reports are wrong in a way that
nobody knows of, and somebody has to look why. What is compared is counted in `operations/counting.py`, by other means
than those that fill the cells, so that one mistake is not made on both sides.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pyroaring import BitMap
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.reporting.models import METADATA
from services.reporting.operations.counting import Cell, Cells, counted_cells, stored_cells
from services.reporting.operations.measures import SETS, SUMS

log = get_logger(__name__)

SLICE = 1.0
"""Seconds after which a slice is committed: so long nothing is cleaned up after anybody, and so much a kill costs."""

MOST_KEPT = 1_000
"""Differences of one recount that are kept; the others are only counted. A broken build would fill the disk."""

RECOUNT_LOCK = 0x4A67

NIGHT = ZoneInfo("Asia/Shanghai")
NIGHT_BEGINS, NIGHT_ENDS = 2, 5
"""Hours by that clock between which a recount begins by itself."""

# In the order in which a rebuild takes them, which empties them: the two wait for each other, and never in a ring. A
# snapshot that is taken once they are held does not see one full and the other empty.
HOLD = f"LOCK TABLE {', '.join([*METADATA.tables, 'dirty', 'stale'])} IN ACCESS SHARE MODE"
ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"

BEGIN = text("INSERT INTO recounts DEFAULT VALUES ON CONFLICT DO NOTHING")
LAST_BEGUN = text("SELECT clock_timestamp() AS now, (SELECT max(started_at) FROM recounts) AS last")
GOING = text("SELECT id, stage, node, month, differences FROM recounts WHERE finished_at IS NULL")
GO_ON = text("""
UPDATE recounts SET stage = :stage, node = :node, month = :month, months = months + :months,
    left_out = left_out + :left_out, differences = differences + :found,
    finished_at = CASE WHEN :finished THEN clock_timestamp() END
WHERE id = :id
""")
KEEP = text("""
INSERT INTO recount_differences
    (recount_id, what, node, month, kind, age_band, figure, stored, counted, missing, surplus)
VALUES (:id, :what, :node, :month, :kind, :age_band, :figure, :stored, :counted, :missing, :surplus)
""")
LATEST = text("""
SELECT id, started_at, finished_at, months, left_out, differences FROM recounts ORDER BY id DESC LIMIT :limit
""")
FOUND = text("""
SELECT what, node, month, kind, age_band, figure, stored, counted, missing, surplus
FROM recount_differences WHERE recount_id = :id ORDER BY id LIMIT :limit
""")

# Of the last one that came to its end, and of the one that goes on: mended is what a whole recount found to be so.
GAUGES = text("""
SELECT (SELECT coalesce(sum(differences), 0) FROM recounts
        WHERE id >= coalesce((SELECT max(id) FROM recounts WHERE finished_at IS NOT NULL), 0)) AS differences,
       extract(epoch FROM clock_timestamp() - coalesce(max(finished_at), min(started_at))) AS age
FROM recounts
""")

NEXT_SITE = text("""
SELECT site_id::text FROM (
    (SELECT site_id FROM site_cells WHERE site_id > cast(:node AS uuid) ORDER BY site_id LIMIT 1)
    UNION ALL (SELECT site_id FROM shifts WHERE site_id > cast(:node AS uuid) ORDER BY site_id LIMIT 1)
    UNION ALL (SELECT site_id FROM facts WHERE site_id > cast(:node AS uuid) ORDER BY site_id LIMIT 1)
) AS site ORDER BY site_id LIMIT 1
""")
NEXT_AREA = text("""
SELECT code FROM (
    (SELECT code FROM areas WHERE code > :node ORDER BY code LIMIT 1)
    UNION ALL (SELECT area FROM sites WHERE area > :node ORDER BY area LIMIT 1)
    UNION ALL (SELECT area FROM area_cells WHERE area > :node ORDER BY area LIMIT 1)
) AS area (code) ORDER BY code LIMIT 1
""")
MONTHS_OF_SITE = text("""
SELECT month, EXISTS (SELECT FROM dirty WHERE dirty.site_id = cast(:node AS uuid) AND dirty.month = of.month) AS behind
FROM (
    SELECT month FROM site_cells WHERE site_id = cast(:node AS uuid)
    UNION SELECT date_trunc('month', day)::date FROM shifts WHERE site_id = cast(:node AS uuid)
    UNION SELECT date_trunc('month', day)::date FROM facts WHERE site_id = cast(:node AS uuid)
) AS of WHERE month > :month ORDER BY month
""")
MONTHS_OF_AREA = text("""
WITH RECURSIVE under (code) AS (
    SELECT cast(:node AS text) UNION SELECT areas.code FROM areas JOIN under ON areas.parent = under.code
)
SELECT month, EXISTS (SELECT FROM tree WHERE built <> version)
    OR EXISTS (SELECT FROM stale WHERE stale.area = :node AND stale.month = of.month) AS behind
FROM (
    SELECT month FROM area_cells WHERE area = :node
    UNION SELECT month FROM site_cells JOIN sites USING (site_id) JOIN under ON sites.area = under.code
) AS of WHERE month > :month ORDER BY month
""")

START = date(1, 1, 1)
STAGES = {"site": (NEXT_SITE, MONTHS_OF_SITE), "area": (NEXT_AREA, MONTHS_OF_AREA)}
BEFORE_ALL = {"site": str(UUID(int=0)), "area": ""}


@dataclass(frozen=True)
class Difference:
    """A figure of a cell that is not what it should be. `cell`: it is there, or not, with nothing in it.

    Of sets, `stored` and `counted` are sizes, `missing` and `surplus` how many are only counted and only stored.
    `stored` is None where the bytes are no set.
    """

    what: str
    node: str
    month: date
    kind: str
    age_band: str
    figure: str
    stored: int | None
    counted: int
    missing: int | None = None
    surplus: int | None = None


@dataclass(frozen=True)
class Recount:
    """One recount: of so many months of sites and areas, besides those left out. `found` are the first differences."""

    id: int
    started_at: datetime
    finished_at: datetime | None
    months: int
    left_out: int
    differences: int
    found: list[Difference]


@dataclass
class Slice:
    """Where a recount is, and what it did on the way there."""

    stage: str
    node: str
    month: date
    months: int = 0
    left_out: int = 0
    finished: bool = False
    found: list[Difference] = field(default_factory=list)


def begin(database: Database) -> None:
    """Let a recount begin, if none is going on."""
    with database.transaction() as session:
        session.execute(BEGIN)


def begin_when_due(database: Database) -> None:
    """Let the night's recount begin, or the first one of all."""
    with database.transaction() as session:
        now, last = session.execute(LAST_BEGUN).one()
        if is_due(last, now):
            session.execute(BEGIN)


def is_due(last: datetime | None, now: datetime) -> bool:
    """Whether none was begun yet, or none in the night that it is. A day since the last one would come a little later
    each night, until the night is over before it."""
    here = now.astimezone(NIGHT)
    tonight = here.replace(hour=NIGHT_BEGINS, minute=0, second=0, microsecond=0)
    return last is None or (NIGHT_BEGINS <= here.hour < NIGHT_ENDS and last < tonight)


def recount_slice(database: Database, seconds: float = SLICE) -> bool:
    """Go on with the recount that was begun, for about so many seconds. Returns whether there is more to do."""
    with database.transaction() as session:
        session.execute(text(ONE_MOMENT))
        session.execute(text(HOLD))
        session.execute(text("SELECT set_config('hesheng.site', :all, true)"), {"all": EVERY_SITE})
        if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": RECOUNT_LOCK}):
            return False
        going = session.execute(GOING).one_or_none()
        if going is None:
            return False
        part = Slice(going.stage, going.node, going.month)
        _walk(session, part, time.monotonic() + seconds)
        _keep(session, going.id, part, MOST_KEPT - going.differences)
    if part.found and not going.differences:
        log.error("recount_differs", recount=going.id, **_as_words(part.found[0]))
    if part.finished:
        log.info("recounted", recount=going.id, differences=going.differences + len(part.found))
    return not part.finished


def latest(session: Session, recounts: int, differences: int) -> list[Recount]:
    """The latest ones, newest first, each with so many of its differences."""
    found = session.execute(LATEST, {"limit": recounts}).all()
    return [
        Recount(**row._mapping, found=[Difference(**one._mapping) for one in session.execute(
            FOUND, {"id": row.id, "limit": differences})])
        for row in found
    ]  # fmt: skip


def gauges(session: Session) -> dict[str, float]:
    """Figures for `/metrics` and `hesheng status`; none before the first recount."""
    row = session.execute(GAUGES).one()
    if row.age is None:
        return {}
    return {"recount_differences": float(row.differences), "recount_age_seconds": max(0.0, float(row.age))}


def _walk(session: Session, part: Slice, deadline: float) -> None:
    """Compare month after month, until time is up or nothing is left; but go at least one step."""
    while True:
        for month, behind in _months(session, part):
            part.month = month
            if behind:
                part.left_out += 1
            else:
                part.months += 1
                part.found += _differences(session, part.stage, part.node, month)
            if time.monotonic() > deadline:
                return
        _turn_to_next(session, part)
        if part.finished or time.monotonic() > deadline:
            return


def _months(session: Session, part: Slice) -> list[tuple[date, bool]]:
    """The months of where it is that were not compared, and whether they are marked to be computed anew."""
    if not part.node:
        return []
    _, months = STAGES[part.stage]
    return [(row.month, row.behind) for row in session.execute(months, {"node": part.node, "month": part.month})]


def _turn_to_next(session: Session, part: Slice) -> None:
    """Go to the next site or area, from the last site to the areas, and from the last area to the end."""
    following, _ = STAGES[part.stage]
    node = session.scalar(following, {"node": part.node or BEFORE_ALL[part.stage]})
    if node is not None:
        part.node, part.month = node, START
    elif part.stage == "site":
        part.stage, part.node, part.month = "area", "", START
    else:
        part.finished = True


def _differences(session: Session, what: str, node: str, month: date) -> Iterator[Difference]:
    counted, stored = counted_cells(session, what, node, month), stored_cells(session, what, node, month)
    if counted is None:
        return  # a site's bytes are no set: they were found there
    yield from compare(what, node, month, stored, counted)


def compare(what: str, node: str, month: date, stored: Cells, counted: Cells) -> Iterator[Difference]:
    """What differs between the cells of a month."""
    for kind, age_band in sorted(stored.keys() | counted.keys()):
        here, should = stored.get((kind, age_band)), counted.get((kind, age_band))
        place = (what, node, month, kind, age_band)
        wrong = [Difference(*place, *one) for one in _wrong_figures(here or {}, should or {})]
        if not wrong and (here is None) != (should is None):
            wrong = [Difference(*place, "cell", int(here is not None), int(should is not None))]
        yield from wrong


def _wrong_figures(here: Cell, should: Cell) -> Iterator[tuple[Any, ...]]:
    for name in SUMS:
        if here.get(name, 0) != should.get(name, 0):
            yield name, here.get(name, 0), should.get(name, 0)
    for name in SETS:
        is_in, is_due_in = here.get(name, BitMap()), should.get(name, BitMap())
        if is_in is None:
            yield name, None, len(is_due_in)
        elif is_in != is_due_in:
            yield name, len(is_in), len(is_due_in), len(is_due_in - is_in), len(is_in - is_due_in)


def _keep(session: Session, recount: int, part: Slice, room: int) -> None:
    kept = [asdict(one) | {"id": recount} for one in part.found[: max(0, room)]]
    if kept:
        session.execute(KEEP, kept)
    done: Mapping[str, Any] = asdict(part) | {"found": len(part.found), "id": recount}
    session.execute(GO_ON, done)


def _as_words(difference: Difference) -> dict[str, Any]:
    return asdict(difference) | {"month": difference.month.isoformat()}
