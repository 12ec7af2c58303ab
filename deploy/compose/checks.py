"""Builds the compose deployment, looks whether it is as closed as it claims, drives the main job through the gateway
while containers are killed, restarts everything, compares the books, and takes it all down again.

One line per step with its time. `KEEP=1` leaves the project running for a look after a failure.
"""

import http.client
import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import requests

from deploy.compose.main_job import MARK, BooksDiffer, MainJob
from deploy.compose.project import CommandFailed, Project, run, wait_until
from deploy.compose.steps import Wrong, expect, step
from deploy.compose.visit import people_at_their_browsers
from examples.client import Refused

SERVICES = ("registration", "notifications", "reporting")
OUTWARD = ("gateway", "mail", "notifications-worker", "notifications-pump")
PROCESSES = [f"{service}-{kind}" for service in SERVICES for kind in ("api", "worker", "pump")]
EVERYTHING = [*PROCESSES, "postgres", "redis", "gateway", "mail"]
VICTIMS = [*PROCESSES, "redis", "postgres"]

# Addresses that must lead nowhere, and other spellings of them that a router might take for the same.
CLOSED = ("metrics", "internal/status", "internal/contacts", "events", "events?partition=0&after=0")
SPELLINGS = (
    *("/{s}/{p}", "/{s}//{p}", "/{s}/./{p}", "/{s}/v1/../{p}", "/{s}/%2e/{p}", "/{s}/%2F{p}", "/{s}/x%2f..%2f{p}"),
    *("//{s}/{p}", "/{s}/{P}", "/{s}/%{first:02x}{rest}", "/{s}/v1/%2e%2e/{p}", "/{p}", "/{s}/{p}/"),
    *("/{s}/v1/..%2f{p}", "/{s}/{p};x", "/{s}/\\{p}", "/{s}/%5c{p}", "/{s}/{p}%00", "/{s}/{p}%20"),
)


# Run inside a container: which databases its role can connect to.
REACH = f"""
import os, psycopg
for name in {[*SERVICES, "postgres", "template1"]}:
    try:
        psycopg.connect(os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/" + name)
    except psycopg.OperationalError as error:
        assert "permission denied for database" in str(error), error
    else:
        print(name)
"""


# -- before it runs --------------------------------------------------------------------------------------------------


def without_secrets(project: Project) -> None:
    """Nothing starts without secrets, and the refusal says which one and what to do."""
    with step("without secrets it refuses, and says what to do") as note:
        empty = project.folder / "empty.env"
        empty.touch()
        try:
            project.compose("config", "--quiet", env_file=empty)
        except CommandFailed as error:
            told = str(error)
        else:
            raise Wrong("docker compose config went through without a single secret")
        expect("make-env" in told and "required variable" in told, f"an unclear refusal: {told}")
        note(told.splitlines()[-1][:110])


def example_alone(project: Project) -> None:
    """The example file has no secret that would work."""
    with step(".env.example as it is does not start either"):
        try:
            project.compose("config", "--quiet", env_file=Path(__file__).resolve().parents[2] / ".env.example")
        except CommandFailed:
            return
        raise Wrong("docker compose config takes .env.example as it is: a secret has a default")


def build_and_start(project: Project) -> None:
    """Build the images, start everything, come back when it is healthy."""
    with step("docker compose build"):
        project.compose("build", "--quiet")
    with step("docker compose up -d --wait") as note:
        project.compose("up", "--detach", "--wait", "--wait-timeout", "600")
        unhealthy = [name for name in EVERYTHING if not project.healthy(name)]
        expect(not unhealthy, f"--wait came back though {unhealthy} are not healthy")
        note(f"{len(EVERYTHING)} containers healthy")


# -- what it is ------------------------------------------------------------------------------------------------------


def images_hold_one_service(project: Project) -> None:
    """`common` and its own service, nothing of the others, no tests, no pip, no secrets."""
    with step("each image holds common and its own service only"):
        for service in SERVICES:
            held = set(project.inside(f"{service}-api", "find", "/app", "-mindepth", "1", "-maxdepth", "2").split())
            held = {path for path in held if not path.endswith("__pycache__")}
            wanted = {"/app/services", *(f"/app/services/{name}" for name in ("__init__.py", "common", service))}
            expect(held == wanted, f"the {service} image holds {sorted(held ^ wanted)}")
            others = ["pip", *(f"services.{other}" for other in SERVICES if other != service)]
            find = f"import importlib.util as u; print([name for name in {others} if u.find_spec(name)])"
            found = project.inside(f"{service}-api", "python", "-c", find).strip()
            expect(found == "[]", f"the {service} image holds {found}")
            history = project.docker("history", "--no-trunc", project.inspect(f"{service}-api")["Config"]["Image"])
            leaked = [name for name, value in project.secrets.items() if value in history]
            expect(not leaked, f"{leaked} stand in the history of the {service} image")


