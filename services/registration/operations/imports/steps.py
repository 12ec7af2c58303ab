"""The worker's share of imports: it claims one that is due, works on a part of it, and lets it go again.

    worked = work_on_imports(database, data, seconds=20)

A claim is good for `CLAIM_SECONDS`; each slice renews it. A worker that is killed leaves one behind, and whoever comes
when it is over goes on after the last slice that was committed.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.database import EVERY_SITE, Database, is_outage
from services.common.logs import get_logger
from services.registration.models import Import
from services.registration.operations import locked
from services.registration.operations.imports.applying import apply_rows
from services.registration.operations.imports.checking import add_faults, check_rows
from services.registration.operations.imports.uploads import LARGEST_PART, end_import, read_part, store_part
from services.registration.personal_data import PersonalData
from services.registration.spreadsheets.columns import ROWS_BEFORE_HEADINGS, Headings, find_columns
from services.registration.spreadsheets.faults import Fault
from services.registration.spreadsheets.rows import Row, check_row
from services.registration.spreadsheets.texts import UTF8, Unreadable, delimiter_of, encoding_of, read_records
from services.registration.spreadsheets.unpacking import unpacked

log = get_logger(__name__)

CLAIM_SECONDS = 60
CHECK_SLICE = 5_000
APPLY_SLICE = 1_000
"""Rows in one commit. Each new person takes up to two advisory locks until then, for which sign-ups of the same people
wait; PostgreSQL has room for 64 locks per connection, all together."""
ROSTER_SLICE = 100
"""Members join one by one, each with an event, while the team is locked; past service goes row by row into the site's
chain, which is locked meanwhile."""
MOST_ATTEMPTS = 5
"""Without a slice in between."""
WORKER_LOST = "WorkerLost"
MOST_WORKBOOK_PARTS = 40


@dataclass(frozen=True)
class Claim:
    """One worker's right to work on an import, until it is over or somebody cancels."""

    import_id: UUID
    key: UUID


@dataclass
class Piece:
    """What one part holds (or a few small ones): records, and the bytes that belong to the part `following`."""

    records: list[list[str]]
    rest: bytes
    encoding: str | None
    delimiter: str
    following: int


def work_on_imports(database: Database, data: PersonalData, seconds: float) -> int:
    """Work on what is due, a part of each import in turn, for about this long; returns the parts worked on."""
    until, worked = time.monotonic() + seconds, 0
    while time.monotonic() < until and (claim := claim_import(database)):
        try:
            work_on_part(database, data, claim)
        except Exception as error:
            _release(database, claim, error)
            if is_outage(error):
                raise
        else:
            _release(database, claim, None)
        worked += 1
    return worked


def claim_import(database: Database) -> Claim | None:
    """The import that was waiting longest, so that a small one does not wait for a large one to end.

    The attempt counts before the work: whatever ends the worker itself leaves nobody to count it.
    """
    key = uuid.uuid4()
    with database.transaction(EVERY_SITE) as session:
        _give_up(session)
        row = session.execute(
            text(
                "UPDATE imports SET claim = :key, claimed_until = now() + make_interval(secs => :seconds),"
                " attempts = attempts + 1"
                " WHERE id = (SELECT id FROM imports WHERE state IN ('checking', 'applying') AND claimed_until < now()"
                " ORDER BY touched_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
            ),
            {"key": key, "seconds": CLAIM_SECONDS},
        ).one_or_none()
    return Claim(row.id, key) if row else None


def _give_up(session: Session) -> None:
    """Whatever has ended its worker again and again, and came no further between, stops, visibly."""
    given_up = session.execute(
        text(
            "UPDATE imports SET state = 'failed', error = :error, claim = NULL, version = version + 1"
            " WHERE state IN ('checking', 'applying') AND claimed_until < now() AND attempts >= :most RETURNING id"
        ),
        {"error": WORKER_LOST, "most": MOST_ATTEMPTS},
    )
    for row in given_up:
        log.error("import_failed", import_id=str(row.id), attempts=MOST_ATTEMPTS, error_type=WORKER_LOST)


def any_import_due(session: Session) -> bool:
    """Whether a worker would find something to do."""
    due = "SELECT EXISTS (SELECT FROM imports WHERE state IN ('checking', 'applying') AND claimed_until < now())"
    return bool(session.scalar(text(due)))


def _release(database: Database, claim: Claim, error: Exception | None) -> None:
    """Let go of it. After too many failures it stops, visibly, until somebody asks to go on."""
    with database.transaction(EVERY_SITE) as session:
        found = _claimed(session, claim)
        if found is None:
            return
        found.claim, found.claimed_until = None, func.now()
        if error is None:
            found.attempts, found.error = 0, None
            return
        # The kind of error only: its text may quote what stands in the file.
        found.error = type(error).__name__
        if is_outage(error):
            found.attempts -= 1
        elif found.attempts >= MOST_ATTEMPTS:
            found.state = "failed"
        log.error("import_failed", import_id=str(found.id), attempts=found.attempts, error_type=found.error)


def _claimed(session: Session, claim: Claim) -> Import | None:
    """The import under lock, None when the claim is over: it was cancelled, or another worker has it."""
    mine = select(Import).where(
        Import.id == claim.import_id, Import.claim == claim.key, Import.state.in_(("checking", "applying"))
    )
    return session.scalars(locked(mine)).one_or_none()


def work_on_part(database: Database, data: PersonalData, claim: Claim) -> None:
    """Check or apply the part that is next, in slices."""
    with database.transaction(EVERY_SITE) as session:
        found = _claimed(session, claim)
        if found is None:
            return
        if found.workbook:
            _unpack(session, data, found)
            return
        try:
            piece = _piece(session, data, found)
        except Unreadable as error:
            _finish_check(session, found, [Fault(0, "", error.code)])
            return
    while _slice(database, data, claim, piece):
        pass


