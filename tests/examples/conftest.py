"""A registration service that listens, with an empty database, for programs that talk to it from outside."""

import base64
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Thread

import psycopg
import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from services.registration.app import make_app
from services.registration.settings import Settings

KEPT = ("alembic_version", "consent_texts", "event_log", "log_heads")


@dataclass(frozen=True)
class Registration:
    """A running registration service."""

    url: str
    operator_key: str
    dsn: str

    def tables(self) -> list[str]:
        """All tables that hold data, those of partitioned tables once."""
        with psycopg.connect(self.dsn) as connection:
            rows = connection.execute(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
                " AND relnamespace = 'public'::regnamespace ORDER BY relname"
            )
            return [row[0] for row in rows]

    def contents(self) -> dict[str, tuple[int, str]]:
        """For each table the number of rows and a digest of them: equal when nothing was changed."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute("SELECT set_config('hesheng.site', '*', true)")
            return {
                table: connection.execute(
                    f"SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} AS t"
                ).fetchone()
                or (0, "")
                for table in self.tables()
            }

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """One statement, seeing every site."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute("SELECT set_config('hesheng.site', '*', true)")
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> None:
        """As after the migrations."""
        tables = [table for table in self.tables() if table not in KEPT]
        # Records that are only ever added to have triggers that refuse this.
        kept_apart = [f"ALTER TABLE {table} {{}} TRIGGER USER" for table in tables]
        statements = [line.format("DISABLE") for line in kept_apart]
        statements += [f"TRUNCATE {', '.join(tables)} CASCADE"]
        statements += [line.format("ENABLE") for line in kept_apart]
        self.execute("; ".join(statements))


def activities_of(registration: Registration) -> Counter[tuple[str, str, int]]:
    """How often there is an activity with this title, status and number of shifts."""
    rows = registration.execute(
        "SELECT title_zh, a.status, count(s.id) FROM activities a LEFT JOIN shifts s ON s.activity_id = a.id"
        " GROUP BY a.id, title_zh, a.status"
    )
    return Counter((str(title), str(status), int(str(shifts))) for title, status, shifts in rows)


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def registration_service(common_settings: Callable[[str], dict[str, str]]) -> Iterator[Registration]:
    """The service. It leaves nothing behind: its keys are gone with it, and nobody else could read who is in it."""
    settings = Settings(
        **common_settings("registration"),
        personal_data_keys=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        blind_index_key=base64.b64encode(secrets.token_bytes(32)).decode(),
        notifications_token=secrets.token_urlsafe(32),
        reporting_token=secrets.token_urlsafe(32),
        log_level="error",
    )
    server = make_server("127.0.0.1", 0, make_app(settings), threaded=True, request_handler=Quiet)
    Thread(target=server.serve_forever, daemon=True).start()
    service = Registration(
        f"http://127.0.0.1:{server.server_port}", settings.operator_key.get_secret_value(), settings.database_dsn
    )
    yield service
    server.shutdown()
    service.empty()


@pytest.fixture
def registration(registration_service: Registration) -> Registration:
    """The service, with nothing in it."""
    registration_service.empty()
    return registration_service