def containers_are_contained(project: Project) -> None:
    """No root, no capabilities, nothing writable but what is meant to be."""
    with step("no root, no capabilities, read-only file systems"):
        for name in EVERYTHING:
            seen = project.inside(name, "sh", "-c", "id -u; cat /proc/1/status /proc/1/mounts")
            expect(not seen.startswith("0\n"), f"{name} runs as root")
            expect(re.search(r"^CapEff:\t0+$", seen, re.MULTILINE), f"{name} has capabilities")
            expect(re.search(r"^NoNewPrivs:\t1$", seen, re.MULTILINE), f"{name} may gain privileges")
            expect(re.search(r"^\S+ / \S+ ro[, ]", seen, re.MULTILINE), f"{name} can write to its root")
            expect(project.inspect(name)["HostConfig"]["Memory"] > 0, f"{name} has no memory limit")


def networks_are_closed(project: Project) -> None:
    """Only the gateway is published; only what mails and calls sites has a way out; databases keep to themselves."""
    with step("only the gateway is published, databases have no way out, no role reaches another's database"):
        for name in EVERYTHING:
            ports = project.inspect(name)["NetworkSettings"]["Ports"]
            bound = [address for addresses in ports.values() for address in addresses or []]
            expect(bool(bound) == (name in ("gateway", "mail")), f"{name} publishes {bound}")
            expect(all(port["HostIp"] == "127.0.0.1" for port in bound), f"{name} is published beyond this machine")
            # Asked of the engine: on two internal networks there may well be a default route, but it leads nowhere.
            joined = project.inspect(name)["NetworkSettings"]["Networks"]
            networks = json.loads(project.docker("network", "inspect", *joined))
            way_out = any(not network["Internal"] for network in networks)
            expect(way_out == (name in OUTWARD), f"{name}: way out is {way_out}")
        for service in SERVICES:
            said = project.inside(f"{service}-api", "python", "-c", REACH).split()
            expect(said == [service], f"{service} can connect to the databases {said}")


# -- the gateway -----------------------------------------------------------------------------------------------------


def gateway_shows_what_it_should(project: Project) -> None:
    """One origin: the page, three APIs with their docs, request ids, headers, limits."""
    with step("gateway: page, docs of three services, request ids, headers, 1 MB limit, problem documents"):
        page = requests.get(project.gateway + "/", timeout=10)
        expect(page.ok and "Hesheng" in page.text, "the front page does not come")
        for service in SERVICES:
            url = f"{project.gateway}/{service}"
            expect(f'href="/{service}/docs"' in page.text, f"the front page does not lead to {service}")
            first = requests.get(url, timeout=10)
            wanted = f"{url}/" if service == "registration" else f"{url}/docs"
            expect(first.ok and first.url == wanted, f"{url} does not lead to {wanted} but to {first.url}")
            docs = requests.get(f"{url}/docs", timeout=10)
            outside = re.findall(r"""(?:src|href)=["']((?:https?:)?//[^"']+)""", docs.text)
            expect(not outside, f"{url}/docs asks others for {outside}")
            described = requests.get(f"{url}/openapi.json", timeout=10).json()
            expect(described["openapi"].startswith("3.1"), f"{url}/openapi.json is not OpenAPI 3.1")
            for server in described.get("servers", []):
                path = urlsplit(server["url"]).path.rstrip("/")
                expect(path == f"/{service}", f"{url}/openapi.json says that the service is at {server['url']}")
            ready = requests.get(f"{url}/readyz", headers={"X-Request-Id": "compose-test-1"}, timeout=10)
            expect(ready.status_code == 200, f"{url}/readyz: {ready.status_code} {ready.text}")
            expect(ready.headers.get("X-Request-Id") == "compose-test-1", f"{url} does not keep the request id")
            expect(requests.get(f"{url}/healthz", timeout=10).headers.get("X-Request-Id"), f"{url}: no request id")
            for name, value in (("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY")):
                expect(ready.headers.get(name) == value, f"{url}: {name} is {ready.headers.get(name)}")
            expect("Server" not in ready.headers, f"{url} says what serves it: {ready.headers.get('Server')}")
            _too_large(url)
        nowhere = requests.get(project.gateway + "/nowhere", headers={"Accept-Language": "en"}, timeout=10)
        expect(nowhere.json()["type"] == "urn:hesheng:problem:not-found", "an unknown address is no problem document")


