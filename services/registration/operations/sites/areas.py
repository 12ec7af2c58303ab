"""The tree of areas: saved one by one or from a table, with the days from and until which a code is in use."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.common.auth import Principal
from services.common.errors import FORBIDDEN, INVALID, FieldError, FieldErrors, Problem, Words
from services.common.events import AreaSaved
from services.common.outbox import add_events
from services.registration.models import Area, Site
from services.registration.operations import Versions, check_version
from services.registration.operations.programmes.authority import areas_of
from services.registration.operations.sites.successors import announced_moves, follow_successors, lock_tree
from services.registration.schemas.areas import LEVELS, AreaBody, AreaRow, AreasImportAnswer, Fault

COLUMNS = ("parent", "level", "name_zh", "name_en", "valid_from", "valid_until", "successor")


def save_area(
    session: Session, code: str, body: AreaBody, expected: Versions = None, within: Collection[str] | None = None
) -> Area:
    """Add an area, or change it, by the rules of the table. Nothing happens when it is like that already.

    Whoever keeps only the areas `within` may change what lies below one of these, and add to it.
    """
    lock_tree(session)
    present = {area.code: area for area in session.scalars(select(Area))}
    rows = [(1, AreaRow(code=code, **body.model_dump(include=set(AreaBody.model_fields))))]
    errors = FieldErrors()
    for fault in _faults_of_tree(session, rows, present) + _faults_of_reach(rows, present, within):
        errors.add(fault.column, Words(fault.zh, fault.en))
    errors.raise_any()
    if code in present:
        check_version(present[code].version, expected)
    added, changed = _compare(rows, present)
    _apply(session, added + changed)
    follow_successors(session)
    return session.get_one(Area, code, populate_existing=True)


def area_path(session: Session, area: Area) -> list[Area]:
    """The areas around this one, the widest first, and itself."""
    path = [area]
    while path[0].parent is not None:
        wider = session.get(Area, path[0].parent)
        if wider is None:
            break
        path.insert(0, wider)
    return path


NO_PARENT = Words("没有这个上级区划。", "is no area that exists.")
TOO_WIDE = Words("应低于上级区划的级别。", "must be narrower than the parent's.")
TOO_NARROW = Words("应高于下级区划的级别。", "must be wider than that of the areas within.")
NO_SUCCESSOR = Words("没有这个接替的区划。", "is no other area that exists.")
OTHER_LEVEL = Words(
    "接替的区划应为同一级别，下级区划和站点会移到那里。",
    "must be of the same level: areas and sites within move there.",
)
IN_A_RING = Words("接替关系绕回了自己。", "leads back to this area.")
SITES_REMAIN = Words(
    "仍有站点在此区划；请填写接替的区划（successor），或先把站点移出。",
    "still has sites: name a successor, or move them first.",
)
TWICE = Words("此代码在文件中出现不止一次。", "occurs more than once in the file.")
NOT_YOURS = Words("不在您管理的区划之下。", "does not lie below an area that you administer.")
NOT_WITHIN = Words(
    "按 GB/T 2260，代码应以上级代码的有效数字开头。", "must begin with its parent's digits, by GB/T 2260."
)


def areas_kept(session: Session, principal: Principal) -> set[str] | None:
    """The areas in which the caller keeps the tree; None for everywhere. Raises 403 for who keeps none."""
    if principal.is_operator:
        return None
    kept = areas_of(session, principal)
    if not kept:
        raise Problem(
            FORBIDDEN, Words("区划表由区划管理员和系统管理员维护。", "Area admins and operators keep the areas.")
        )
    return set(kept)


def import_areas(
    session: Session,
    rows: Sequence[tuple[int, AreaRow]],
    faults: list[Fault],
    dry: bool,
    within: Collection[str] | None = None,
) -> AreasImportAnswer:
    """Check a table against itself and the tree, and apply it, all or nothing. `faults` are those of reading it.

    Areas that the table does not name stay as they are. Whoever keeps only the areas `within` may change what lies
    below one of these, and add to it; new areas of the table count as theirs.
    """
    lock_tree(session)
    present = {area.code: area for area in session.scalars(select(Area))}
    found = faults + _faults_of_tree(session, rows, present) + _faults_of_reach(rows, present, within)
    faults = sorted(found, key=lambda fault: (fault.row, fault.column))
    added, changed = _compare(rows, present)
    if not dry and faults:
        raise _refusal(faults)
    moves = [] if faults else announced_moves(session, added + changed)
    if not dry:
        _apply(session, added + changed)
        follow_successors(session)
    unchanged = len(rows) - len(added) - len(changed)
    return AreasImportAnswer(
        rows=len(rows),
        added=len(added),
        changed=len(changed),
        unchanged=unchanged,
        applied=not dry,
        moves=moves,
        faults=faults,
    )


def _refusal(faults: Sequence[Fault]) -> Problem:
    found = len(faults)
    return Problem(
        INVALID,
        Words(f"有 {found} 处错误，什么都没有改变。", f"{found} error(s); nothing was changed."),
        [FieldError(f"row {fault.row}.{fault.column}", Words(fault.zh, fault.en)) for fault in faults],
    )


def _compare(rows: Sequence[tuple[int, AreaRow]], present: Mapping[str, Area]) -> tuple[list[AreaRow], list[AreaRow]]:
    """Which rows add an area, and which change one."""
    added = [row for _, row in rows if row.code not in present]
    others = [row for _, row in rows if row.code in present]
    changed = [row for row in others if any(getattr(row, c) != getattr(present[row.code], c) for c in COLUMNS)]
    return added, changed


def _faults_of_tree(session: Session, rows: Sequence[tuple[int, AreaRow]], present: Mapping[str, Area]) -> list[Fault]:
    with_sites = set(session.scalars(select(Site.area).distinct()))
    told: dict[str, AreaRow] = {row.code: row for _, row in rows}
    after: dict[str, Any] = {**present, **told}
    narrowest_parent = _widest_child_ranks(after)
    faults: list[Fault] = []
    seen: set[str] = set()

    def add(number: int, column: str, words: Words) -> None:
        faults.append(Fault(row=number, column=column, zh=words.zh, en=words.en))

    for number, row in rows:
        if row.code in seen:
            add(number, "code", TWICE)
        seen.add(row.code)
        rank = LEVELS.index(row.level)
        parent = after.get(row.parent) if row.parent else None
        if row.parent and (parent is None or row.parent == row.code):
            add(number, "parent", NO_PARENT)
        elif parent is not None and LEVELS.index(parent.level) >= rank:
            add(number, "level", TOO_WIDE)
        elif parent is not None and not _lies_within(row.code, parent.code) and not _is_there(row, present):
            add(number, "code", NOT_WITHIN)
        if row.code in present and narrowest_parent.get(row.code, rank + 1) <= rank:
            add(number, "level", TOO_NARROW)
        if row.successor and (row.successor == row.code or row.successor not in after):
            add(number, "successor", NO_SUCCESSOR)
        elif row.successor and after[row.successor].level != row.level:
            add(number, "successor", OTHER_LEVEL)
        elif row.successor and _ends_where_it_began(row.code, after):
            add(number, "successor", IN_A_RING)
        if row.valid_until and not row.successor and row.code in with_sites:
            add(number, "valid_until", SITES_REMAIN)
    return faults


def _faults_of_reach(
    rows: Sequence[tuple[int, AreaRow]], present: Mapping[str, Area], within: Collection[str] | None
) -> list[Fault]:
    """Rows that whoever keeps only some areas may not write: of others' areas, or under others' areas."""
    if within is None:
        return []
    mine = set(within) | {row.code for _, row in rows if row.code not in present}
    return [
        Fault(row=number, column="code", zh=NOT_YOURS.zh, en=NOT_YOURS.en)
        for number, row in rows
        if row.code not in mine or row.parent not in mine
    ]


def _is_there(row: AreaRow, present: Mapping[str, Area]) -> bool:
    """Whether the area lies under that parent already: one that moved to its parent's successor keeps its code."""
    return row.code in present and present[row.code].parent == row.parent


