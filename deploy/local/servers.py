"""A real PostgreSQL and a real Valkey under a data folder, started without root or an installed server."""

import contextlib
import os
import secrets as random_secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

import psutil
import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local import binaries
from deploy.local.binaries import ServerError
from deploy.local.guard import Guard, alive
from deploy.local.ports import HOST, remembered_port

ADMIN = "postgres"
SERVICES = ("registration", "notifications", "reporting")
PATIENCE = 60.0

# Statements, parameters and DETAIL lines can hold names and addresses: they stay out of the server's log.
POSTGRES_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "300",
    "fsync": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "jit": "off",
}


class DatabaseServer(Protocol):
    """What the system needs of a PostgreSQL, its own or one that the operator gave."""

    @property
    def admin_url(self) -> str: ...
    def start(self) -> None: ...
    def revive(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def destroy(self) -> None: ...
    def has_died(self) -> bool: ...


class QueueServer(Protocol):
    """What the system needs of a Valkey or Redis, its own or one that the operator gave."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def revive(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def destroy(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def has_died(self) -> bool: ...


def _private(file: Path, text: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)


def _remembered_password(file: Path) -> str:
    if not file.exists():
        _private(file, random_secrets.token_urlsafe(24))
    return file.read_text().strip()


def _tail(file: Path, lines: int = 12) -> str:
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def minimal_environment() -> dict[str, str]:
    """What any child needs, and none of our secrets."""
    wanted = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "HOME")
    return {name: os.environ[name] for name in wanted if name in os.environ}


class _Server:
    """What both servers share: a folder, a remembered port, a process of their own session."""

    name = ""
    stop_signal: int = signal.SIGTERM

    def __init__(self, data: Path, port: int | None = None, guard: Guard | None = None) -> None:
        self.data = data.resolve()
        self.folder = self.data / self.name
        self.log = self.folder / "server.log"
        self._wanted_port = port
        self._port: int | None = None
        self._owns_guard = guard is None
        self._guard = guard or Guard(self.folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._mutex = RLock()
        self.started_at = 0.0

    @property
    def port(self) -> int:
        """Where it listens; known once it was started."""
        if self._port is None:
            raise ServerError(f"{self.name} was not started yet")
        return self._port

    @property
    def pid(self) -> int | None:
        """The server's process, None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal), None while it runs."""
        return self._process.poll() if self._process is not None else None

    def has_died(self) -> bool:
        """Whether it ended although nobody here asked for that."""
        return self._wanted and self.pid is None

    def start(self) -> None:
        """Start it unless it runs, and return when it answers."""
        with self._mutex:
            if self.pid is None:
                self._open()
                self._launch()
                self._await(self._answers)

    def revive(self) -> None:
        """Start it if it died; not if somebody stopped or killed it in the meantime."""
        with self._mutex:
            if not self.has_died():
                return
            try:
                self.start()
            finally:
                self._wanted = True

    def _launch(self) -> None:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._owns_guard:
            self._guard.open()
        if self._port is None:
            self._port = remembered_port(self.folder / "port", self._wanted_port)

    def _spawn(self, command: list[str], **arguments: Any) -> None:
        environment = minimal_environment() | self._guard.environment()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, cwd="/", env=environment, **arguments,
            )  # fmt: skip
        self._wanted = True
        self.started_at = time.monotonic()
        self._guard.note(self.name, self._process.pid, self.stop_signal, server=True)

    def _await(self, is_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_up():
            if self.pid is None or time.monotonic() > deadline:
                reason = "ended at once" if self.pid is None else f"did not answer within {PATIENCE:.0f} s"
                self.kill()
                raise ServerError(f"{self.name} {reason}; its log ends:\n{_tail(self.log)}")
            time.sleep(0.02)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: int, patience: float) -> None:
        self._wanted = False
        if self._process is None:
            return
        self._signal(number)
        self._signal(signal.SIGCONT)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._guard.forget(self.name)

    def stop(self) -> None:
        """Stop cleanly, and give the folder up."""
        with self._mutex:
            self._end(self.stop_signal, 30)
            if self._owns_guard:
                self._guard.close()

    def kill(self) -> None:
        """SIGKILL; `start()` brings it back on the same port."""
        with self._mutex:
            self._end(signal.SIGKILL, 30)


