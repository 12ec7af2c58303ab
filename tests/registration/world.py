"""A community site as the tests act for it: over HTTP, against the app in this process.

site.sign_up(shift, name="Lin")     # the answer's JSON; anything but 201 fails the test with the body
site.call("GET", "/v1/sites")       # any answer
"""

import ipaddress
import itertools
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from apiflask import APIFlask
from sqlalchemy import text
from werkzeug.test import TestResponse

from services.common.database import EVERY_SITE, Database
from services.common.events import EVENT_TYPES, Event
from services.registration.operations.staff.sessions import Sessions
from services.registration.personal_data import PersonalData

_numbers = itertools.count(1)
_addresses = itertools.count(1)
_hours = itertools.count(27, 3)
"""When shifts start unless a test says so: each at another time, because nobody can be in two places at once."""


def start_hours_over() -> None:
    """From here on shifts start a day ahead, three hours apart, so that a person may be on all; none at hour 24."""
    global _hours
    _hours = itertools.count(27, 3)


def fresh_phone() -> str:
    """A valid number that no other test uses."""
    return f"+86138{next(_numbers):08d}"


def fresh_address() -> str:
    """An IPv4 address that no other test calls from."""
    return str(ipaddress.IPv4Address("10.128.0.0") + next(_addresses))


def in_hours(hours: float) -> str:
    """A moment from now, as it is written in a body."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def form_kind(form: Any) -> str | None:
    """The type of a request: JSON, or a form; one of bytes is encoded already, one that holds files says so itself."""
    if form is None:
        return "application/json"
    return None if isinstance(form, dict) else "application/x-www-form-urlencoded"


@dataclass
class Caller:
    """Someone with a key."""

    app: APIFlask
    key: str
    address: ClassVar[str] = "127.0.0.1"

    def call(self, method: str, path: str, body: Any = None, form: Any = None, **headers: str) -> TestResponse:
        """Send one request; `If_Match='"1"'` becomes the header If-Match."""
        sent = {"Accept-Language": "en"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = form if form is not None else None if body is None else json.dumps(body)
        from_address = {"REMOTE_ADDR": self.address}
        kind = form_kind(form)
        client = self.app.test_client()
        return client.open(path, method=method, data=data, headers=sent, content_type=kind, environ_base=from_address)

    def expect(self, status: int, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send one request that must be answered with this status; returns the JSON."""
        answer = self.call(method, path, body, **headers)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.get_data(as_text=True)}"
        return answer.get_json(silent=True)


