"""The pump: `python -m services.reporting.pump`. It pulls missed events, wakes the worker for dirty cells, trims,
and recounts.

The recount runs here and not in the worker, where events would wait for it.
"""

from celery import Celery

from services.common.database import Database
from services.common.pump import Duty, run_pump
from services.common.queue import nudge, queue_length, work_queue
from services.reporting.handlers import make_subscriber
from services.reporting.operations.aggregation import is_dirty
from services.reporting.operations.caught_up import CatchUp
from services.reporting.operations.recount import begin_when_due, recount_slice
from services.reporting.operations.upkeep import trim_applied
from services.reporting.settings import Settings
from services.reporting.tasks import AGGREGATE_TASK, make_celery_app

LONGEST_QUEUE = 2
"""Nudges waiting beyond which no more are sent: the worker is busy, and one sweep takes all that is dirty."""


def wake_aggregation(database: Database, celery: Celery, service: str) -> None:
    """Nudge the worker when cells are dirty and it is not nudged already."""
    if is_dirty(database) and queue_length(celery, work_queue(service)) < LONGEST_QUEUE:
        nudge(celery, AGGREGATE_TASK, service)


def recount(database: Database) -> bool:
    """Begin the recount of this night, and go on with the one that was begun. Returns whether there is more to do."""
    begin_when_due(database)
    return recount_slice(database)


def duties(settings: Settings) -> list[Duty]:
    """What the pump looks at, and how often."""
    database = Database(settings.database_dsn)
    celery = make_celery_app(settings)
    return [
        Duty("catch_up", CatchUp(database, make_subscriber(settings, database)), idle=2.0),
        Duty("aggregate", lambda: wake_aggregation(database, celery, settings.service), idle=1.0),
        Duty("recount", lambda: recount(database), idle=5.0),
        Duty("trim", lambda: trim_applied(database), idle=30.0),
    ]


def main() -> None:
    """Run until told to stop."""
    settings = Settings()
    run_pump(settings, duties(settings))


if __name__ == "__main__":
    main()
