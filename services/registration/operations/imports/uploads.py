"""A file on its way in, as the people who send it see it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.common.database import Database
from services.common.errors import TOO_LARGE, Problem, Words, invalid, not_found
from services.registration.models import Import
from services.registration.operations import conflict, locked
from services.registration.operations.hours.records import actor
from services.registration.operations.hours.second_person import check_second_person
from services.registration.personal_data import PersonalData
from services.registration.schemas.exchange import ApplyBody, ImportAnswer
from services.registration.spreadsheets.columns import letter
from services.registration.spreadsheets.kinds import Kind
from services.registration.spreadsheets.workbooks import is_workbook

LARGEST_PART = 900_000
"""Bytes. The gateway and the apis take bodies of one megabyte."""
MOST_PARTS = 600
LARGEST_FILE = MOST_PARTS * LARGEST_PART
"""540 MB: two million rows of people take about 130 parts."""
KEPT_DAYS = 7

ENDED = ("done", "cancelled")


def begin_import(session: Session, site_id: UUID, kind: Kind, made_by: str) -> Import:
    """A new import, to which parts can be sent."""
    begun = Import(site_id=site_id, kind=kind, made_by=made_by)
    session.add(begun)
    session.flush()
    session.refresh(begun)
    return begun


def find_import(session: Session, import_id: UUID) -> Import:
    """An import that the caller may see. Raises 404."""
    found = session.get(Import, import_id)
    if found is None:
        raise not_found("这次导入", "import")
    return found


def _locked(session: Session, import_id: UUID) -> Import:
    find_import(session, import_id)
    return session.scalars(locked(select(Import).where(Import.id == import_id))).one()


def put_part(session: Session, data: PersonalData, import_id: UUID, number: int, content: bytes) -> Import:
    """Keep a part of the file; the same number again replaces it. Raises 404, 409 after the upload, 413, 422."""
    if not 1 <= number <= MOST_PARTS:
        raise invalid("number", Words(f"应为 1 至 {MOST_PARTS}。", f"must be 1 to {MOST_PARTS}."))
    if not content:
        raise invalid("body", Words("不能为空。", "must not be empty."))
    if len(content) > LARGEST_PART:
        raise Problem(
            TOO_LARGE,
            Words(
                f"每部分最多 {LARGEST_PART} 字节，请分成更多部分。",
                f"A part has at most {LARGEST_PART} bytes. Cut the file into more parts.",
            ),
        )
    found = _locked(session, import_id)
    if found.state != "uploading":
        raise conflict(
            "文件已上传完毕。要换文件，请新建导入。", "The file is complete. For another one, begin a new import."
        )
    store_part(session, data, found, number, content)
    found.touched_at = func.now()
    return found


def keep_file(
    database: Database, data: PersonalData, site_id: UUID, kind: Kind, made_by: str, parts: Iterable[bytes]
) -> UUID:
    """A whole file of a site, kept as it comes: each part in a transaction of its own, and then the check begins. An
    upload that breaks off is cancelled. Raises what the parts raise."""
    scope = str(site_id)
    with database.transaction(scope) as session:
        begun = begin_import(session, site_id, kind, made_by).id
    try:
        for number, part in enumerate(parts, start=1):
            with database.transaction(scope) as session:
                put_part(session, data, begun, number, part)
        with database.transaction(scope) as session:
            begin_check(session, data, begun)
    except Exception:
        with database.transaction(scope) as session:
            cancel_import(session, begun)
        raise
    return begun


def store_part(session: Session, data: PersonalData, owner: Import, number: int, content: bytes) -> None:
    """Encrypt and keep some of the file."""
    session.execute(
        text(
            "INSERT INTO import_parts (import_id, site_id, number, content, encrypted_with)"
            " VALUES (:id, :site, :number, :content, :key) ON CONFLICT (import_id, number)"
            " DO UPDATE SET content = excluded.content, encrypted_with = excluded.encrypted_with, created_at = now()"
        ),
        {
            "id": owner.id,
            "site": owner.site_id,
            "number": number,
            "content": data.seal(content),
            "key": data.newest_key,
        },
    )


def read_part(session: Session, data: PersonalData, import_id: UUID, number: int) -> bytes:
    """Some of the file again."""
    found = session.execute(
        text("SELECT content FROM import_parts WHERE import_id = :id AND number = :number"),
        {"id": import_id, "number": number},
    )
    return data.unseal(found.scalar_one())


def begin_check(session: Session, data: PersonalData, import_id: UUID) -> Import:
    """The file is complete: let the worker check it. Raises 409 when parts are missing, or it is past that."""
    found = _locked(session, import_id)
    if found.state != "uploading":
        raise conflict("这次导入已检查过或正在检查。", "This import is being checked, or was.")
    numbers = stored_parts(session, import_id)
    gaps = missing(numbers)
    if not numbers or gaps:
        shown = ", ".join(str(number) for number in gaps[:20]) or "1"
        raise conflict(f"还缺第 {shown} 部分，请补传。", f"Parts are missing: {shown}. Send them first.")
    found.parts = len(numbers)
    found.workbook = is_workbook(read_part(session, data, import_id, 1))
    _begin_phase(found, "checking")
    return found


def begin_apply(session: Session, import_id: UUID, body: ApplyBody) -> Import:
    """Let the worker bring in what was checked. Raises 409 before the check, with faults that shall not be skipped,
    when there is nothing to bring in, and to all but a second person where it is service of past years. An import that
    failed on the way goes on where it was."""
    found = _locked(session, import_id)
    resumes = found.state == "failed" and found.checked_at is not None
    if found.state != "checked" and not resumes:
        raise conflict("请先完成检查。", "It has to be checked first, and can be applied once.")
    if found.faulty_rows and not body.skip_faulty:
        raise conflict(
            f"有 {found.faulty_rows} 行有错。请改正后重新上传，或选择跳过有错的行。",
            f"{found.faulty_rows} row(s) have faults. Correct them and upload again, or choose to skip them.",
        )
    if found.rows == found.faulty_rows:
        raise conflict("没有可以导入的行。", "There is no row to bring in.")
    if found.kind == "records":
        own = ("过去的时长须由另一人核对并导入。", "A second person must look at past hours and bring them in.")
        check_second_person(session, found.made_by, *own)
        found.approved_by = actor()
    found.overwrite, found.agreed = body.overwrite, body.agreed
    _begin_phase(found, "applying")
    return found


def retry_check(session: Session, import_id: UUID) -> Import:
    """Go on with a check that failed, after its cause was mended. Raises 409 otherwise."""
    found = _locked(session, import_id)
    if found.state != "failed" or found.checked_at is not None:
        raise conflict("没有失败的检查。", "No check has failed.")
    _begin_phase(found, "checking")
    return found


def cancel_import(session: Session, import_id: UUID) -> Import:
    """Stop it where it is, and forget the file. What was applied already stays. Raises 409 when it has ended."""
    found = _locked(session, import_id)
    if found.state in ENDED:
        raise conflict("这次导入已经结束。", "This import has ended.")
    end_import(session, found, "cancelled")
    return found


def end_import(session: Session, found: Import, state: str) -> None:
    """The last state of an import; the file goes with it."""
    found.state = state
    found.ended_at = func.now()
    found.rest = None
    found.claim = None
    found.version += 1
    session.execute(text("DELETE FROM import_parts WHERE import_id = :id"), {"id": found.id})
    session.flush()


def _begin_phase(found: Import, state: str) -> None:
    found.state, found.attempts, found.error = state, 0, None
    found.phase_began_at = found.touched_at = func.now()
    found.version += 1


def stored_parts(session: Session, import_id: UUID) -> list[int]:
    """The numbers of the parts that are here."""
    rows = session.execute(
        text("SELECT number FROM import_parts WHERE import_id = :id ORDER BY number"), {"id": import_id}
    )
    return [row.number for row in rows]


def missing(numbers: Sequence[int]) -> list[int]:
    """Which numbers are not there up to the largest that is."""
    return sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))


def describe(session: Session, found: Import) -> ImportAnswer:
    """An import with its progress, for whoever waits for it."""
    session.flush()
    session.refresh(found)
    stored = stored_parts(session, found.id) if found.state == "uploading" else []
    seconds = session.scalar(
        select(
            func.extract("epoch", func.coalesce(Import.ended_at, func.clock_timestamp()) - Import.phase_began_at)
        ).where(Import.id == found.id)
    )
    done = found.applied + found.skipped if found.state in ("applying", "done") else found.rows
    return ImportAnswer(
        **{
            name: getattr(found, name)
            for name in ImportAnswer.model_fields
            if name in Import.__table__.columns and name not in ("parts",)
        },
        parts=len(stored) if found.state == "uploading" else found.parts,
        missing_parts=missing(stored),
        columns={letter(at): name for at, name in enumerate(found.fields or []) if name},
        ignored_columns=[letter(at) for at, name in enumerate(found.fields or []) if name is None],
        good_rows=found.rows - found.faulty_rows,
        progress=_progress(found),
        rows_per_second=round(done / max(float(seconds or 0), 0.1)) if found.state in ("checking", "applying") else 0,
    )


def _progress(found: Import) -> float:
    """The share of the present phase that is done."""
    match found.state:
        case "uploading":
            return 0.0
        case "checking":
            return round((found.next_part - 1) / max(1, found.parts), 3)
        case "applying" | "failed":
            return round((found.applied + found.skipped) / max(1, found.rows), 3)
    return 1.0


_ERASED_LONG_AGO = text("DELETE FROM erased_lately WHERE erased_at < now() - make_interval(days => :days)")
"""No file from before waits any more."""


def forget_content(session: Session, limit: int = 50_000) -> int:
    """Imports that nobody goes on with are cancelled after a week; what is left of ended ones goes, some at a time.

    Returns how many rows were deleted."""
    idle = select(Import).where(
        Import.state.in_(("uploading", "checked", "failed")),
        Import.touched_at < func.now() - text(f"interval '{KEPT_DAYS} days'"),
    )
    for found in session.scalars(idle.with_for_update(skip_locked=True).limit(10)).all():
        end_import(session, found, "cancelled")
    session.execute(_ERASED_LONG_AGO, {"days": KEPT_DAYS + 1})
    deleted = 0
    for table, when in (
        ("import_keys", "ended_at IS NOT NULL"),
        ("import_faults", f"ended_at < now() - interval '{KEPT_DAYS} days'"),
    ):
        gone = session.execute(
            text(
                f"DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT t.ctid FROM {table} AS t"  # noqa: S608
                f" WHERE t.import_id IN (SELECT id FROM imports WHERE {when}) LIMIT :limit))"
            ),
            {"limit": limit},
        )
        deleted += gone.rowcount  # type: ignore[attr-defined]
    return deleted


def any_to_forget(session: Session) -> bool:
    """Whether `forget_content` has something to do."""
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM imports AS i WHERE i.ended_at IS NOT NULL"
                " AND EXISTS (SELECT FROM import_keys AS k WHERE k.import_id = i.id))"
                " OR EXISTS (SELECT FROM imports AS i WHERE i.ended_at < now() - make_interval(days => :days)"
                " AND EXISTS (SELECT FROM import_faults AS f WHERE f.import_id = i.id))"
                " OR EXISTS (SELECT FROM imports WHERE state IN ('uploading', 'checked', 'failed')"
                " AND touched_at < now() - make_interval(days => :days))"
                " OR EXISTS (SELECT FROM erased_lately WHERE erased_at < now() - make_interval(days => :days + 2))"
            ),
            {"days": KEPT_DAYS},
        )
    )