def pages_behind_the_gateway(project: Project) -> None:
    """Residents' pages: only what is meant for other web pages may be framed, and no log keeps what opens a link."""
    with step("gateway: pages under its prefix, frames only where meant, tokens of links in no log"):
        url = f"{project.gateway}/registration"
        start = requests.get(f"{url}/", headers={"Accept": "text/html"}, timeout=10)
        expect('href="/registration/static/style.css' in start.text, "the start page does not know its prefix")
        expect(start.headers.get("X-Frame-Options") == "DENY", "the start page may be framed")
        framed = requests.get(f"{url}/embed/embed.js", timeout=10)
        expect(framed.ok and "X-Frame-Options" not in framed.headers, "what is meant for other pages cannot be framed")
        for path in (f"links/{MARK}", f"links/mine/{MARK}?registration=1", f"embed/links/done/{MARK}"):
            answer = requests.get(f"{url}/{path}", timeout=10)  # the logs are looked at in the end
            expect(answer.status_code == 404, f"/{path} gets {answer.status_code}")
        for path in (f"calendar/{MARK}.ics", f"unsubscribe/{MARK}", f"unsubscribe/{MARK}/again"):
            answer = requests.get(f"{project.gateway}/notifications/{path}", timeout=10)
            expect(answer.status_code in (404, 405), f"/{path} gets {answer.status_code}")


def _too_large(url: str) -> None:
    declared = requests.post(f"{url}/v1/anything", data=b"x" * 10_000_000, timeout=20)
    expect(declared.status_code == 413, f"{url}: 10 MB get {declared.status_code}")
    expect(declared.json()["type"] == "urn:hesheng:problem:too-large", f"{url}: 413 is no problem document")


def grows_too_large(project: Project) -> None:
    """A body without a declared length, to a route that reads it."""
    with step("gateway: 3 MB of undeclared length are refused"):
        url, key = f"{project.gateway}/registration/v1/sites", project.values["OPERATOR_KEY"]
        chunks = iter([b"x" * 100_000] * 30)
        try:
            answer = requests.post(url, data=chunks, headers={"Authorization": f"Bearer {key}"}, timeout=20)
        except requests.ConnectionError:
            return  # refused before all of it was sent: as good
        expect(400 <= answer.status_code < 500, f"3 MB in chunks get {answer.status_code} {answer.text[:200]}")


def gateway_hides_what_it_should(project: Project) -> None:
    """Metrics, the feed and what is for operators cannot be reached from outside, however it is spelt."""
    with step("gateway: metrics, events and internal addresses lead nowhere") as note:
        host = urlsplit(project.gateway).netloc
        tried = 0
        for service in SERVICES:
            for path in CLOSED:
                inside = {"s": service, "p": path, "P": path.upper(), "first": ord(path[0]), "rest": path[1:]}
                for spelling in SPELLINGS:
                    # http.client sends a path as it is; requests would tidy it up.
                    connection = http.client.HTTPConnection(host, timeout=10)
                    token = project.values["OPERATOR_KEY"]
                    connection.request("GET", spelling.format(**inside), headers={"Authorization": f"Bearer {token}"})
                    status = connection.getresponse().status
                    connection.close()
                    expect(status in (301, 302, 308, 400, 404), f"{spelling.format(**inside)} gets {status}")
                    tried += 1
        note(f"{tried} spellings")
        for service in SERVICES:
            code = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/metrics').status)"
            expect(project.inside(f"{service}-api", "python", "-c", code).strip() == "200", f"{service} has no metrics")


# -- the main job, while things break --------------------------------------------------------------------------------


def main_job_under_fire(project: Project, job: MainJob) -> None:
    """A crowd for each victim: while thirty people sign up at once, it is killed."""
    with step("operator and site set up through the gateway: areas, site, key, activity"):
        job.set_up()
    for victim in VICTIMS:
        what = f"30 sign-ups for 20 places, {victim} killed meanwhile"
        with step(what) as note, ThreadPoolExecutor(1) as pool:
            killing = pool.submit(_kill_soon, project, victim)
            note(job.crowd())
            note(killing.result())
    with step("the nine processes restarted (SIGTERM) under sign-ups") as note, ThreadPoolExecutor(1) as pool:
        restarting = pool.submit(project.compose, "restart", *PROCESSES)
        crowds = 0
        while not restarting.done():
            job.crowd()
            crowds += 1
        restarting.result()
        note(f"{crowds} crowd{'s' * (crowds > 1)}")


def _kill_soon(project: Project, victim: str) -> str:
    time.sleep(0.3)
    return project.kill(victim)


