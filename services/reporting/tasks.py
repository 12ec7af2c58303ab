"""Celery tasks of the reporting service: each a few lines around an operation."""

from typing import Any

from celery import Celery

from services.common.database import Database
from services.common.outbox import Page
from services.common.queue import APPLY_TASK, make_celery
from services.reporting.handlers import make_subscriber
from services.reporting.operations.aggregation import aggregate
from services.reporting.settings import Settings

AGGREGATE_TASK = "aggregate"


def make_celery_app(settings: Settings) -> Celery:
    """The worker's app: pages of events, and sweeps over dirty cells."""
    app = make_celery(settings)
    database = Database(settings.database_dsn)
    subscriber = make_subscriber(settings, database)

    @app.task(shared=False, name=APPLY_TASK)
    def apply(page: dict[str, Any]) -> None:
        subscriber.apply(Page.model_validate(page))

    @app.task(shared=False, name=AGGREGATE_TASK)
    def aggregate_dirty_cells() -> None:
        aggregate(database)

    return app