@dataclass
class Site(Caller):
    """A site with its key."""

    id: str
    database: Database

    def activity(self, publish: bool = True, **fields: Any) -> str:
        """Id of a new activity."""
        body = {"kind": "class", "title_zh": "指尖科普课堂", "place": "职工新街", "risks_zh": "无特别风险。"} | fields
        made = self.expect(201, "POST", "/v1/activities", body)
        if publish:
            self.expect(200, "POST", f"/v1/activities/{made['id']}/publish")
        return made["id"]

    def shift(self, capacity: int = 10, activity: str | None = None, starts: float | None = None, **fields: Any) -> str:
        """Id of a new shift that starts in some hours; of a new published activity unless one is given."""
        starts = next(_hours) if starts is None else starts
        body = {"starts_at": in_hours(starts), "ends_at": in_hours(starts + 2), "capacity": capacity}
        path = f"/v1/activities/{activity or self.activity(**fields)}/shifts"
        return self.expect(201, "POST", path, body)["id"]

    def sign_up(self, shift: str, **person: Any) -> dict[str, Any]:
        """A new registration."""
        return self.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person": somebody(**person)})

    def try_sign_up(self, shift: str, person: dict[str, Any] | None = None, **headers: str) -> TestResponse:
        """Sign a person up, whatever becomes of it."""
        return self.call("POST", f"/v1/shifts/{shift}/registrations", {"person": person or somebody()}, **headers)

    def cancel(self, registration: str) -> dict[str, Any]:
        """Cancel a registration."""
        return self.expect(200, "POST", f"/v1/registrations/{registration}/cancel")

    def set_capacity(self, shift: str, capacity: int) -> TestResponse:
        """Change a shift's capacity, whatever becomes of it."""
        return self.call("PATCH", f"/v1/shifts/{shift}", {"capacity": capacity}, If_Match="*")

    def offered_shift(self, capacity: int = 1, minutes: int = 60, **fields: Any) -> str:
        """Id of a new shift whose free places are offered."""
        return self.shift(capacity, promotion="offer", offer_minutes=minutes, **fields)

    def statuses(self, *registrations: dict[str, Any]) -> list[str]:
        """What they are now."""
        return [self.expect(200, "GET", f"/v1/registrations/{one['id']}")["status"] for one in registrations]

    def move_shift(self, shift: str, starts: float, ends: float) -> None:
        """Move a shift behind the service's back: past ones cannot be signed up for."""
        self.sql(
            "UPDATE shifts SET starts_at = now() + make_interval(mins => :starts),"
            " ends_at = now() + make_interval(mins => :ends) WHERE id = :id",
            id=shift,
            starts=round(starts * 60),
            ends=round(ends * 60),
        )
        self.signed_up_before(shift)

    def signed_up_before(self, shift: str) -> None:
        """Whoever has a place on a shift that was moved to the past had it before the shift began."""
        self.sql(
            "UPDATE registrations AS r SET created_at = r.created_at - greatest(now() - s.starts_at, interval '0')"
            " FROM shifts AS s WHERE s.id = r.shift_id AND s.id = :id",
            id=shift,
        )

    def sql(self, statement: str, scope: str = EVERY_SITE, **parameters: Any) -> list[Any]:
        """Rows straight from the database."""
        with self.database.transaction(scope) as session:
            result = session.execute(text(statement), parameters)
            return list(result) if result.returns_rows else []

    def events(self, aggregate: str) -> list[Event]:
        """The events of an activity (or a site), oldest first, each valid by its model."""
        rows = self.sql("SELECT type, data FROM outbox WHERE aggregate = :of ORDER BY id", of=aggregate)
        return [strictly(EVENT_TYPES[row.type], row.data) for row in rows]

    def activity_of(self, shift: str) -> str:
        """Id of the shift's activity."""
        return str(self.sql("SELECT activity_id FROM shifts WHERE id = :id", id=shift)[0].activity_id)


def resident_cookie(database: Database, data: PersonalData, person: str, at: str | None = None) -> str:
    """The session of a resident who opened a link that a site mailed; of this one, else whichever.

    Sites that were told no address are told theirs, so that the session reaches them too.
    """
    with database.transaction(EVERY_SITE) as session:
        person = str(session.scalar(text("SELECT person_now(cast(:p AS uuid))"), {"p": person}))
        known = "SELECT email_index FROM person_sites WHERE person_id = :p AND email_index IS NOT NULL"
        here = text(f"{known} AND site_id = coalesce(cast(:at AS uuid), site_id)")
        email = f"{uuid.uuid4().hex}@example.com"
        [address] = {bytes(one) for one in session.scalars(here, {"p": person, "at": at})} or [
            data.contact_index("email", email)
        ]
        session.execute(
            text(
                "UPDATE person_sites SET email = :email, email_index = :address"
                " WHERE person_id = :p AND email_index IS NULL"
            ),
            {"email": data.encrypt(email), "address": address, "p": person},
        )
    return Sessions(database, data).resident_cookie(uuid.UUID(person), address)


def name_guardian(site: Site, person: str, **fields: Any) -> None:
    """Put a minor's guardian on file, as staff do."""
    site.expect(200, "PUT", f"/v1/people/{person}/guardian", {"name": "家长", "phone": fresh_phone()} | fields)


def strictly(model: type[Event], data: dict[str, Any]) -> Event:
    """The event, which must have each field of its model, no other, written as the model writes it."""
    event = model.model_validate(data)
    assert event.model_dump(mode="json") == data
    return event


def somebody(**fields: Any) -> dict[str, Any]:
    """A person nobody knows yet."""
    return {"name": f"居民 {uuid.uuid4().hex[:8]}", "phone": fresh_phone(), "birth_date": "1990-05-17"} | fields
