"""A running registration api and the system's Chromium, which reaches nothing but this machine.

def test_a_room_is_added(visitor, site, staff_at):
    visitor.log_in(staff_at(site))
    visitor.open("/staff/rooms/new")
    visitor.look("room-new")                 # phone and desk: axe finds nothing, nothing scrolls sideways
    visitor.page.get_by_label("名称").fill("排练室")

With `SCREENSHOTS=folder` every look leaves its two pictures there, to be looked at.
"""

import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from services.common.auth import RESIDENT_COOKIE, STAFF_COOKIE, Role
from services.common.database import EVERY_SITE, Database
from services.registration.personal_data import PersonalData
from tests.registration.conftest import (  # noqa: F401
    app,
    area,
    data,
    database,
    fresh_hours,
    make_site,
    office,
    operator,
    other,
    settings,
    site,
)
from tests.registration.world import Site
from tests.registration.world import resident_cookie as cookie_of

SIZES = {"phone": {"width": 360, "height": 740}, "desk": {"width": 1280, "height": 800}}
TOO_WIDE = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
    () => done(document.documentElement.scrollWidth - window.innerWidth))))"""
"""By how many pixels a page scrolls sideways once it was drawn at its new size."""
SHOTS = os.environ.get("SCREENSHOTS")
PATIENCE = 10_000
"""Milliseconds until something on a page must be there."""
RUN_AXE = "() => axe.run({resultTypes: ['violations']}).then(found => ({violations: found.violations}))"


def axe_finds(page: Page) -> str:
    """What axe finds wrong with a page, in words; empty where that is nothing."""
    if not page.evaluate("() => 'axe' in window"):  # half a megabyte, which stays as long as the page does
        page.evaluate(AXE_SCRIPT)
    found = AxeResults(page.evaluate(RUN_AXE))
    return str(found.generate_report()) if found.violations_count else ""


@pytest.fixture(scope="session")
def live(app: APIFlask) -> Iterator[str]:
    """Address of the running service."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium. Not having it is a failure: `make browser` installs it."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    assert executable, "there is no Chromium on this machine: make browser"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        arguments = [
            "--no-sandbox",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


class Visitor:
    """Somebody with a browser."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def open(self, path: str) -> None:
        """Go to a page, which must be there."""
        response = self.page.goto(self.address + path)
        assert response is not None and response.status < 400, (path, response and response.status)

    def look(self, name: str) -> None:
        """The page at both sizes: nothing that axe finds, nothing that scrolls sideways."""
        self.page.wait_for_load_state()  # of what was clicked just now only the beginning may be there
        self.page.locator("body > *").first.wait_for(state="attached")  # or not even that
        for size, viewport in SIZES.items():
            self.page.set_viewport_size(viewport)  # type: ignore[arg-type]
            if SHOTS:
                self.page.screenshot(path=Path(SHOTS, f"{name}-{size}.png"), full_page=True)
            wide = self.page.evaluate(TOO_WIDE)
            assert wide <= 0, f"{name} scrolls sideways by {wide} pixels on a {size}"
            found = axe_finds(self.page)
            assert not found, f"{name} on a {size}: {found}"

    def words(self, selector: str = "main") -> str:
        """What stands in a part of the page, once all of it is there."""
        self.page.wait_for_load_state()
        return self.page.inner_text(selector)

    def log_in(self, cookie: tuple[str, str]) -> None:
        """Take a session's cookie along."""
        self.page.context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": self.address}])

    def speak(self, language: str) -> None:
        """Choose a language."""
        self.page.context.add_cookies([{"name": "hesheng_language", "value": language, "url": self.address}])


@pytest.fixture
def make_visitor(browser: Browser, live: str) -> Iterator[Callable[..., Visitor]]:
    """Makes people with browsers of their own: `make_visitor(java_script_enabled=False)`."""
    contexts = []

    def make(**options: object) -> Visitor:
        context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return Visitor(context.new_page(), live)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(make_visitor: Callable[..., Visitor]) -> Visitor:
    """Somebody with a browser that runs scripts."""
    return make_visitor()


@pytest.fixture(scope="session")
def staff_at(database: Database, data: PersonalData) -> Callable[..., tuple[str, str]]:
    """Gives the cookie of a new member of staff who works at a site: `staff_at(site, Role.AREA_ADMIN)`."""

    def log_in(where: Site, role: Role = Role.SITE_STAFF) -> tuple[str, str]:
        cookie = secrets.token_urlsafe(32)
        mail = f"{secrets.token_hex(4)}@example.com"
        owned = {Role.SITE_STAFF: ("site_id", where.id), Role.AREA_ADMIN: ("area", "140000")}.get(role)
        with database.engine.begin() as connection:
            run = connection.exec_driver_sql
            run("SELECT set_config('hesheng.site', %s, true)", (EVERY_SITE,))
            staff = run(
                "INSERT INTO staff (email, email_hash, name, encrypted_with) VALUES (%s, %s, %s, %s) RETURNING id",
                (data.encrypt(mail), data.fingerprint(mail), data.encrypt("值班员"), data.newest_key),
            ).scalar_one()
            column, value = owned or ("site_id", None)
            run(f"INSERT INTO staff_grants (staff_id, role, {column}) VALUES (%s, %s, %s)", (staff, role.value, value))
            run(
                "INSERT INTO staff_sessions (sha256, staff_id, site_id, expires_at)"
                " VALUES (%s, %s, %s, now() + interval '1 hour')",
                (hashlib.sha256(cookie.encode()).hexdigest(), staff, where.id),
            )
        return STAFF_COOKIE, cookie

    return log_in


@pytest.fixture(scope="session")
def resident_cookie(database: Database, data: PersonalData) -> Callable[[str], tuple[str, str]]:
    """Gives the cookie of a resident's session, as opening a link from a message does."""
    return lambda person_id: (RESIDENT_COOKIE, cookie_of(database, data, person_id))
