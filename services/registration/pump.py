"""Registration's pump: numbers and sends events, and keeps time for the worker.

Events have connections of their own: whatever the watches wait for, a long query or a lock, no event waits for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from celery import Celery
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.idempotency import any_old_keys
from services.common.outbox import send_pages, sequence_events
from services.common.pump import Duty, run_pump
from services.common.queue import CeleryPages, nudge
from services.registration.hours_check import is_check_due
from services.registration.operations.activities.activities import any_to_complete
from services.registration.operations.activities.private_notes import any_old_note
from services.registration.operations.exports.requests import any_export_due
from services.registration.operations.hours.certificates import waiting_batches
from services.registration.operations.imports.steps import any_import_due
from services.registration.operations.imports.uploads import any_to_forget
from services.registration.operations.people.encryption import any_older_encryption
from services.registration.operations.people.retention import any_to_review
from services.registration.operations.seats.holds import due_shifts
from services.registration.operations.seats.transfers import late_transfers
from services.registration.operations.sites.successors import any_to_follow
from services.registration.operations.staff.accounts import any_older_staff_encryption
from services.registration.personal_data import PersonalData
from services.registration.settings import SUBSCRIBERS, Settings
from services.registration.tasks import (
    CERTIFY_TASK,
    CHECK_HOURS_TASK,
    COMPLETE_TASK,
    EXCHANGE_TASK,
    FOLLOW_TASK,
    FORGET_TASK,
    RENEW_TASK,
    RETENTION_TASK,
    SETTLE_TASK,
    make_celery_app,
)

SEQUENCE_IDLE = 0.03
SEND_IDLE = 0.03


@dataclass(frozen=True)
class Watch:
    """Something that may be due: the worker is nudged to do the task where the query finds so. `idle` in seconds."""

    name: str
    is_due: Callable[[Session], object]
    task: str
    idle: float


def watches(data: PersonalData) -> list[Watch]:
    """What the worker does when it is time."""
    return [
        Watch("tidy", any_old_keys, FORGET_TASK, 30.0),
        Watch(
            "renew", lambda s: any_older_encryption(s, data) or any_older_staff_encryption(s, data), RENEW_TASK, 30.0
        ),
        Watch("complete", any_to_complete, COMPLETE_TASK, 60.0),
        Watch("follow", any_to_follow, FOLLOW_TASK, 60.0),
        Watch("settle", lambda s: due_shifts(s, limit=1) or late_transfers(s, limit=1), SETTLE_TASK, 1.0),
        Watch("retention", lambda s: any_to_review(s) or any_old_note(s), RETENTION_TASK, 600.0),
        Watch("exchange", lambda s: any_import_due(s) or any_export_due(s) or any_to_forget(s), EXCHANGE_TASK, 1.0),
        Watch("certify", waiting_batches, CERTIFY_TASK, 3.0),
        Watch("check_hours", is_check_due, CHECK_HOURS_TASK, 300.0),
    ]


def duties(settings: Settings) -> list[Duty]:
    """What the loop looks at, and how often."""
    app = make_celery_app(settings)
    pages = CeleryPages(app)
    events = Database(settings.database_dsn, pool_size=2)
    watched = watches(settings.personal_data())
    # One for each: a watch that waits holds up none of the others either.
    database = Database(settings.database_dsn, pool_size=len(watched))
    return [
        Duty("sequence", lambda: sequence_events(events), SEQUENCE_IDLE),
        Duty("send", lambda: send_pages(events, pages, settings.service, SUBSCRIBERS), SEND_IDLE),
        *(Duty(watch.name, partial(_look, database, app, settings.service, watch), watch.idle) for watch in watched),
    ]


def _look(database: Database, app: Celery, service: str, watch: Watch) -> bool:
    """Nudge where something is due. The next look is after the rest all the same: the worker needs a while."""
    with database.transaction(EVERY_SITE) as session:
        is_due = watch.is_due(session)
    if is_due:
        nudge(app, watch.task, service)
    return False


if __name__ == "__main__":
    settings = Settings()
    run_pump(settings, duties(settings))
