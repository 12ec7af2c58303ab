"""Conventions as tests: every route says who may call it, every queue is consumed, every file is where it belongs."""

import importlib
import os
import pkgutil
import re
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from apiflask import APIFlask

import services
import services.notifications.app
import services.notifications.settings
import services.notifications.tasks
import services.registration.app
import services.registration.settings
import services.registration.tasks
import services.reporting.app
import services.reporting.settings
import services.reporting.tasks
from services.common.auth import Caller, new_site_key
from services.common.queue import APPLY_TASK, events_queue, work_queue
from tests.conftest import NOTIFICATIONS_TOKEN, OPERATOR_KEY, PERSONAL_DATA_KEY, REPORTING_TOKEN

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
        "notifications_keys": PERSONAL_DATA_KEY,
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
    paths = ("/healthz", "/readyz", "/metrics", "/docs", "/preferences")
    everywhere = {(name, path) for name in SERVICES for path in paths}
    directories = {("registration", path) for path in ("/v1/areas", "/v1/sites", "/v1/sites/<uuid:site_id>")}
    directories |= {("registration", f"/v1/sites/<uuid:site_id>/{path}") for path in ("designations", "logo")}
    directories |= {("registration", "/v1/areas/<code>")}
    directories |= {("registration", path) for path in ("/v1/consent-texts", "/v1/volunteers/codes")}
    calendars = {("registration", f"/v1/sites/<uuid:site_id>/calendar{end}") for end in ("", ".ics")}
    doors = {("registration", f"/v1/staff/{path}") for path in ("log-in", "password-reset")}
    doors |= {("registration", f"/staff/{path}") for path in ("log-in", "forgotten")}
    proofs = {("registration", "/v1/sites/<uuid:site_id>/certificate-revocations")}
    proofs |= {("registration", path) for path in ("/v1/verify/<string:number>", "/v1/certificate-keys")}
    proofs |= {("registration", path) for path in ("/verify", "/verify/<string:number>")}
    # What residents do without an account, and what other web pages show of a site.
    doors |= {("registration", f"/{path}") for path in ("my/log-in", "my/log-out", "shifts/<uuid:shift_id>/sign-up")}
    doors |= {("registration", f"/embed/{path}") for path in ("sites/<uuid:site_id>", "shifts/<uuid:shift_id>")}
    form = ("/shifts/<uuid:shift_id>/sign-up", "/embed/shifts/<uuid:shift_id>")
    doors |= {("registration", f"{path}/{step}") for path in form for step in ("begin", "leave")}
    doors |= {("registration", f"/v1/public/{path}") for path in (
        "sites/<uuid:site_id>/calendar", "sites/<uuid:site_id>/terms", "activities/<uuid:activity_id>",
        "shifts/<uuid:shift_id>/registrations")}  # fmt: skip
    directories |= {("registration", path) for path in (
        "/", "/sites/<uuid:site_id>", "/sites/<uuid:site_id>/colour.css", "/activities/<uuid:activity_id>",
        "/embed/embed.js", "/embed/frame.js")}  # fmt: skip
    assert open_routes - proofs - doors - everywhere - directories - calendars == set()


def _routes(apps: dict[str, APIFlask]) -> list[tuple[str, str, str, frozenset[str]]]:
    """(service, method, path, callers) of every route, in a stable order."""
    return sorted(
        (name, method, rule.rule, getattr(app.view_functions[rule.endpoint], "allowed_callers", frozenset()))
        for name, app in apps.items()
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in ("static", "openapi.spec")
    )


def test_the_table_of_routes_is_as_documented(apps: dict[str, APIFlask]) -> None:
    """`docs/routes.md` lists who may call what. Regenerate it with WRITE_ROUTES=1 and read the difference."""
    lines = ["# Routes, and who may call them", "", "Generated; a test fails when it is stale.", ""]
    lines += ["| service | route | callers |", "| --- | --- | --- |"]
    lines += [
        f"| {n} | `{method} {path}` | {', '.join(sorted(callers))} |" for n, method, path, callers in _routes(apps)
    ]
    table = ROOT / "docs" / "routes.md"
    if os.environ.get("WRITE_ROUTES"):
        table.write_text("\n".join(lines) + "\n")
    assert table.read_text() == "\n".join(lines) + "\n"


def _site_key(url: str) -> str:
    """A valid key of some site, straight into a service's table."""
    key, prefix, digest = new_site_key()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT set_config('hesheng.site', '*', false)")
        columns = {
            r[0] for r in connection.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'site_keys'::regclass")
        }
        if "prefix" in columns:  # registration's own table: the site must exist
            site = connection.execute("SELECT id FROM sites LIMIT 1").fetchone()
            assert site is not None
            connection.execute(
                "INSERT INTO site_keys (key_id, site_id, sha256, prefix, label) VALUES (%s, %s, %s, %s, 'test')",
                [uuid.uuid4(), site[0], digest, prefix],
            )
        else:
            connection.execute(
                "INSERT INTO site_keys (key_id, site_id, sha256) VALUES (%s, %s, %s)",
                [uuid.uuid4(), uuid.uuid4(), digest],
            )
    return key


