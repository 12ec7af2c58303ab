"""Every page that a link leads to, as those see it who come there: in both languages, on a phone, for everybody.

What people told is in Latin letters here, so that whatever is Chinese on an English page was not translated.
"""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from services.common.auth import RESIDENT_COOKIE
from services.common.database import Database
from services.registration.operations.hours.certificates import Certificates
from services.registration.operations.staff.links import Links, issue_link
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.browser.crawl import Crawl
from tests.registration.exchange.files import Importer, as_csv
from tests.registration.hours_world import earn, moment
from tests.registration.office import Office
from tests.registration.own_world import resident_of
from tests.registration.programme_world import a_programme, activity_template, change, clone
from tests.registration.rooms_world import book, make_room, make_team, next_monday
from tests.registration.test_public import fresh_mail
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Caller, Site, fresh_phone, resident_cookie

WORDS = {"title_zh": "Class", "title_en": "Class", "place": "Hall", "risks_zh": "None.", "risks_en": "None."}
ROOM = {"name_zh": "Hall", "name_en": "Hall"}
TEMPLATE = {"title_zh": "Class", "title_en": "Class", "place": "Hall"}


class Centre:
    """A site with something of everything: whoever looks at a page finds the next one linked there."""

    def __init__(self, site: Site, data: PersonalData) -> None:
        self.site, self.data = site, data
        told = {"name": "Lin", "email": fresh_mail(), "birth_date": "1990-05-17"}
        made = register(site, **told, id_number=id_number(order=97), id_number_consent=True)
        self.person = str(made["person_id"])
        self._people()
        self._activities()
        self._rooms_and_teams()
        self._hours()
        self._programmes()
        self._files()

    def somebody(self, shift: str, **fields: Any) -> dict[str, Any]:
        """Somebody new on a shift."""
        return self.site.sign_up(shift, **{"name": f"Wang {uuid.uuid4().hex[:4]}"} | fields)

    def _people(self) -> None:
        path, site = f"/v1/people/{self.person}", self.site
        for kind in ("guardian", "helper"):
            told: dict[str, Any] = {"name": "Mother", "email": fresh_mail()}
            told |= {"agreed": True} if kind == "helper" else {}
            site.expect(200, "PUT", f"{path}/{kind}", told)
        site.expect(201, "POST", f"{path}/consents", {"kind": "photo", "how": "paper"})
        training = {"name": "First aid", "minutes": 60, "provider": "Red Cross", "day": "2026-01-10"}
        site.expect(201, "POST", f"/v1/volunteers/{self.person}/trainings", training)
        phone, shift = fresh_phone(), site.shift(**WORDS)
        pair = [self.somebody(shift, name=name, phone=phone) for name in ("Zhao", "Zhao Q")]
        self.doubles = [one["person_id"] for one in pair]

    def _activities(self) -> None:
        site, mine = self.site, {"person_id": self.person}
        self.activity = site.activity(**WORDS, party_limit=3)
        shift = site.shift(1, self.activity)
        site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", mine)
        self.somebody(shift)
        offered = site.offered_shift(**WORDS)
        holder = self.somebody(offered)
        site.expect(201, "POST", f"/v1/shifts/{offered}/registrations", mine)
        site.cancel(holder["id"])
        running = site.shift(starts=400, volunteering=True, **WORDS)
        site.expect(201, "POST", f"/v1/shifts/{running}/registrations", mine)
        site.move_shift(running, -0.5, 1)
        body = {"rrule": "FREQ=WEEKLY;COUNT=3", "first_starts_at": moment(500), "minutes": 60}
        site.expect(201, "POST", f"/v1/activities/{self.activity}/shift-series", body | {"roles": [{"capacity": 5}]})
        site.expect(201, "POST", "/v1/venues", {"name_zh": "Hall", "name_en": "Hall", "capacity": 9})
        site.expect(201, "POST", "/v1/organisations", {"name_zh": "Bureau", "name_en": "Bureau"})
        plaque = {"name_zh": "Base", "name_en": "Base", "granted_by": "Bureau", "valid_from": "2026-01-05"}
        site.expect(201, "POST", "/v1/designations", plaque)

    def _rooms_and_teams(self) -> None:
        site, team = self.site, make_team(self.site, "Choir")
        member = {"person_id": self.person, "agreement": "signed"}
        site.expect(201, "POST", f"/v1/teams/{team}/members", member)
        site.expect(200, "PUT", f"/v1/teams/{team}/leader", {"person_id": self.person})
        room = make_room(site, **ROOM)
        book(site, room, 9, 11, title="Rehearsal")
        book(site, make_room(site, approval=True, **ROOM), 9, 11, team_id=team)
        series = {"room_id": room, "title": "Rehearsal", "first_day": next_monday().isoformat()}
        series |= {"from_time": "13:00", "to_time": "14:00", "rrule": "FREQ=DAILY;COUNT=2"}
        site.expect(201, "POST", "/v1/bookings/series", series)
        called = site.shift(starts=450, volunteering=True, **WORDS)
        person = self.somebody(site.shift(**WORDS))["person_id"]
        site.expect(201, "POST", f"/v1/teams/{team}/members", member | {"person_id": person})
        body = {"team_id": team, "person_ids": [person]}
        site.expect(201, "POST", f"/v1/shifts/{called}/team-registrations", body)
        site.move_shift(called, -1, 1)

    def _over(self, ago: float) -> str:
        shift = self.site.shift(starts=1000 + ago, volunteering=True, **WORDS)
        made = self.site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person_id": self.person})
        self.site.move_shift(shift, -ago - 2, -ago)
        return str(made["id"])

    def _hours(self) -> None:
        site, resident = self.site, resident_of(self.site, self.data, self.person)
        earn(site, self._over(1))
        self._over(30)
        body = {"checked_in_at": moment(-62), "checked_out_at": moment(-60), "reason": "paper"}
        site.expect(201, "POST", f"/v1/registrations/{self._over(60)}/later-entries", body)
        record = site.sql("SELECT id FROM service_records WHERE person_id = :p", p=self.person)[0].id
        resident.expect(201, "POST", f"/v1/my/service-records/{record}/objections", {"words": "wrong"})
        years = {"period_from": "2020-01-01", "period_to": "2099-01-01"}
        number = site.expect(201, "POST", f"/v1/people/{self.person}/certificates", years)["number"]
        self.proof = f"/verify/{number}?k={Certificates(self.data, '').code(number)}"

    def _programmes(self) -> None:
        programme = a_programme(self.site, activity_template("a1", **TEMPLATE), title_zh="Culture", title_en="Culture")
        clone(self.site, programme, self.site.id)
        change(self.site, programme, activity_template("a1", **TEMPLATE | {"place": "Yard"}))

    def _files(self) -> None:
        row = ("Zhou", fresh_phone(), "", "1990-05-17")
        Importer(self.site.database, self.data).check(self.site, as_csv(row, ("", "1", "", "")))
        self.site.expect(201, "POST", "/v1/exports", {"format": "csv"})