class Postgres(_Server):
    """PostgreSQL with its cluster under `data/postgres` (or under /var/tmp where `nobody` cannot reach that)."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": disconnects clients, writes a checkpoint

    def __init__(self, data: Path, port: int | None = None, guard: Guard | None = None) -> None:
        super().__init__(data, port, guard)
        self._who = binaries.account()
        self._shared = binaries.SHARED / f"hesheng-{binaries.key(str(self.folder))}"

    def _launch(self) -> None:
        programs, version = binaries.postgres_folder(self._who)
        cluster = self._cluster()
        if not cluster.exists():
            self._create(cluster, programs, version)
        self._check(cluster, version)
        _leave(cluster)
        settings = [argument for name, value in POSTGRES_SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", str(cluster), "-p", str(self.port), *settings]
        self._spawn(command, **binaries.run_as(self._who))

    def _cluster(self) -> Path:
        direct = self.folder / "cluster"
        if direct.exists() or binaries.reachable(self.folder, self._who):
            self._remove_shared()
            return direct
        # The same id in both places: otherwise the data folder was deleted, and its cluster is to go as well.
        identity = self.folder / "id"
        if not identity.exists():
            _private(identity, random_secrets.token_hex(16))
        noted = self._shared / "id"
        if self._shared.exists() and (not noted.exists() or noted.read_text() != identity.read_text()):
            self._remove_shared()
        binaries.ours(self._shared)
        shutil.copyfile(identity, noted)
        return self._shared / "cluster"

    def _remove_shared(self) -> None:
        if self._shared.exists() and self._who is not None:
            binaries.ours(self._shared)
            _leave(self._shared / "cluster")
            shutil.rmtree(self._shared)

    def _create(self, cluster: Path, programs: Path, version: int) -> None:
        # Under another name first: an interrupted initdb must not look like a cluster.
        unfinished = cluster.with_name("cluster.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = cluster.with_name("password.new")
        _private(password, self._password())
        if self._who:
            os.chown(unfinished, self._who.uid, self._who.gid)
            os.chown(password, self._who.uid, self._who.gid)
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if version >= 17 else ["--locale=C"]
        command = [str(programs / "initdb"), "-D", str(unfinished), "-U", ADMIN, "--encoding=UTF8", *locale,
                   "--auth=scram-sha-256", f"--pwfile={password}"]  # fmt: skip
        try:
            done = subprocess.run(command, cwd="/", env=minimal_environment() | {"LC_ALL": "C"}, check=False,
                                  capture_output=True, text=True, start_new_session=True,
                                  **binaries.run_as(self._who))  # fmt: skip
        finally:
            password.unlink()
        if done.returncode:
            raise ServerError(f"initdb failed:\n{done.stdout[-800:]}{done.stderr[-1600:]}")
        unfinished.rename(cluster)

    def _check(self, cluster: Path, version: int) -> None:
        owner = self._who.uid if self._who else os.geteuid()
        if cluster.stat().st_uid != owner:
            raise ServerError(f"{cluster} was made by another user: run as that user, or remove {self.data}")
        made_by = (cluster / "PG_VERSION").read_text().strip()
        if made_by != str(version):
            raise ServerError(f"{cluster} was made by PostgreSQL {made_by}, found is {version}: remove {self.data}")

    def _password(self) -> str:
        return _remembered_password(self.folder / "password")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.admin_url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def admin_url(self) -> str:
        """The superuser, in the database `postgres`."""
        return self.url("postgres")

    def url(self, database: str, user: str = ADMIN, password: str | None = None) -> str:
        """Where a database is; the superuser's password is known, another role's must be given."""
        known = self._password() if user == ADMIN and password is None else password
        login = f"{quote(user)}:{quote(known, safe='')}" if known else quote(user)
        return f"postgresql://{login}@{HOST}:{self.port}/{quote(database)}"

    def destroy(self) -> None:
        """Stop it and delete its data, wherever they are."""
        self.stop()
        self._remove_shared()
        shutil.rmtree(self.folder, ignore_errors=True)


def _leave(cluster: Path) -> None:
    """Wait until nothing of an earlier postmaster uses the cluster; its backends notice its death only when idle."""
    for attempt in range(int(PATIENCE / 0.05)):
        leftovers = _users_of(cluster)
        if not leftovers:
            return
        for process in leftovers:
            with contextlib.suppress(psutil.Error):
                if attempt == 0 and process.ppid() not in {other.pid for other in leftovers}:
                    process.send_signal(signal.SIGINT)
                elif attempt == 100:
                    process.kill()
        time.sleep(0.05)
    raise ServerError(f"an earlier PostgreSQL still uses {cluster}")


def _users_of(cluster: Path) -> list[psutil.Process]:
    # By working folder, which is the cluster in each of its processes: they overwrite their command lines.
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name() == "postgres" and process.cwd() == str(cluster) and alive(process):
                found.append(process)
    return found


class Valkey(_Server):
    """Valkey (or Redis) that appends every change to a file under `data/valkey`."""

    name = "valkey"

    def _launch(self) -> None:
        program = binaries.valkey_program()
        configuration = self.folder / "valkey.conf"
        _private(configuration, self._configuration())
        self._spawn([str(program), str(configuration)])

    def _configuration(self) -> str:
        lines = [
            f"bind {HOST}", f"port {self.port}", f'dir "{self.folder}"', f"requirepass {self._password()}",
            "daemonize no", "appendonly yes", "appendfsync everysec", 'save ""', "maxmemory-policy noeviction",
        ]  # fmt: skip
        return "\n".join(lines) + "\n"

    def _password(self) -> str:
        return _remembered_password(self.folder / "password")

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=5, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def pause(self) -> None:
        """Freeze it: connections stay, answers do not come."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    @property
    def url(self) -> str:
        """Database 0, with its password."""
        return f"redis://:{quote(self._password(), safe='')}@{HOST}:{self.port}/0"

    def destroy(self) -> None:
        """Stop it and delete its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class External:
    """A server that the operator runs: it is used, never started, stopped or killed."""

    def __init__(self, url: str) -> None:
        self.url = self.admin_url = url
        self.pid = None

    def start(self) -> None:
        """Nothing to do."""

    def stop(self) -> None:
        """Nothing to do."""

    def revive(self) -> None:
        """Nothing to do."""

    def destroy(self) -> None:
        """Refused silently: its data are the operator's."""

    def has_died(self) -> bool:
        """Not ours to know."""
        return False

    def kill(self) -> None:
        """Refused."""
        raise ServerError("a server given by DATABASE_URL or REDIS_URL is not ours to kill")

    pause = resume = kill


