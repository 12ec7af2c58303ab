"""What the worker does: apply pages of events, and send what is due."""

from typing import Any

from celery import Celery

from services.common.database import Database
from services.common.outbox import Page
from services.common.queue import APPLY_TASK, make_celery
from services.notifications.handlers import make_subscriber
from services.notifications.operations.deliver import deliver_batch, deliver_bulk, make_postman
from services.notifications.settings import Settings

DELIVER_TASK = "deliver"
BULK_TASK = "deliver_bulk"


def make_celery_app(settings: Settings) -> Celery:
    """The worker's Celery app."""
    app = make_celery(settings)
    database = Database(settings.database_dsn, pool_size=2)
    subscriber = make_subscriber(settings, database)
    postman = make_postman(settings, database)

    @app.task(shared=False, name=APPLY_TASK)
    def apply(page: dict[str, Any]) -> None:
        subscriber.apply(Page.model_validate(page))

    @app.task(shared=False, name=DELIVER_TASK)
    def deliver() -> None:
        deliver_batch(postman)

    @app.task(shared=False, name=BULK_TASK)
    def bulk() -> None:
        deliver_bulk(postman)

    return app
