"""What the compose deployment promises, read from its files. `make compose-test` proves the same on a Docker engine."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from services.common.settings import CommonSettings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
FILE: dict[str, Any] = yaml.safe_load(COMPOSE)
CONTAINERS: dict[str, dict[str, Any]] = FILE["services"]
SERVICES = ("registration", "notifications", "reporting")
PROCESSES = [f"{service}-{kind}" for service in SERVICES for kind in ("api", "worker", "pump")]
MIGRATIONS = [f"{service}-migrate" for service in SERVICES]
NO_DEFAULT = {
    *("OPERATOR_KEY", "PERSONAL_DATA_KEYS", "BLIND_INDEX_KEY", "NOTIFICATIONS_TOKEN", "REPORTING_TOKEN"),
    "NOTIFICATIONS_KEYS",
    *("POSTGRES_PASSWORD", "REDIS_PASSWORD", *(f"{service.upper()}_DB_PASSWORD" for service in SERVICES)),
    *("SMTP_URL", "MAIL_FROM", "MAIL_DOMAIN"),
}
EXPLAINED = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", EXAMPLE, re.MULTILINE))
# Taken as they are from .env or the environment, if they are there.
PASSED_ON = {name for block in ("x-build-args", "x-settings") for name, value in FILE[block].items() if value is None}
# Read by docker compose itself, not named in the file.
COMPOSE_OWN = {"COMPOSE_PROFILES"}


def settings_class(service: str) -> type[BaseSettings]:
    module = importlib.import_module(f"services.{service}.settings")
    (found,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseSettings) and value.__module__ == module.__name__
    ]
    return found


def test_every_variable_of_the_compose_file_is_explained() -> None:
    used = set(re.findall(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)", COMPOSE))
    used |= PASSED_ON
    assert used - EXPLAINED == set()


def test_every_variable_explained_for_compose_is_one_that_compose_reads() -> None:
    first_part = EXAMPLE.split("# === 2.")[0]
    explained = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", first_part, re.MULTILINE))
    read = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", COMPOSE)) | PASSED_ON | COMPOSE_OWN
    assert explained - read == set()


def test_defaults_shown_are_the_defaults_used() -> None:
    before_domain, after_domain = EXAMPLE.split("# A name that points")[0], EXAMPLE.split("# --- behaviour")[1]
    shown = dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(\S.*)$", before_domain + after_domain, re.MULTILINE))
    used = dict(re.findall(r"\$\{([A-Z][A-Z0-9_]*):-([^${}]+)\}", COMPOSE))
    used |= {
        name.upper(): str(field.default)
        for name, field in CommonSettings.model_fields.items()
        if not field.is_required() and name.upper() in PASSED_ON
    }
    del used["DOMAIN"]  # "http://" is how the gateway is told that there is none
    assert {"GATEWAY_PORT", "RATE_LIMIT", "POSTGRES_IMAGE"} <= used.keys()
    assert {name: shown.get(name) for name in used} == used


def interpolated(text: str, environment: dict[str, str]) -> str:
    """The text as compose reads it: `${NAME:-otherwise}` and `${NAME:+instead}`, one within the other."""
    innermost = re.compile(r"\$\{([A-Z_]+):([-+])([^${}]*)\}")
    while found := innermost.search(text):
        name, sign, words = found.groups()
        value = environment.get(name, "")
        put = (value or words) if sign == "-" else (words if value else "")
        text = text[: found.start()] + put + text[found.end() :]
    return text


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "http://localhost:8080/registration"),
        ({"GATEWAY_PORT": "9090"}, "http://localhost:9090/registration"),
        ({"DOMAIN": "hesheng.example.org", "GATEWAY_PORT": "80"}, "https://hesheng.example.org/registration"),
        ({"PUBLIC_URL": "https://a.example.org/r", "DOMAIN": "b.example.org"}, "https://a.example.org/r"),
    ],
)
def test_links_in_mails_lead_to_where_the_gateway_is(environment: dict[str, str], url: str) -> None:
    for process in ("registration-api", "registration-worker", "notifications-api"):
        assert interpolated(CONTAINERS[process]["environment"]["PUBLIC_URL"], environment) == url


@pytest.mark.parametrize("secret", sorted(NO_DEFAULT))
def test_a_secret_has_no_default_and_no_value_in_the_example(secret: str) -> None:
    uses = re.findall(r"\$\{" + secret + r"([^}]*)\}", COMPOSE)
    assert uses
    assert all(use.startswith(":?") and "make-env" in use for use in uses), "each use must refuse and say what to do"
    assert re.search(rf"^{secret}=$", EXAMPLE, re.MULTILINE)


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_of_a_service_is_explained(service: str) -> None:
    names = {name.upper() for name in settings_class(service).model_fields} - {"SERVICE"}
    assert names - EXPLAINED == set()


@pytest.mark.parametrize("service", SERVICES)
def test_compose_gives_a_service_what_it_needs_and_nothing_that_it_does_not_read(service: str) -> None:
    fields = settings_class(service).model_fields
    given = set(CONTAINERS[f"{service}-api"]["environment"]) - {"TZ"}
    needed = {name.upper() for name, field in fields.items() if field.is_required()} - {"SERVICE"}
    assert needed - given == set()
    assert given - {name.upper() for name in fields} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_no_secret_of_another(service: str) -> None:
    own = {
        "registration": {"NOTIFICATIONS_TOKEN", "REPORTING_TOKEN", "PERSONAL_DATA_KEYS", "BLIND_INDEX_KEY"},
        "notifications": {"NOTIFICATIONS_TOKEN", "NOTIFICATIONS_KEYS", "SMTP_URL", "MAIL_FROM", "MAIL_DOMAIN"},
        "reporting": {"REPORTING_TOKEN"},
    }[service] | {"OPERATOR_KEY", "REDIS_PASSWORD", f"{service.upper()}_DB_PASSWORD"}
    for process in (*(name for name in PROCESSES if name.startswith(service)), f"{service}-migrate"):
        values = " ".join(str(value) for value in CONTAINERS[process]["environment"].values())
        assert NO_DEFAULT & set(re.findall(r"\$\{([A-Z_0-9]+)", values)) == own


def test_the_nine_processes_run_their_own_service_after_its_migrations() -> None:
    for process in PROCESSES:
        service, kind = process.split("-")
        container = CONTAINERS[process]
        assert container["command"] == ["python", "-m", f"services.{service}.{'app' if kind == 'api' else kind}"]
        assert container["depends_on"][f"{service}-migrate"] == {"condition": "service_completed_successfully"}
        assert f"-{service}:" in container["image"]
    for migration in MIGRATIONS:
        assert CONTAINERS[migration]["restart"] == "no"


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_contained(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]
    assert not container.get("privileged")
    assert container["mem_limit"]
    assert container["logging"]["options"]["max-size"]
    assert container["stop_grace_period"]
    if name not in MIGRATIONS:
        assert container["restart"] == "unless-stopped"
        assert container["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_nothing_but_the_gateway_is_published_and_that_on_this_machine_unless_said_otherwise() -> None:
    published = {name: container["ports"] for name, container in CONTAINERS.items() if container.get("ports")}
    assert set(published) == {"gateway", "mail"}
    assert all(port.startswith("${GATEWAY_BIND:-127.0.0.1}:") for port in published["gateway"])
    assert CONTAINERS["mail"]["profiles"] == ["demo"]
    assert all(port.startswith("127.0.0.1:") for port in published["mail"])


def test_databases_have_no_way_out_and_only_what_mails_and_calls_sites_has_one() -> None:
    networks = FILE["networks"]
    assert networks["data"]["internal"] is True
    assert networks["apis"]["internal"] is True
    for name in ("postgres", "redis"):
        assert CONTAINERS[name]["networks"] == ["data"]
    open_networks = {name for name, network in networks.items() if not (network or {}).get("internal")}
    with_a_way_out = {name for name, container in CONTAINERS.items() if open_networks & set(container["networks"])}
    assert with_a_way_out == {"gateway", "notifications-worker", "notifications-pump", "mail"}


def test_no_registry_or_index_is_named() -> None:
    text = "".join((ROOT / file).read_text() for file in ("Dockerfile", "compose.yaml", ".env.example"))
    inside = {"localhost", "127.0.0.1", "hesheng.example.org", *(f"{service}-api" for service in SERVICES)}
    assert set(re.findall(r"https?://([^/:;}\s\"'$]+)", text)) - inside == set()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert set(bases) == {"${PYTHON_IMAGE}", "${CADDY_IMAGE}"}


CADDYFILE = (ROOT / "deploy" / "compose" / "Caddyfile").read_text()


@pytest.mark.parametrize(("address", "kept"), [
    ("/registration/links/eyJ.abc-_x", "/registration/links/REDACTED"),
    ("/notifications/v1/sms/replies/secret/aliyun", "/notifications/v1/sms/replies/REDACTED/aliyun"),
    ("/registration/links/mine/eyJ.abc?registration=1", "/registration/links/mine/REDACTED?registration=1"),
    ("/registration/embed/links/done/eyJ.abc", "/registration/embed/links/done/REDACTED"),
    ("/registration/links/done/eyJ.abc?x=1&token=abc&y=2", "/registration/links/done/REDACTED?x=1&token=REDACTED&y=2"),
    ("/registration/verify/HS-2026-1?k=1A2B", "/registration/verify/HS-2026-1?k=REDACTED"),
    ("/registration/scan/1?t=abc", "/registration/scan/1?t=REDACTED"),
    ("/registration/staff/check-in/1?q=%E7%8E%8B&page=2", "/registration/staff/check-in/1?q=REDACTED&page=2"),
    ("/registration/sites/1?from=2026-01-01", "/registration/sites/1?from=2026-01-01")])  # fmt: skip
def test_the_gateways_log_keeps_no_token(address: str, kept: str) -> None:
    found = re.search(r'request>uri regexp "([^"]+)" "([^"]+)"', CADDYFILE)
    assert found
    pattern, put = found.groups()
    assert re.sub(pattern, put.replace("${1}", r"\1"), address) == kept


def test_only_what_is_meant_for_other_web_pages_may_be_framed() -> None:
    assert "@unframed not path /registration/embed/*\n\theader @unframed X-Frame-Options DENY" in CADDYFILE
    shared = CADDYFILE.split("(headers) {")[1].split("\n}")[0]
    assert "X-Frame-Options" not in shared, "there it would hold for every path"
