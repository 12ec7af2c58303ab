"""What registration's worker does, when the pump finds that it is time: what takes long (imports, exports, batches of
certificates), what runs out (holds, offers), and tidying up. All else happens in requests."""

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from celery import Celery
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database, is_outage
from services.common.logs import get_logger
from services.common.queue import make_celery
from services.registration.hours_check import check
from services.registration.operations.activities import complete_activity, left_open
from services.registration.operations.certificates import Certificates, waiting_batches
from services.registration.operations.encryption import ENCRYPTED, Place, any_older_encryption, renew_encryption
from services.registration.operations.exports.requests import forget_exports
from services.registration.operations.exports.steps import write_exports
from services.registration.operations.holds import due_shifts, settle
from services.registration.operations.idempotency import forget_old_keys
from services.registration.operations.imports.steps import work_on_imports
from services.registration.operations.imports.uploads import forget_content
from services.registration.operations.retention import erase_what_is_old
from services.registration.operations.staff import any_older_staff_encryption, renew_staff_encryption
from services.registration.operations.successors import follow_successors
from services.registration.settings import Settings

log = get_logger(__name__)

FORGET_TASK = "registration.forget_old_keys"
COMPLETE_TASK = "registration.complete_old_activities"
RENEW_TASK = "registration.renew_encryption"
SETTLE_TASK = "registration.settle_seats"
RETENTION_TASK = "registration.erase_what_is_old"
EXCHANGE_TASK = "registration.exchange"
CERTIFY_TASK = "registration.certify"
CHECK_HOURS_TASK = "registration.check_hours"
FOLLOW_TASK = "registration.follow_successors"

EXCHANGE_SECONDS = 20.0
"""Then others have their turn, and the pump asks again."""
AT_ONCE = 200

Due = Callable[[Session, int], Sequence[UUID]]
"""At most so many that are due."""


def make_celery_app(settings: Settings) -> Celery:
    """The Celery app with this service's tasks."""
    app = make_celery(settings)
    database = Database(settings.database_dsn, pool_size=2)
    for name, work in WORK.items():
        _add_task(app, name, partial(work, database, settings))
    return app


def _add_task(app: Celery, name: str, work: Callable[[], None]) -> None:
    @app.task(shared=False, name=name)
    def run() -> None:
        work()


def forget(database: Database, settings: Settings) -> None:
    """Delete idempotency keys that nobody retries any more."""
    log.info("old_keys_forgotten", count=_until_none(database, forget_old_keys))


def complete(database: Database, settings: Settings) -> None:
    """Close activities that ended long ago and that nobody closed."""

    def close(activity_id: UUID) -> None:
        with database.transaction(EVERY_SITE) as session:
            complete_activity(session, activity_id)

    log.info("old_activities_completed", count=_each(database, left_open, close))


def follow(database: Database, settings: Settings) -> None:
    """Move what lies in an area that is abolished from today on to its successor."""
    with database.transaction(EVERY_SITE) as session:
        moved = follow_successors(session)
    log.info("successors_followed", moved=moved)


def erase_old(database: Database, settings: Settings) -> None:
    """Erase the details of residents whom a site has not seen for as long as it keeps them."""
    log.info("old_details_looked_at", count=_until_none(database, erase_what_is_old))


def renew(database: Database, settings: Settings) -> None:
    """Encrypt everybody's details with the newest key. Broken off, it goes on where it was when sent again."""
    data = settings.personal_data()
    for table in ENCRYPTED:
        last: Place | None = None
        while True:
            with database.transaction(EVERY_SITE) as session:
                last = renew_encryption(session, data, table, last)
            if last is None:
                break
    position: int | None = 0
    while position is not None:
        with database.transaction(EVERY_SITE) as session:
            position = renew_staff_encryption(session, data, position)
    with database.transaction(EVERY_SITE) as session:
        remains = any_older_encryption(session, data) or any_older_staff_encryption(session, data)
    log.info("encryption_renewed", older_keys_still_needed=remains)


def settle_seats(database: Database, settings: Settings) -> None:
    """End holds and offers that ran out, and give their places to who is next; until nothing is due."""

    def end(shift_id: UUID) -> None:
        with database.transaction(EVERY_SITE) as session:
            settle(session, shift_id)

    log.info("seats_settled", shifts=_each(database, due_shifts, end))


def exchange(database: Database, settings: Settings) -> None:
    """Go on with imports, write exports, and forget what is over."""
    worked = work_on_imports(database, settings.personal_data(), EXCHANGE_SECONDS)
    written = write_exports(database, settings.personal_data())
    with database.transaction(EVERY_SITE) as session:
        forgotten = forget_content(session) + forget_exports(session)
    log.info("exchanged", import_parts=worked, exports=written, forgotten=forgotten)


def certify(database: Database, settings: Settings) -> None:
    """Make the certificates of batches, a few per transaction. Broken off, it goes on where it was."""
    certificates = Certificates(settings.personal_data(), settings.public_url or settings.registration_url)

    def make(batch_id: UUID) -> None:
        remain = True
        while remain:
            with database.transaction(EVERY_SITE) as session:
                remain = certificates.go_on(session, batch_id)

    _each(database, waiting_batches, make)


def check_hours(database: Database, settings: Settings) -> None:
    """Look for tampering with service records; what is found is an alarm."""
    for broken in check(database):
        log.error("hours_chain_broken", site_id=str(broken.site_id), number=broken.number, what=broken.what)


WORK: dict[str, Callable[[Database, Settings], None]] = {
    FORGET_TASK: forget,
    COMPLETE_TASK: complete,
    FOLLOW_TASK: follow,
    RETENTION_TASK: erase_old,
    RENEW_TASK: renew,
    SETTLE_TASK: settle_seats,
    EXCHANGE_TASK: exchange,
    CERTIFY_TASK: certify,
    CHECK_HOURS_TASK: check_hours,
}


def _until_none(database: Database, batch: Callable[[Session], int]) -> int:
    """Batches, each in a transaction of its own, until one has nothing to do any more; returns how much there was."""
    total = 0
    while True:
        with database.transaction(EVERY_SITE) as session:
            done = batch(session)
        total += done
        if not done:
            return total


def _each(database: Database, due: Due, act: Callable[[UUID], None]) -> int:
    """Act on each that is due, until there is none that had no turn; returns how many went well.

    One that fails keeps none of the others waiting: it is told of, and has its next turn with the next run.
    """
    tried: set[UUID] = set()
    failed = 0
    while True:
        with database.transaction(EVERY_SITE) as session:
            # Those that failed are still due, and must not fill the list.
            todo = [one for one in due(session, AT_ONCE + len(tried)) if one not in tried]
        if not todo:
            return len(tried) - failed
        for one in todo:
            tried.add(one)
            try:
                act(one)
            except Exception as error:
                if is_outage(error):
                    raise
                failed += 1
                log.exception("one_failed", what=act.__qualname__, id=str(one), error_type=type(error).__name__)
