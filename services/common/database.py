"""The service's database: sessions, scope for row-level security, the revision that the code expects.

database = Database(settings.database_dsn)
with database.transaction(site=site_id) as session:
    ...  # one operation; committed at the end, rolled back on any exception
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import UUID

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

EVERY_SITE = "*"
"""The scope of operators and of the service's own processes under row-level security."""

STATEMENT_TIMEOUT_MS = 30_000


@dataclass(frozen=True)
class Acting:
    """On whose behalf this thread works, for the audit log: `staff:<id>`, `site:<key id>`, `person:<id>`, …"""

    actor: str = ""
    address: str = ""
    request_id: str = ""


ACTING: ContextVar[Acting] = ContextVar("acting", default=Acting())  # noqa: B039 (frozen)


_SCOPE = text(
    "SELECT set_config('hesheng.site', :site, true), set_config('hesheng.actor', :actor, true),"
    " set_config('hesheng.address', :address, true), set_config('hesheng.request', :request_id, true)"
)


def is_outage(error: BaseException) -> bool:
    """Whether the database could not answer (gone, restarting, deadlock, time-out), as opposed to a bad statement."""
    return isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


class Database:
    """One PostgreSQL database. Connections open on first use, so that it may be created before a fork."""

    def __init__(self, dsn: str, pool_size: int = 10) -> None:
        self.dsn = dsn
        self._pool_size = pool_size

    @cached_property
    def engine(self) -> Engine:
        """The connection pool, made on first use."""
        return create_engine(
            self.dsn.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=self._pool_size,
            max_overflow=self._pool_size,
            pool_pre_ping=True,
            pool_timeout=10,
            hide_parameters=True,  # an error's text goes to the log, and parameters are what people told us
            connect_args={
                "connect_timeout": 5,
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
            },
        )

    @contextmanager
    def transaction(self, site: UUID | str | None = None) -> Iterator[Session]:
        """One transaction. `site` is what row-level security lets it see: a site's id, EVERY_SITE, or nothing."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            if site is not None:
                session.execute(_SCOPE, {"site": str(site), **vars(ACTING.get())})
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A read-only transaction that sees one moment throughout."""
        engine = self.engine.execution_options(isolation_level="REPEATABLE READ")
        with Session(engine) as session, session.begin():
            session.execute(text("SET TRANSACTION READ ONLY"))
            yield session

    def revision(self) -> str | None:
        """The migration the database is at, None when it was never migrated."""
        with self.transaction() as session:
            if session.scalar(text("SELECT to_regclass('alembic_version')")) is None:
                return None
            return session.scalar(text("SELECT version_num FROM alembic_version"))


def expected_revision(migrations: Path) -> str | None:
    """The newest migration in a service's `migrations/` folder."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    return ScriptDirectory.from_config(config).get_current_head()