def _unpack(session: Session, data: PersonalData, found: Import) -> None:
    """A workbook becomes CSV, in one commit: what follows has one kind of file to read."""
    try:
        if found.parts > MOST_WORKBOOK_PARTS:
            raise Unreadable("workbook_too_large")
        content = b"".join(read_part(session, data, found.id, number) for number in range(1, found.parts + 1))
        count = _store(session, data, found, content)
    except Unreadable as error:
        _finish_check(session, found, [Fault(0, "", error.code)])
        return
    found.parts, found.workbook, found.encoding, found.delimiter = count, False, UTF8, ","


def _store(session: Session, data: PersonalData, found: Import, workbook: bytes) -> int:
    """The parts of the workbook give way to those of the CSV, as these come; returns how many there are."""
    session.execute(text("DELETE FROM import_parts WHERE import_id = :id"), {"id": found.id})
    count = 0
    for count, piece in enumerate(_filled(unpacked(workbook)), start=1):
        store_part(session, data, found, count, piece)
    return count


def _filled(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of the usual size."""
    waiting = b""
    for piece in pieces:
        waiting += piece
        while len(waiting) >= LARGEST_PART:
            yield waiting[:LARGEST_PART]
            waiting = waiting[LARGEST_PART:]
    yield waiting


def _piece(session: Session, data: PersonalData, found: Import) -> Piece:
    content, number = data.unseal(found.rest) if found.rest else b"", found.next_part
    while True:
        content += read_part(session, data, found.id, number)
        encoding = found.encoding or encoding_of(content)
        delimiter = found.delimiter or delimiter_of(content, encoding)
        number += 1
        records, rest = read_records(content, encoding, delimiter, last=number > found.parts)
        # The headings are looked for in the first piece, which must not end before them.
        if found.heading_row is not None or len(records) >= ROWS_BEFORE_HEADINGS or number > found.parts:
            return Piece(records, rest, encoding, delimiter, number)


def _slice(database: Database, data: PersonalData, claim: Claim, piece: Piece) -> bool:
    """The next rows of the part and how far that is, in one commit; whether there are more of them."""
    with database.transaction(EVERY_SITE) as session:
        found = _claimed(session, claim)
        if found is None:
            return False
        checks = found.state == "checking"
        headings = _headings(session, found, piece)
        if headings is None:
            return False
        # A volunteer's ID number is a third lock.
        applied_at_once = {"people": APPLY_SLICE, "volunteers": APPLY_SLICE * 2 // 3}.get(found.kind, ROSTER_SLICE)
        begin, size = found.done_in_part, CHECK_SLICE if checks else applied_at_once
        cells = piece.records[begin : begin + size]
        numbered = enumerate(cells, start=found.records + begin + 1)
        rows = [_row(found, headings, number, record) for number, record in numbered if number > headings.row]
        written = [row for row in rows if row is not None]
        if written:
            (check_rows if checks else apply_rows)(session, data, found, written)
        found.done_in_part = begin + len(cells)
        found.attempts, found.touched_at = 0, func.clock_timestamp()
        found.claimed_until = func.now() + text(f"interval '{CLAIM_SECONDS} seconds'")
        if found.done_in_part < len(piece.records):
            return True
        _end_of_part(session, data, found, piece)
        return False


def _row(found: Import, headings: Headings, number: int, record: list[str]) -> Row | None:
    return check_row(found.kind, headings, number, record)  # type: ignore[arg-type]


def _headings(session: Session, found: Import, piece: Piece) -> Headings | None:
    """Which column is what: found in the first part, and kept. None when that ended the check."""
    if found.heading_row is not None:
        return Headings(found.heading_row, list(found.fields or []))
    headings, faults = find_columns(found.kind, piece.records)  # type: ignore[arg-type]
    if headings is None:
        _finish_check(session, found, faults if any(piece.records) else [Fault(0, "", "empty")])
        return None
    found.heading_row, found.fields = headings.row, headings.fields
    return headings


def _end_of_part(session: Session, data: PersonalData, found: Import, piece: Piece) -> None:
    found.encoding, found.delimiter = piece.encoding, piece.delimiter
    found.records += len(piece.records)
    found.next_part, found.done_in_part = piece.following, 0
    found.rest = data.seal(piece.rest) if piece.rest else None
    if found.next_part <= found.parts:
        return
    if found.state == "checking":
        _finish_check(session, found, [] if found.rows else [Fault(0, "", "empty")])
    else:
        _finish_apply(session, found)


def _finish_check(session: Session, found: Import, faults: list[Fault]) -> None:
    """The dry run is over; `faults` are of the file as a whole, and nothing of it can be applied then."""
    if faults:
        add_faults(session, found, faults)
        found.faulty_rows = found.rows
    found.state, found.checked_at = "checked", func.now()
    found.next_part, found.done_in_part, found.records, found.rest = 1, 0, 0, None
    found.claim, found.claimed_until = None, func.now()
    found.version += 1


def _finish_apply(session: Session, found: Import) -> None:
    """One entry in the audit log for the whole file, in the name of who asked for it."""
    end_import(session, found, "done")
    session.execute(text("SELECT set_config('hesheng.actor', :actor, true)"), {"actor": found.made_by})
    record(
        session,
        "import",
        "imports",
        found.id,
        found.site_id,
        of=found.kind,
        rows=found.rows,
        applied=found.applied,
        skipped=found.skipped,
        new_people=found.new_people,
        overwrite=found.overwrite,
        agreed=found.agreed,
        approved_by=found.approved_by,
    )