@pytest.mark.parametrize("name", SERVICES)
def test_every_route_turns_away_whoever_it_does_not_name(
    name: str, apps: dict[str, APIFlask], service_database: Callable[[str], str]
) -> None:
    client = apps[name].test_client()
    if name == "registration":
        operator = {"Authorization": f"Bearer {OPERATOR_KEY}"}
        area = {"level": "district", "name_zh": "区", "name_en": "District", "parent": None}
        assert client.put("/v1/areas/140107", json=area, headers=operator).status_code == 200
        site = {"area": "140107", "name_zh": "站", "name_en": "Site"}
        assert client.post("/v1/sites", json=site, headers=operator).status_code == 201
    tokens = {"registration": NOTIFICATIONS_TOKEN, "notifications": None, "reporting": None}
    keys = {Caller.SITE: _site_key(service_database(name)), Caller.OPERATOR: OPERATOR_KEY, Caller.SERVICE: tokens[name]}
    wrong = []
    for _, method, path, callers in [route for route in _routes(apps) if route[0] == name]:
        filled = re.sub(r"<(?:string:)?[a-z_]+>", "x", re.sub(r"<int:[^>]+>", "1", path))
        filled = re.sub(r"<uuid:[^>]+>", str(uuid.uuid4()), filled)
        if callers & {Caller.ANYONE, Caller.LINK}:
            continue
        for key, expected in [(None, {401}), ("hsk_unknown", {401}), ("nonsense", {401})]:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            answer = client.open(filled, method=method, headers=headers)
            wrong += [(method, path, key, answer.status_code)] if answer.status_code not in expected else []
        for caller, key in keys.items():
            if caller not in callers and key:
                answer = client.open(filled, method=method, headers={"Authorization": f"Bearer {key}"})
                wrong += [(method, path, caller, answer.status_code)] if answer.status_code != 403 else []
    assert wrong == []


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_the_same_files(name: str) -> None:
    folder = ROOT / "services" / name
    present = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    subscribes = name != "registration"
    assert FILES - present == (set() if subscribes else {"handlers"})
    assert (folder / "migrations" / "alembic.ini").exists()


@pytest.mark.parametrize("name", SERVICES)
def test_every_queue_is_consumed_by_its_own_worker(name: str, common_settings: Callable[[str], dict[str, str]]) -> None:
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


@pytest.mark.parametrize("name", SERVICES)
def test_every_reference_in_the_openapi_document_leads_somewhere(name: str, apps: dict[str, APIFlask]) -> None:
    """Two schemas of one name are one entry there, and what only the other refers to is lost."""
    with apps[name].test_request_context():
        spec = apps[name].spec
    referred = set(re.findall(r"'#/components/schemas/([^']+)'", str(spec)))
    assert referred - set(spec["components"]["schemas"]) == set()


HALF_WIDTH = re.compile(r"[\u4e00-\u9fff”》」][,:;!?()]|[,:;!?(] ?[\u4e00-\u9fff《“]|[\u4e00-\u9fff]\)")


BESIDE_WORDS = re.compile(r"\}\}[:;!?]|\}\}:? ?\(\{\{|\}\}, \{\{")
"""In a page in both languages: a sign between two things that may both be Chinese. `say("：", ": ")` knows which."""


def half_width(line: str) -> bool:
    """Whether Chinese text in a line has the punctuation of another script (GB/T 15834: full width)."""
    words = re.sub(
        r"re\.compile\(.*|\(\w+, 中文, English\)|[a-zA-Z0-9:/.]*localhost:端口|[A-Za-z]+ \([\u4e00-\u9fff]+\)", "", line
    )
    return HALF_WIDTH.search(words) is not None


def test_chinese_text_has_chinese_punctuation() -> None:
    assert half_width("请求过于频繁" + "," + "请稍后再试。"), "a checker that finds nothing proves nothing"
    assert BESIDE_WORDS.search('{{ say("导入", "Import") }}: {{ kind }}') and not BESIDE_WORDS.search("{{ n }} (PDF)")
    assert not half_width("请求过于频繁" + "\uff0c" + "请稍后再试。")
    texts = [
        path
        for folder in ("services", "examples")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".js", ".txt"} and "vendor" not in path.parts
    ]
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in texts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if half_width(line) or (path.suffix == ".html" and path.name != "docs.html" and BESIDE_WORDS.search(line))
    ]
    assert wrong == [], "\n".join(["put ，：；！？（） into Chinese text:", *wrong])


def test_no_exception_is_made_once_and_raised_again_and_again() -> None:
    """Each raise adds its traceback to the one object, and with it whatever the frames held."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    kept = [
        f"{name}.{attribute}"
        for name, module in sorted(sys.modules.items())
        if name.startswith("services.")
        for attribute, value in vars(module).items()
        if isinstance(value, BaseException)
    ]
    assert kept == []


AT_ONCE = re.compile(r"assert .*\.(is_(visible|hidden|checked|disabled|enabled)|count)\(\)|assert .* page\.url")


def test_browser_tests_wait_for_what_they_expect() -> None:
    """A click returns when the next page begins: what is asked at once is sometimes asked of a page half there."""
    hasty = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in (ROOT / "tests/browser").glob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if AT_ONCE.search(line)
    ]
    assert hasty == [], "\n".join(["use `expect`:", *hasty])