def books_agree(project: Project, job: MainJob, after: str) -> None:
    """What the API, the mails and the report say equals what the driver counted."""
    with step(f"all healthy again after {after}"):
        for name in EVERYTHING:
            expect(wait_until(lambda name=name: project.healthy(name), 120), f"{name} is not healthy")  # type: ignore[misc]
    with step(f"books after {after}: registrations, mails and report equal the driver's own count") as note:
        note(job.compare(limit=120))
    with step("hesheng status finds nothing wrong"):
        expect(wait_until(lambda: _status_is_good(project), 60, 2), _status(project))


def _status(project: Project) -> str:
    try:
        return project.inside("registration-api", "hesheng", "status")
    except CommandFailed as error:
        return str(error)


def _status_is_good(project: Project) -> bool:
    return " ended with " not in _status(project)


def stops_cleanly(project: Project) -> None:
    """SIGTERM is enough for everyone, well within the grace period; and data outlives the containers."""
    with step("docker compose stop: everybody leaves by itself") as note:
        begun = time.monotonic()
        project.compose("stop")
        note(f"{time.monotonic() - begun:.1f} s")
        codes = {name: project.inspect(name)["State"]["ExitCode"] for name in EVERYTHING}
        killed = {name: code for name, code in codes.items() if code not in (0, 143)}
        expect(not killed, f"exit codes {killed}")
    with step("docker compose down, up -d --wait: containers are new, data is not"):
        project.compose("down")
        project.compose("up", "--detach", "--wait", "--wait-timeout", "600")


def logs_tell_nothing(project: Project) -> None:
    """Names, addresses and secrets are in no log."""
    with step("no log holds a name, an address, a secret or the token of a link") as note:
        logs = project.compose("logs", "--no-color", *(name for name in EVERYTHING if name != "mail"))
        mark, lines = MARK.lower(), logs.lower()
        expect(mark not in lines, f"personal data in the logs: {_around(lines, mark)}")
        leaked = [name for name, value in project.secrets.items() if value in logs]
        expect(not leaked, f"{leaked} stand in the logs")
        note(f"{len(logs.splitlines())} lines")


def _around(text: str, mark: str) -> str:
    at = text.find(mark)
    return text[max(0, at - 150) : at + 150]


# -- all of it -------------------------------------------------------------------------------------------------------


def check(project: Project) -> None:
    """Every step in order."""
    without_secrets(project)
    example_alone(project)
    build_and_start(project)
    images_hold_one_service(project)
    containers_are_contained(project)
    networks_are_closed(project)
    gateway_shows_what_it_should(project)
    pages_behind_the_gateway(project)
    grows_too_large(project)
    gateway_hides_what_it_should(project)
    job = MainJob(project.gateway, project.values["OPERATOR_KEY"], project.mails)
    main_job_under_fire(project, job)
    books_agree(project, job, "the killing")
    logs_tell_nothing(project)
    stops_cleanly(project)
    books_agree(project, job, "a new start")
    people_at_their_browsers(project)
    logs_tell_nothing(project)


def engine_problem() -> str | None:
    """Why there is nothing to test on; None when there is."""
    try:
        version = run("docker", "compose", "version", "--short", env=dict(os.environ), limit=30).strip()
        run("docker", "info", env=dict(os.environ), limit=30)
    except (CommandFailed, OSError) as error:
        return f"This needs a running Docker engine with Compose v2: {error}"
    major = version.lstrip("v").split(".")[0]
    return None if major.isdecimal() and int(major) >= 2 else f"This needs Compose v2, not {version}."


def main() -> int:
    """Run; 0 when everything is as promised."""
    if (problem := engine_problem()) is not None:
        print(problem, file=sys.stderr)
        return 2
    begun = time.monotonic()
    project = Project()
    print(f"compose project {project.name}, gateway {project.gateway}", flush=True)
    try:
        check(project)
    except (Wrong, BooksDiffer, Refused, CommandFailed, requests.RequestException) as error:
        print(f"\n{type(error).__name__}: {error}\n", flush=True)
        _show_state(project)
        return 1
    finally:
        if os.environ.get("KEEP"):
            print(f"kept: docker compose --project-name {project.name} --env-file {project.env_file} …")
        else:
            with step("taken down: containers, volumes, networks, images"):
                project.__exit__()
                expect(not project.left_over(), f"left over: {project.left_over()}")
    print(f"compose deployment as promised, in {time.monotonic() - begun:.0f} s")
    return 0


def _show_state(project: Project) -> None:
    table = "table {{.Service}}\t{{.Status}}"
    for words in (("ps", "--all", "--format", table), ("logs", "--no-color", "--tail", "15")):
        try:
            print(project.compose(*words).replace("\x1b[2K", ""), flush=True)
        except CommandFailed as error:
            print(error, flush=True)
