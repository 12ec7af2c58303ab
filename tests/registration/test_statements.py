"""The number of statements of a list does not grow with its rows: one for each row is a second for a crowd."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.registration.hours_world import earn, moment, over, person_of
from tests.registration.office import Member, Office
from tests.registration.rooms_world import book, make_room, next_monday
from tests.registration.world import Site, fresh_phone, somebody

FEW, MORE = 2, 4
PHONE = "+8613700000042"
"""Of a family that grows."""


@dataclass
class Scene:
    """A site with some of everything."""

    site: Site
    shift: str = ""
    room: str = ""
    team: str = ""
    person: str = ""
    rows: int = 0
    faithful: dict[str, Any] = field(default_factory=somebody)

    def begin(self) -> None:
        """What there is one of."""
        self.shift = self.site.shift(capacity=100)
        self.room = make_room(self.site)
        made = self.site.expect(201, "POST", "/v1/teams", {"name_zh": "队", "name_en": "T", "kind": "choir"})
        self.team = made["id"]
        self.person = self._register(self.faithful)

    def grow(self, rows: int) -> None:
        """So many more rows of each list."""
        for _ in range(rows):
            self._register(somebody(phone=PHONE))
            guardian = {"name": "监护人", "phone": fresh_phone()}
            self._register(somebody(birth_date="2016-03-01"), guardian_consent=True, guardian=guardian)
            joined = self.site.sign_up(self.shift)
            self.site.shift(activity=self.site.activity(title_zh="又一场"))
            book(self.site, self.room, 9 + self.rows, 9.5 + self.rows)
            self._enter_later()
            self._earn(ago=1 + 3 * self.rows)
            self.rows += 1
            member = {"person_id": person_of(self.site, joined["id"]), "agreement": "同意加入"}
            self.site.expect(201, "POST", f"/v1/teams/{self.team}/members", member)

    def _register(self, person: dict[str, Any], **more: Any) -> str:
        body = person | {"sex": "female", "terms_consent": True} | more
        return str(self.site.expect(201, "POST", "/v1/volunteers", body)["person_id"])

    def _enter_later(self) -> None:
        _, (registration,) = over(self.site, ago=30)
        entry = {"checked_in_at": moment(-32), "checked_out_at": moment(-30), "reason": "纸质签到表"}
        self.site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", entry)

    def _earn(self, ago: float) -> None:
        shift = self.site.shift(volunteering=True)
        registration = self.site.sign_up(shift, **self.faithful)["id"]
        self.site.move_shift(shift, -ago - 2, -ago)
        earn(self.site, registration, -ago - 2, -ago)


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile, but for what a session is looked up by."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "staff_sessions" not in statement:
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def pages_of(scene: Scene) -> list[tuple[str, str, dict[str, str] | None]]:
    """Method, path and form of each list and page."""
    site, shift, monday = scene.site.id, scene.shift, next_monday()
    reads = (
        f"/sites/{site}?view=month",
        f"/v1/public/sites/{site}/calendar",
        "/staff/activities",
        f"/staff/check-in/{shift}",
        f"/staff/check-in/{shift}/roll",
        f"/v1/shifts/{shift}/attendance",
        f"/v1/shifts/{shift}/registrations",
        f"/v1/shifts/{shift}/roster.csv",
        "/staff/rooms/",
        f"/staff/rooms/?week={monday}",
        f"/staff/rooms/?week={monday + timedelta(days=7)}",
        "/v1/bookings",
        "/v1/volunteers",
        f"/v1/teams/{scene.team}/members",
        f"/staff/teams/{scene.team}",
        "/staff/hours",
        "/v1/later-entries",
        "/v1/service-records",
        f"/staff/hours/people/{scene.person}",
        f"/staff/people/{scene.person}",
        "/staff/",
        "/staff/audit",
        "/v1/audit",
    )
    return [("GET", path, None) for path in reads] + [("POST", "/staff/people/", {"by": "phone", "value": PHONE})]


def counts(member: Member, scene: Scene) -> dict[str, int]:
    """Statements by path."""
    counted = {}
    for method, path, form in pages_of(scene):
        with statements() as sent:
            answer = member.call(method, path, form=form)
            body = answer.get_data()
        assert answer.status_code == 200, f"{path}: {answer.status_code} {body.decode()[:500]}"
        counted[path] = len(sent)
    return counted


def test_no_list_sends_more_statements_for_more_rows(site: Site, office: Office) -> None:
    member = office.site_staff(site.id)
    scene = Scene(site)
    scene.begin()
    scene.grow(FEW)
    counts(member, scene)  # what is prepared once
    few = counts(member, scene)
    scene.grow(MORE)
    many = counts(member, scene)
    grown = {path: (few[path], many[path]) for path in few if many[path] > few[path]}
    assert not grown