def database_server(data: Path, port: int | None = None, guard: Guard | None = None,
                    environment: Mapping[str, str] = os.environ) -> DatabaseServer:  # fmt: skip
    """The PostgreSQL of DATABASE_URL (as administrator) if that is set, else one of our own."""
    given = environment.get("DATABASE_URL")
    return External(given) if given else Postgres(data, port, guard)


def queue_server(data: Path, port: int | None = None, guard: Guard | None = None,
                 environment: Mapping[str, str] = os.environ) -> QueueServer:  # fmt: skip
    """The server of REDIS_URL if that is set, else one of our own."""
    given = environment.get("REDIS_URL")
    return External(given) if given else Valkey(data, port, guard)


def create_databases(admin_url: str, secrets: Mapping[str, str], prefix: str = "", suffix: str = "") -> dict[str, str]:
    """One role and one database for each service in `secrets` (service -> password); answers service -> URL.

    May be repeated: what exists is brought into line, nothing is lost.
    """
    urls = {}
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(hashtext('hesheng create_databases'))")
        for service, password in secrets.items():
            name = f"{prefix}{service}{suffix}"
            _create_role(admin, name, password)
            _create_database(admin, name)
            urls[service] = _with_login(admin_url, name, password)
            _create_extensions(_with_path(admin_url, name))
    return urls


def _create_role(admin: psycopg.Connection[Any], name: str, password: str) -> None:
    # Hashed here, so that no statement carries the password.
    hashed = admin.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    exists = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = sql.SQL("ALTER" if exists else "CREATE")
    query = sql.SQL("{} ROLE {} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}")
    admin.execute(query.format(verb, sql.Identifier(name), sql.Literal(hashed)))


def _create_database(admin: psycopg.Connection[Any], name: str) -> None:
    identifier = sql.Identifier(name)
    if admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() != (True,):
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(identifier))
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, identifier))
    admin.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(identifier))


def _create_extensions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")


def _with_path(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database)}"))


def _with_login(url: str, name: str, password: str) -> str:
    host = urlsplit(url).netloc.rpartition("@")[2]
    login = f"{quote(name, safe='')}:{quote(password, safe='')}"
    return urlunsplit(urlsplit(url)._replace(netloc=f"{login}@{host}", path=f"/{quote(name)}"))


def drop_databases(admin_url: str, services: list[str], prefix: str = "", suffix: str = "") -> None:
    """Take back what `create_databases` made (for tests)."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for service in services:
            name = sql.Identifier(f"{prefix}{service}{suffix}")
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))
