"""The tree of areas: saved one by one or from a table, with the days from and until which a code is in use."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from services.common.auth import Principal, Role
from services.common.errors import FORBIDDEN, INVALID, FieldError, FieldErrors, Problem, Words, invalid
from services.common.events import AreaSaved
from services.common.outbox import add_events
from services.registration.models import Area, Site
from services.registration.operations import Versions, assign, check_version
from services.registration.schemas.areas import LEVELS, AreaBody, AreaRow, AreasImportAnswer, Fault

COLUMNS = ("parent", "level", "name_zh", "name_en", "valid_from", "valid_until", "successor")


def save_area(session: Session, code: str, body: AreaBody, expected: Versions = None) -> Area:
    """Add an area, or change it. Nothing happens when it is like that already."""
    lock_tree(session)
    area = session.get(Area, code)
    _check_place_in_tree(session, code, body)
    if area is None:
        area = Area(code=code, **body.model_dump())
        session.add(area)
        changed = True
    else:
        check_version(area.version, expected)
        changed = assign(area, body.model_dump())
    session.flush()
    if changed:
        add_events(session, [AreaSaved(code=code, **body.model_dump())])
    return area


def lock_tree(session: Session) -> None:
    """Areas are few and seldom change: one at a time keeps the tree a tree."""
    session.execute(select(func.pg_advisory_xact_lock(0x4E5F)))


def area_path(session: Session, area: Area) -> list[Area]:
    """The areas around this one, the widest first, and itself."""
    path = [area]
    while path[0].parent is not None:
        wider = session.get(Area, path[0].parent)
        if wider is None:
            break
        path.insert(0, wider)
    return path


def check_area_in_use(session: Session, code: str) -> None:
    """Raise 422 where a site cannot lie: in an area that is not there, or that was abolished."""
    area = session.get(Area, code)
    if area is None:
        raise invalid("area", Words("没有这个区划。", "is no area that exists."))
    today = session.scalars(select(func.current_date())).one()
    if area.valid_until is not None and area.valid_until <= today:
        instead = area.successor or "—"
        raise invalid(
            "area", Words(f"该区划已撤销，由 {instead} 接替。", f"was abolished; {instead} took its place. Use that.")
        )


def _check_place_in_tree(session: Session, code: str, body: AreaBody) -> None:
    errors = FieldErrors()
    rank = LEVELS.index(body.level)
    if body.parent is not None:
        parent = session.get(Area, body.parent)
        if parent is None or parent.code == code:
            errors.add("parent", NO_PARENT)
        elif LEVELS.index(parent.level) >= rank:
            errors.add("level", TOO_WIDE)
    children = session.scalars(select(Area.level).where(Area.parent == code).distinct())
    if any(LEVELS.index(level) <= rank for level in children):
        errors.add("level", TOO_NARROW)
    if body.successor is not None and (body.successor == code or session.get(Area, body.successor) is None):
        errors.add("successor", NO_SUCCESSOR)
    if body.valid_until and not body.successor and session.scalar(select(exists().where(Site.area == code))):
        errors.add("valid_until", SITES_REMAIN)
    errors.raise_any()


NO_PARENT = Words("没有这个上级区划。", "is no area that exists.")
TOO_WIDE = Words("应低于上级区划的级别。", "must be narrower than the parent's.")
TOO_NARROW = Words("应高于下级区划的级别。", "must be wider than that of the areas within.")
NO_SUCCESSOR = Words("没有这个接替的区划。", "is no other area that exists.")
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
    """The areas below which the caller keeps the tree; None for everywhere. Raises 403 for who keeps none."""
    if principal.is_operator:
        return None
    if principal.role is not Role.AREA_ADMIN:
        raise Problem(
            FORBIDDEN, Words("区划表由区划管理员和系统管理员维护。", "Area admins and operators keep the areas.")
        )
    return set(session.scalars(text("SELECT staff_areas(cast(:staff AS uuid))"), {"staff": principal.name}))


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
    if not dry:
        _apply(session, added + changed)
    unchanged = len(rows) - len(added) - len(changed)
    return AreasImportAnswer(
        rows=len(rows), added=len(added), changed=len(changed), unchanged=unchanged, applied=not dry, faults=faults
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
        elif parent is not None and not _lies_within(row.code, parent.code):
            add(number, "code", NOT_WITHIN)
        if row.code in present and narrowest_parent.get(row.code, rank + 1) <= rank:
            add(number, "level", TOO_NARROW)
        if row.successor and (row.successor == row.code or row.successor not in after):
            add(number, "successor", NO_SUCCESSOR)
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
