"""A backup is restored: who was erased since is erased again, and nobody else.

Real dumps by pg_dump and pg_restore, registration and notifications over HTTP, reporting from the log; in databases of
their own, because whoever restores one must not take from other tests what they made since.
"""

import json
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from apiflask import APIFlask
from click.testing import CliRunner
from werkzeug.serving import make_server

import services.notifications.app
import services.notifications.settings
import services.registration.app
import services.registration.settings
import services.reporting.handlers
import services.reporting.settings
from deploy.local.binaries import account, postgres_folder
from deploy.local.servers import Postgres, create_databases
from services.common.cli import main
from services.common.database import Database
from services.common.outbox import sequence_events
from services.notifications.handlers import make_subscriber as notifications_subscriber
from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN, OPERATOR_KEY, PERSONAL_DATA_KEY, REPORTING_TOKEN, migrate
from tests.system.test_personal_data import _rows

GONE, LEFT, BACK = "Restoregone", "Restoreleft", "Restoreback"
INDEX_KEY = "A" * 43 + "="
SETTINGS = {
    "registration": {"personal_data_keys": PERSONAL_DATA_KEY, "blind_index_key": INDEX_KEY,
                     "notifications_token": NOTIFICATIONS_TOKEN, "reporting_token": REPORTING_TOKEN},
    "notifications": {"notifications_token": NOTIFICATIONS_TOKEN, "notifications_keys": PERSONAL_DATA_KEY,
                      "smtp_url": "smtp://127.0.0.1:1",
                      "mail_from": "a@hesheng.example", "mail_domain": "hesheng.example"},
    "reporting": {"reporting_token": REPORTING_TOKEN},
}  # fmt: skip


@dataclass
class City:
    """The services on databases of their own."""

    database_urls: dict[str, str]
    urls: dict[str, str]
    subscribers: list[Any]
    admin_url: str

    def call(self, method: str, path: str, body: Any = None, key: str = OPERATOR_KEY) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": uuid.uuid4().hex}
        answer = requests.request(method, self.urls["registration"] + path, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def tell(self) -> None:
        """Let the others hear of everything."""
        database = Database(self.database_urls["registration"])
        while sequence_events(database):
            pass
        database.engine.dispose()
        for subscriber in self.subscribers:
            subscriber.catch_up_fully()

    def hesheng(self, *words: str) -> str:
        told = CliRunner().invoke(
            main,
            words,
            env={f"{name.upper()}_URL": url for name, url in self.urls.items()} | {"OPERATOR_KEY": OPERATOR_KEY},
        )
        assert told.exit_code == 0, told.output
        return told.output

    def program(self, name: str, *arguments: str) -> None:
        folder, _ = postgres_folder(account())
        subprocess.run([folder / name, *arguments], check=True, capture_output=True)

    def names(self) -> set[str]:
        """Whose names registration has, deciphered, and whose marks any of the three shows in plain."""
        data = PersonalData([PERSONAL_DATA_KEY], b"\0" * 32)
        with psycopg.connect(self.admin("registration")) as database:
            told = database.execute("SELECT name FROM person_sites").fetchall()
        plain = "".join(row for url in map(self.admin, self.database_urls) for _, row in _rows(url))
        return {data.decrypt(bytes(name)) for (name,) in told} | {m for m in (GONE, LEFT, BACK) if m in plain}

    def admin(self, service: str) -> str:
        """Whom row-level security hides nothing from."""
        return f"{self.admin_url.rpartition('/')[0]}/{self.database_urls[service].rpartition('/')[2]}"


@pytest.fixture(scope="module")
def city(postgres: Postgres, common_settings: Callable[[str], dict[str, str]]) -> Iterator[City]:
    made = create_databases(postgres.admin_url, dict.fromkeys(SETTINGS, "restored"), suffix="_restored")
    for name, url in made.items():
        migrate(name, url)
    servers, urls = [], {}

    def given(name: str) -> Any:
        told = common_settings(name) | SETTINGS[name] | {"database_url": made[name]}
        told |= {f"{one}_url": url for one, url in urls.items()}
        return getattr(services, name).settings.Settings(**told)

    def serve(app: APIFlask) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.port}"

    urls["registration"] = serve(services.registration.app.make_app(given("registration")))
    urls["notifications"] = serve(services.notifications.app.make_app(given("notifications")))
    subscribers = [
        notifications_subscriber(given("notifications"), Database(made["notifications"])),
        services.reporting.handlers.make_subscriber(given("reporting"), Database(made["reporting"])),
    ]
    yield City(made, urls, subscribers, postgres.admin_url)
    for server in servers:
        server.shutdown()
        server.server_close()


