"""The number of statements of a list does not grow with its rows: one for each row is a second for a crowd."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from apiflask import APIFlask
from sqlalchemy import event
from sqlalchemy.engine import Engine

from services.common.auth import Caller as Kind
from tests.matrix.rules import routes_of
from tests.registration.hours_world import earn, moment, over, person_of
from tests.registration.office import Member, Office
from tests.registration.rooms_world import book, make_room, next_monday
from tests.registration.world import Site, fresh_phone, somebody

FEW, MORE = 2, 4
READERS = {Kind.STAFF, Kind.ANYONE}
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


OF_ONE_THING = {
    "batch_id", "booking_id", "certificate_id", "code", "decision_id", "designation_id", "export_id", "import_id",
    "message_id", "number", "offer_id", "organisation_id", "programme_id", "record_id", "registration_id", "series_id",
    "staff_id", "token", "venue_id",
}  # fmt: skip
"""Pages of one thing that the scene has none of, or of which nothing grows."""

CHOICES = {"kind": "trainings", "step": "cancel", "form": "csv", "came_from": "-", "document": "x"}

ANSWERED = (200, 303, 403, 404, 409, 422)
"""A minor's guardian whom nobody named, an export that is not ready: a refusal has its statements too."""


def pages_of(app: APIFlask, scene: Scene) -> list[tuple[str, str, dict[str, str] | None]]:
    """Method, path and form of whatever a member of staff can read, from the map of routes; new ones are among them."""
    here = {
        "site_id": scene.site.id,
        "shift_id": scene.shift,
        "team_id": scene.team,
        "person_id": scene.person,
        "room_id": scene.room,
        "activity_id": scene.site.activity_of(scene.shift),
    }
    routes = [route for route in routes_of(app) if route.method == "GET" and route.callers & READERS]
    unknown = {name for route in routes for name in route.parameters} - here.keys() - CHOICES.keys() - OF_ONE_THING
    assert not unknown, f"say here what these are: {unknown}"
    reads = [route for route in routes if not OF_ONE_THING & set(route.parameters)]
    paths = [re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda found: (here | CHOICES)[found[1]], one.path) for one in reads]
    monday = next_monday()
    paths += [f"/sites/{scene.site.id}?view=month", f"/staff/rooms/?week={monday}"]
    paths += [f"/staff/rooms/?week={monday + timedelta(days=7)}"]
    return [("GET", path, None) for path in paths] + [("POST", "/staff/people/", {"by": "phone", "value": PHONE})]


def counts(app: APIFlask, member: Member, scene: Scene) -> dict[str, int]:
    """Statements by path."""
    counted = {}
    for method, path, form in pages_of(app, scene):
        with statements() as sent:
            answer = member.call(method, path, form=form)
            body = answer.get_data()
        assert answer.status_code in ANSWERED, f"{path}: {answer.status_code} {body.decode()[:500]}"
        counted[path] = len(sent)
    return counted


def test_no_list_sends_more_statements_for_more_rows(app: APIFlask, site: Site, office: Office) -> None:
    member = office.site_staff(site.id)
    scene = Scene(site)
    scene.begin()
    scene.grow(FEW)
    counts(app, member, scene)  # what is prepared once
    few = counts(app, member, scene)
    scene.grow(MORE)
    counts(app, member, scene)  # and what is written anew when something changed
    many = counts(app, member, scene)
    grown = {path: (few[path], many[path]) for path in few if many[path] > few[path]}
    assert not grown
