"""Staff as the tests act for them: with a session's cookie, and the token that goes with it.

office = Office(app, database, data)
member = office.member(site=site.id)               # logged in, working at the site
member.expect(200, "GET", "/v1/staff/me")
"""

import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from apiflask import APIFlask
from sqlalchemy import text
from werkzeug.test import TestResponse

from services.common.auth import STAFF_COOKIE, Principal, csrf_token
from services.common.auth import Caller as Kind
from services.common.database import ACTING, EVERY_SITE, Acting, Database
from services.registration.personal_data import PersonalData
from tests.registration.world import form_kind


@dataclass
class Member:
    """Somebody with a session's cookie."""

    app: APIFlask
    id: str
    email: str
    cookie: str
    name: str = STAFF_COOKIE
    address: str = "127.0.0.1"

    def call(self, method: str, path: str, body: Any = None, form: Any = None, **headers: str) -> TestResponse:
        """Send one request, with the token that shows that it comes from our own page."""
        client = self.app.test_client()
        client.set_cookie(self.name, self.cookie)
        token = csrf_token(Principal(Kind.STAFF, self.id, session=self.cookie))
        sent = {"Accept-Language": "en", "X-CSRF-Token": token}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = form if form is not None else None if body is None else json.dumps(body)
        from_address = {"REMOTE_ADDR": self.address}
        kind = sent.pop("Content-Type", None) or form_kind(form)
        return client.open(path, method=method, data=data, headers=sent, content_type=kind, environ_base=from_address)

    def expect(self, status: int, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send one request that must be answered with this status; returns the JSON."""
        answer = self.call(method, path, body, **headers)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.get_data(as_text=True)}"
        return answer.get_json(silent=True)


@dataclass
class Office:
    """Puts staff straight into the database, so that tests need not compute a password for each."""

    app: APIFlask
    database: Database
    data: PersonalData

    def account(self, *grants: tuple[str, str | None, str | None], name: str = "值班员", password: bytes = b"x") -> str:
        """Id of a new account with grants (role, site, area)."""
        email = f"{uuid.uuid4().hex[:12]}@example.com"
        ACTING.set(Acting())  # nobody invited them: not who called last in this thread either
        with self.database.transaction(EVERY_SITE) as session:
            run = session.execute
            staff_id = run(
                text(
                    "INSERT INTO staff (email, email_hash, name, encrypted_with, password)"
                    " VALUES (:email, :hash, :name, :key, :password) RETURNING id"
                ),
                {
                    "email": self.data.encrypt(email),
                    "hash": self.data.account(email),
                    "name": self.data.encrypt(name),
                    "key": self.data.newest_key,
                    "password": password,
                },
            ).scalar_one()
            for role, site, area in grants:
                run(
                    text("INSERT INTO staff_grants (staff_id, role, site_id, area) VALUES (:s, :role, :site, :area)"),
                    {"s": staff_id, "role": role, "site": site, "area": area},
                )
        return str(staff_id)

    def session(self, staff_id: str, at: str | None = None) -> Member:
        """A log-in of an account, working at a site."""
        cookie = secrets.token_urlsafe(32)
        with self.database.transaction(EVERY_SITE) as session:
            email = session.execute(
                text(
                    "INSERT INTO staff_sessions (sha256, staff_id, site_id, expires_at)"
                    " VALUES (:sha256, :staff, :site, now() + interval '1 hour')"
                    " RETURNING (SELECT email FROM staff WHERE id = staff_id)"
                ),
                {"sha256": hashlib.sha256(cookie.encode()).hexdigest(), "staff": staff_id, "site": at},
            ).scalar_one()
        return Member(self.app, staff_id, self.data.decrypt(email), cookie)

    def site_staff(self, site: str) -> Member:
        """Somebody who works at one site."""
        return self.session(self.account(("site_staff", site, None)), at=site)

    def area_admin(self, area: str, at: str | None = None) -> Member:
        """Somebody over an area."""
        return self.session(self.account(("area_admin", None, area)), at=at)

    def operator(self, at: str | None = None) -> Member:
        """Staff who may do everything."""
        return self.session(self.account(("operator", None, None)), at=at)
