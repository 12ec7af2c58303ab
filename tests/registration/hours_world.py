"""What tests of hours have in common: a second person, a resident's session, shifts that are over."""

from datetime import UTC, datetime, timedelta
from typing import Any

from apiflask import APIFlask

from services.common.auth import RESIDENT_COOKIE, Caller, Principal, csrf_token
from services.common.database import Database
from services.registration.personal_data import PersonalData
from tests.registration.office import Member, Office
from tests.registration.world import Site, resident_cookie

_now = datetime.now(UTC).replace(second=0, microsecond=0)


def start_clock() -> None:
    """From here on moments are told from this minute: whole minutes make whole hours."""
    global _now
    _now = datetime.now(UTC).replace(second=0, microsecond=0)


def second_person(office: Office, site: Site) -> Member:
    """Staff of the site, whom no key stands in for."""
    return office.site_staff(site.id)


def over(site: Site, people: int = 1, hours: float = 2, ago: float = 1, **fields: Any) -> tuple[str, list[str]]:
    """A volunteering shift that ended some hours ago, with registrations: shift, their ids."""
    shift = site.shift(capacity=people, volunteering=True, **fields)
    registrations = [site.sign_up(shift)["id"] for _ in range(people)]
    site.sql(
        "UPDATE shifts SET starts_at = :starts, ends_at = :ends,"
        " local_day = (cast(:starts AS timestamptz) AT TIME ZONE 'Asia/Shanghai')::date WHERE id = :id",
        id=shift,
        starts=moment(-ago - hours),
        ends=moment(-ago),
    )
    site.signed_up_before(shift)
    return shift, registrations


def earn(site: Site, registration: str, came: float = -3, left: float = -1) -> dict[str, Any]:
    """Check in and out, some hours from now."""
    for what, hours in (("check-in", came), ("check-out", left)):
        last = site.expect(200, "POST", f"/v1/registrations/{registration}/{what}", {"at": moment(hours)})
    return last


def moment(hours: float) -> str:
    """A moment some hours from the minute in which the test began."""
    return (_now + timedelta(hours=hours)).isoformat()


class Resident:
    """A resident with a session."""

    def __init__(self, app: APIFlask, database: Database, data: PersonalData, person_id: str) -> None:
        self.id = person_id
        cookie = resident_cookie(database, data, person_id)
        self._client = app.test_client()
        self._client.set_cookie(RESIDENT_COOKIE, cookie)
        self._csrf = csrf_token(Principal(Caller.PERSON, person_id, session=cookie))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request."""
        return self._client.open(
            path, method=method, json=body, headers={"X-CSRF-Token": self._csrf, "Accept-Language": "en"}
        )

    def post(self, path: str, form: dict[str, str]) -> Any:
        """Send a page's form."""
        return self._client.post(path, data=form, headers={"X-CSRF-Token": self._csrf, "Accept-Language": "en"})

    def expect(self, status: int, method: str, path: str, body: Any = None) -> Any:
        """Send one request that must be answered with this status."""
        answer = self.call(method, path, body)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.get_data(as_text=True)}"
        return answer.get_json(silent=True)


def records_of(site: Site, registration: str) -> list[Any]:
    """All records of a registration, in the order of the chain."""
    return site.sql("SELECT * FROM service_records WHERE registration_id = :r ORDER BY number", r=registration)


def person_of(site: Site, registration: str) -> str:
    """Whose registration it is."""
    return str(site.sql("SELECT person_id FROM registrations WHERE id = :r", r=registration)[0].person_id)


def minutes_agree(site: Site) -> bool:
    """Whether the records that stand come to what the registrations carry."""
    row = site.sql(
        "SELECT (SELECT coalesce(sum(minutes), 0) FROM standing_records WHERE site_id = :s) AS records,"
        " (SELECT coalesce(sum(service_minutes), 0) FROM registrations WHERE site_id = :s) AS registrations",
        s=site.id,
    )[0]
    return bool(row.records == row.registrations)