WRITTEN = "SELECT name_zh AS text FROM areas UNION SELECT unnest(ARRAY[name_zh, address, short_name_zh]) FROM sites"


@pytest.fixture(scope="module")
def centre(make_site: Callable[..., Site], operator: Caller, area: str, data: PersonalData) -> Centre:
    """A centre in a district of its own."""
    city = {"parent": area, "level": "city", "name_zh": "City", "name_en": "City"}
    operator.expect(200, "PUT", "/v1/areas/C1", city)
    operator.expect(200, "PUT", "/v1/areas/C1-1", city | {"parent": "C1", "level": "district"})
    return Centre(make_site(area="C1-1", name_zh="Centre", name_en="Centre"), data)


def test_every_page_of_staff(visitor: Visitor, centre: Centre, app: APIFlask, office: Office) -> None:
    staff = office.session(office.account(("site_staff", centre.site.id, None), name="Duty"), at=centre.site.id)
    visitor.log_in((staff.name, staff.cookie))
    crawl = Crawl(visitor, app)
    found = crawl.follow("/staff/", f"/staff/people/{centre.person}")
    admin = office.session(office.account(("area_admin", None, "C1"), name="Admin"), at=centre.site.id)
    visitor.log_in((admin.name, admin.cookie))
    crawl.seen.discard("home_pages.home")
    assert found + Crawl(visitor, app, crawl.seen).follow("/staff/") == []


def test_every_page_of_residents(visitor: Visitor, centre: Centre, app: APIFlask, database: Database) -> None:
    site = centre.site
    visitor.log_in((RESIDENT_COOKIE, resident_cookie(database, centre.data, centre.person, site.id)))
    # Other tests' sites stand on the start page, with what was written there; our own are looked at first.
    written = [row.text for row in site.sql(WRITTEN)]
    crawl = Crawl(visitor, app, written=written)
    found = crawl.follow(f"/sites/{site.id}", "/my", "/")
    visitor.page.context.clear_cookies()
    with database.transaction("*") as session:
        account = Office(app, database, centre.data).account(("site_staff", site.id, None), name="Duty")
        issued = issue_link(session, "staff_invitation", None, staff_id=uuid.UUID(account))
        link = Links(centre.data, "http://x").token(issued.id)
    starts = ("/", f"/embed/sites/{site.id}", f"/links/{link}", centre.proof, "/staff/log-in")
    assert found + Crawl(visitor, app, crawl.seen, written).follow(*starts) == []