def _ends_where_it_began(code: str, after: Mapping[str, Any]) -> bool:
    """Whether whoever follows the successors from here comes by again."""
    seen, at = {code}, after[code].successor
    while at is not None and at not in seen:
        seen.add(at)
        at = after[at].successor if at in after else None
    return at is not None


def _widest_child_ranks(areas: Mapping[str, Any]) -> dict[str, int]:
    ranks: dict[str, int] = {}
    for area in areas.values():
        if area.parent is not None:
            rank = LEVELS.index(area.level)
            ranks[area.parent] = min(rank, ranks.get(area.parent, rank))
    return ranks


def _lies_within(code: str, parent: str) -> bool:
    """Whether a code of the standard begins as its parent's does; other codes are anybody's to choose."""
    if not (code.isdigit() and parent.isdigit() and len(code) in (6, 9, 12) and len(parent) in (6, 9, 12)):
        return True
    significant = parent
    for size, filler in ((12, "000"), (9, "000"), (6, "00"), (4, "00")):
        if len(significant) == size and significant.endswith(filler):
            significant = significant[: -len(filler)]
    return code.startswith(significant)


_UPSERT = text("""
INSERT INTO areas (code, parent, level, name_zh, name_en, valid_from, valid_until, successor)
SELECT * FROM unnest(
    cast(:code AS text[]), cast(:parent AS text[]), cast(:level AS text[]), cast(:name_zh AS text[]),
    cast(:name_en AS text[]), cast(:valid_from AS date[]), cast(:valid_until AS date[]), cast(:successor AS text[]))
ON CONFLICT (code) DO UPDATE SET
    parent = excluded.parent, level = excluded.level, name_zh = excluded.name_zh, name_en = excluded.name_en,
    valid_from = excluded.valid_from, valid_until = excluded.valid_until, successor = excluded.successor,
    version = areas.version + 1
""")


def _apply(session: Session, rows: Sequence[AreaRow]) -> None:
    """Write the rows with one statement, so that parents and successors may come in any order."""
    if not rows:
        return
    values: dict[str, list[str | date | None]] = {
        name: [getattr(row, name) for row in rows] for name in ("code", *COLUMNS)
    }
    session.execute(_UPSERT, values)
    wider_first = sorted(rows, key=lambda row: LEVELS.index(row.level))
    add_events(session, [AreaSaved(**row.model_dump()) for row in wider_first])
