"""What registration's worker does: what is due, what takes long, and tidying up. All else happens in requests."""

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import TypeVar

from celery import Celery
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.idempotency import forget_old_keys
from services.common.logs import get_logger
from services.common.queue import make_celery
from services.registration.hours_check import check
from services.registration.operations.activities.activities import complete_activity, old_activities
from services.registration.operations.activities.private_notes import forget_notes
from services.registration.operations.exports.requests import forget_exports
from services.registration.operations.exports.steps import write_exports
from services.registration.operations.hours.certificates import Certificates, waiting_batches
from services.registration.operations.imports.steps import work_on_imports
from services.registration.operations.imports.uploads import forget_content
from services.registration.operations.people.encryption import ENCRYPTED, Place, any_older_encryption, renew_encryption
from services.registration.operations.people.retention import due_reviews, review
from services.registration.operations.seats.holds import due_shifts, settle
from services.registration.operations.seats.transfers import expire, late_transfers
from services.registration.operations.sites.successors import follow_successors
from services.registration.operations.staff.accounts import any_older_staff_encryption, renew_staff_encryption
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
BATCHES = 20


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
    forgotten = 0
    while batch := _once(database, forget_old_keys):
        forgotten += batch
    log.info("old_keys_forgotten", count=forgotten)


def complete(database: Database, settings: Settings) -> None:
    """Close activities that ended long ago and that nobody closed."""
    completed = each_due(database, old_activities, complete_activity)
    log.info("old_activities_completed", count=len(completed))


def follow(database: Database, settings: Settings) -> None:
    """Move what lies in an area that is abolished from today on to its successor."""
    with database.transaction(EVERY_SITE) as session:
        moved = follow_successors(session)
    log.info("successors_followed", moved=moved)


def erase_old(database: Database, settings: Settings) -> None:
    """Erase the details of residents whom a site has not seen for as long as it keeps them, and old notes."""
    data = settings.personal_data()
    looked_at = each_due(
        database,
        lambda session: [(row.person_id, row.site_id) for row in due_reviews(session)],
        lambda session, key: review(session, data, *key),
    )
    notes = _once(database, forget_notes)
    log.info("old_details_erased", count=sum(looked_at), notes=notes)


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
    """End holds and offers that ran out, and give their places to who is next; end transfers that nobody answered."""
    settled = each_due(database, due_shifts, settle)
    ended = each_due(database, late_transfers, expire)
    log.info("seats_settled", shifts=len(settled), transfers=len(ended))


def exchange(database: Database, settings: Settings) -> None:
    """Go on with imports, write exports, and forget what is over."""
    worked = work_on_imports(database, settings.personal_data(), EXCHANGE_SECONDS)
    written = write_exports(database, settings.personal_data())
    with database.transaction(EVERY_SITE) as session:
        forgotten = forget_content(session) + forget_exports(session)
    log.info("exchanged", import_parts=worked, exports=written, forgotten=forgotten)


def certify(database: Database, settings: Settings) -> None:
    """Make the certificates of batches, a few of each in turn. Broken off, it goes on where it was."""
    certificates = Certificates(settings.personal_data(), settings.public_url or settings.registration_url)
    while any(each_due(database, partial(waiting_batches, limit=BATCHES), certificates.go_on)):
        pass


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


Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


def _once(database: Database, act: Callable[[Session], Result]) -> Result:
    with database.transaction(EVERY_SITE) as session:
        return act(session)


def each_due(
    database: Database, due: Callable[[Session], Iterable[Key]], act: Callable[[Session, Key], Result]
) -> list[Result]:
    """Act on everything that is due, each in a transaction of its own; returns what came of those that went well.

    One that fails is logged and stays due, for the next run: it keeps nobody else from their turn.
    """
    done: list[Result] = []
    tried: set[Key] = set()
    while new := [key for key in _once(database, due) if key not in tried]:
        tried.update(new)
        for key in new:
            try:
                with database.transaction(EVERY_SITE) as session:
                    done.append(act(session, key))
            except Exception:
                log.exception("due_item_failed", item=str(key))
    return done
