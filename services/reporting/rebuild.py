"""Empty the books and fill them again from the producer's log.

    DATABASE_URL=… REGISTRATION_URL=… REPORTING_TOKEN=… python -m services.reporting.rebuild

The result is, byte for byte, what was there before, unless something was wrong with it. It can run beside the other
processes, even killed and started again; until it is done, reports answer from what has been applied so far (their
`log` says how far that is). Site keys are kept, so that nobody is locked out meanwhile: applying their events again
changes nothing.
"""

import sys
import time

from sqlalchemy import text

from services.common.apply import Subscriber
from services.common.database import Database
from services.common.logs import configure_logs, get_logger
from services.reporting.handlers import make_subscriber
from services.reporting.models import METADATA
from services.reporting.operations.aggregation import aggregate, is_dirty
from services.reporting.settings import Settings

log = get_logger(__name__)

PIPELINE = ("cursors", "applied", "parked", "dirty", "stale")


def empty(database: Database) -> None:
    """Forget what was applied and how far, together."""
    with database.transaction() as session:
        session.execute(text(f"TRUNCATE {', '.join([*METADATA.tables, *PIPELINE])}"))
        session.execute(text("UPDATE caught_up SET as_of = DEFAULT"))
        session.execute(text("UPDATE tree SET version = DEFAULT, built = DEFAULT"))


def rebuild(database: Database, subscriber: Subscriber) -> None:
    """Empty the books and apply the whole log again. Raises `requests.RequestException` when the feed is away."""
    empty(database)
    subscriber.catch_up_fully()
    while is_dirty(database):
        if not aggregate(database):
            time.sleep(0.1)  # the worker is at it


def main() -> None:
    """Rebuild the database that the settings name."""
    settings = Settings()
    configure_logs(settings.service, "rebuild", settings.log_level)
    database = Database(settings.database_dsn)
    rebuild(database, make_subscriber(settings, database))
    with database.transaction() as session:
        rows = session.execute(text("SELECT partition, sequence, head, halted FROM cursors ORDER BY partition")).all()
    behind = sum(row.head - row.sequence for row in rows)
    log.info("rebuilt", events=sum(row.sequence for row in rows), behind=behind)
    sys.exit(0 if rows and all(row.halted is None for row in rows) else 1)


if __name__ == "__main__":
    main()