def test_who_was_erased_since_the_backup_is_erased_again(city: City, tmp_path: Path) -> None:
    call, phone = city.call, iter(range(13_955_500_001, 13_955_500_099))
    call("PUT", "/v1/areas/140000", {"parent": None, "level": "province", "name_zh": "山西省", "name_en": "Shanxi"})
    keys = []
    for name in ("One", "Two"):
        site = call("POST", "/v1/sites", {"area": "140000", "name_zh": f"站点{name}", "name_en": name})["id"]
        keys.append(call("POST", f"/v1/sites/{site}/keys", {"label": "test"})["key"])

    def known(name: str, number: int, *at: str) -> str:
        body = {"name": name, "phone": f"+86{number}"}
        return str([call("POST", "/v1/people", body, key)["id"] for key in at][-1])

    numbers = {name: next(phone) for name in (GONE, LEFT, BACK)}
    gone, left = known(GONE, numbers[GONE], *keys), known(LEFT, numbers[LEFT], *keys)
    back = known(BACK, numbers[BACK], *keys)
    asked = {"reason": "person_asked"}
    call("POST", f"/v1/people/{back}/erasure", asked, keys[0])
    assert known(BACK, numbers[BACK], keys[0]) == back, "they came back to the site before the backup"

    dump = tmp_path / "registration.dump"
    city.program("pg_dump", "-Fc", "-f", str(dump), city.admin("registration"))
    later = known("Restorelater", next(phone), keys[0])
    call("POST", f"/v1/people/{gone}/erasure", asked)
    call("POST", f"/v1/people/{left}/erasure", asked, keys[0])
    call("POST", f"/v1/people/{later}/erasure", asked)
    city.tell()
    assert city.names() == {LEFT, BACK}
    kept = city.hesheng("erasures")
    assert {json.loads(line)["person_id"] for line in kept.splitlines()} == {gone, left, back, later}

    restore = ("pg_restore", "--clean", "--if-exists", "-d", city.admin("registration"), str(dump))
    city.program(*restore)
    assert city.names() == {GONE, LEFT, BACK}, "the backup has them"
    told = city.hesheng("repeat-erasures")
    assert "erased again: 2" in told and "back since: 1" in told
    _only_the_erased_are_gone(city, gone, left, back, keys)

    city.program(*restore)
    list_kept = tmp_path / "erasures.jsonl"
    list_kept.write_text(kept)
    assert "erased again: 2" in city.hesheng("repeat-erasures", str(list_kept)), "notifications may be lost as well"
    _only_the_erased_are_gone(city, gone, left, back, keys)
    assert "erased again: 0" in city.hesheng("repeat-erasures"), "once more does nothing"


def _only_the_erased_are_gone(city: City, gone: str, left: str, back: str, keys: list[str]) -> None:
    assert city.names() == {LEFT, BACK}
    with psycopg.connect(city.admin("registration")) as database:
        told = database.execute("SELECT person_id::text, count(*) FROM person_sites GROUP BY 1").fetchall()
        (erased,) = database.execute("SELECT erased_at IS NOT NULL FROM people WHERE id = %s", (gone,)).fetchall()
    assert (dict(told), erased) == ({left: 1, back: 2}, (True,))
