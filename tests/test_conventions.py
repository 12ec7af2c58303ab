"""Conventions as tests: every route says who may call it, every queue is consumed, every file is where it belongs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask

import services.notifications.app
import services.notifications.settings
import services.notifications.tasks
import services.registration.app
import services.registration.settings
import services.registration.tasks
import services.reporting.app
import services.reporting.settings
import services.reporting.tasks
from services.common.auth import Caller
from services.common.queue import APPLY_TASK, events_queue, work_queue
from tests.conftest import NOTIFICATIONS_TOKEN, PERSONAL_DATA_KEY, REPORTING_TOKEN

ROOT = Path(__file__).parent.parent
SERVICES = {
    "registration": services.registration,
    "notifications": services.notifications,
    "reporting": services.reporting,
}
FILES = {"settings", "models", "schemas", "operations", "api", "handlers", "tasks", "pump", "app", "worker"}
OWN = {
    "registration": {
        "notifications_token": NOTIFICATIONS_TOKEN,
        "reporting_token": REPORTING_TOKEN,
        "personal_data_keys": PERSONAL_DATA_KEY,
        "blind_index_key": "A" * 43 + "=",
    },
    "notifications": {
        "notifications_token": NOTIFICATIONS_TOKEN,
        "smtp_url": "smtp://127.0.0.1:1",
        "mail_from": "hesheng@example.com",
        "mail_domain": "example.com",
    },
    "reporting": {"reporting_token": REPORTING_TOKEN},
}


@pytest.fixture(scope="session")
def apps(common_settings: Callable[[str], dict[str, str]]) -> dict[str, APIFlask]:
    """The three HTTP applications."""
    return {
        name: module.app.make_app(module.settings.Settings(**common_settings(name), **OWN[name]))
        for name, module in SERVICES.items()
    }


def test_every_route_says_who_may_call_it(apps: dict[str, APIFlask]) -> None:
    silent = [
        f"{name} {rule.rule}"
        for name, app in apps.items()
        for rule in app.url_map.iter_rules()
        if not hasattr(app.view_functions[rule.endpoint], "allowed_callers")
        and rule.endpoint not in ("static", "openapi.spec")
    ]
    assert silent == []


def test_only_reading_health_and_public_directories_is_open_to_anyone(apps: dict[str, APIFlask]) -> None:
    """A route that anyone may call is listed here, or it is a mistake."""
    open_routes = {
        (name, rule.rule)
        for name, app in apps.items()
        for rule in app.url_map.iter_rules()
        if Caller.ANYONE in getattr(app.view_functions[rule.endpoint], "allowed_callers", ())
    }
    everywhere = {(name, path) for name in SERVICES for path in ("/healthz", "/readyz", "/metrics", "/docs")}
    directories = {("registration", path) for path in ("/v1/areas", "/v1/sites", "/v1/sites/<uuid:site_id>")}
    assert open_routes - everywhere - directories == set()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_the_same_files(name: str) -> None:
    folder = ROOT / "services" / name
    present = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert FILES - present == set()
    assert (folder / "migrations" / "alembic.ini").exists()


@pytest.mark.parametrize("name", SERVICES)
def test_every_queue_is_consumed_by_its_own_worker(
    name: str, common_settings: Callable[[str], dict[str, str]]
) -> None:
    module = SERVICES[name]
    app = module.tasks.make_celery_app(module.settings.Settings(**common_settings(name), **OWN[name]))
    assert {queue.name for queue in app.conf.task_queues} == {events_queue(name), work_queue(name)}
    assert (APPLY_TASK in app.tasks) == (name != "registration")


def test_no_file_has_outgrown_its_subject() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in (ROOT / "services").rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 450
    ]
    assert long == []
