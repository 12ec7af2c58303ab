"""Registration's pump: numbers and sends events, and keeps time for the worker."""

from services.common.database import EVERY_SITE, Database
from services.common.outbox import send_pages, sequence_events
from services.common.pump import Duty, run_pump
from services.common.queue import CeleryPages, nudge
from services.registration.operations.activities import any_to_complete
from services.registration.operations.certificates import waiting_batch
from services.registration.operations.encryption import any_older_encryption
from services.registration.operations.exports.requests import any_export_due
from services.registration.operations.holds import due_shifts
from services.registration.operations.idempotency import any_old_keys
from services.registration.operations.imports.steps import any_import_due
from services.registration.operations.imports.uploads import any_to_forget
from services.registration.operations.retention import any_to_review
from services.registration.operations.staff import any_older_staff_encryption
from services.registration.settings import SUBSCRIBERS, Settings
from services.registration.tasks import (
    CERTIFY_TASK,
    COMPLETE_TASK,
    EXCHANGE_TASK,
    FORGET_TASK,
    RENEW_TASK,
    RETENTION_TASK,
    SETTLE_TASK,
    make_celery_app,
)

SEQUENCE_IDLE = 0.03
SEND_IDLE = 0.03
FORGET_IDLE = 30.0
RENEW_IDLE = 30.0
SETTLE_IDLE = 1.0
COMPLETE_IDLE = 60.0
CERTIFY_IDLE = 3.0
RETENTION_IDLE = 600.0
EXCHANGE_IDLE = 1.0


def duties(settings: Settings) -> list[Duty]:
    """What the loop looks at, and how often."""
    database = Database(settings.database_dsn, pool_size=len(SUBSCRIBERS) + 1)
    app = make_celery_app(settings)
    pages = CeleryPages(app)
    data = settings.personal_data()

    def tidy() -> bool:
        with database.transaction(EVERY_SITE) as session:
            due = any_old_keys(session)
        if due:
            nudge(app, FORGET_TASK, settings.service)
        return False

    def renew() -> bool:
        with database.transaction(EVERY_SITE) as session:
            due = any_older_encryption(session, data) or any_older_staff_encryption(session, data)
        if due:
            nudge(app, RENEW_TASK, settings.service)
        return False

    def complete() -> bool:
        with database.transaction(EVERY_SITE) as session:
            due = any_to_complete(session)
        if due:
            nudge(app, COMPLETE_TASK, settings.service)
        return False

    def certify() -> bool:
        with database.transaction(EVERY_SITE) as session:
            due = waiting_batch(session) is not None
        if due:
            nudge(app, CERTIFY_TASK, settings.service)
        return False

    def settle() -> bool:
        with database.transaction(EVERY_SITE) as session:
            due = due_shifts(session, limit=1)
        if due:
            nudge(app, SETTLE_TASK, settings.service)
        return False

    def retention() -> bool:
        with database.transaction(EVERY_SITE) as session:
            due = any_to_review(session)
        if due:
            nudge(app, RETENTION_TASK, settings.service)
        return False

    def exchange() -> bool:
        with database.transaction(EVERY_SITE) as session:
            due = any_import_due(session) or any_export_due(session) or any_to_forget(session)
        if due:
            nudge(app, EXCHANGE_TASK, settings.service)
        return False

    return [
        Duty("sequence", lambda: sequence_events(database), SEQUENCE_IDLE),
        Duty("send", lambda: send_pages(database, pages, settings.service, SUBSCRIBERS), SEND_IDLE),
        Duty("tidy", tidy, FORGET_IDLE),
        Duty("renew", renew, RENEW_IDLE),
        Duty("complete", complete, COMPLETE_IDLE),
        Duty("settle", settle, SETTLE_IDLE),
        Duty("retention", retention, RETENTION_IDLE),
        Duty("exchange", exchange, EXCHANGE_IDLE),
        Duty("certify", certify, CERTIFY_IDLE),
    ]


if __name__ == "__main__":
    settings = Settings()
    run_pump(settings, duties(settings))
