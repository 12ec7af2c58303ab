"""What there may be one of only: many ask for it at once, through two apps; the database refuses a second by itself.

Each case makes its world and says how to ask for one, and which rows came of it. Then the row is doubled behind the
service's back, which the constraint must refuse: dropped, the case fails, however well the operations lock.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy.exc import IntegrityError

from services.common.database import Database
from services.registration.operations.hours.certificates import Certificates
from services.registration.personal_data import PersonalData
from services.registration.settings import Settings
from tests.registration.hours_world import Resident, earn, moment, over, person_of, records_of
from tests.registration.rooms_world import make_team
from tests.registration.test_concurrency import at_once, in_another_process
from tests.registration.test_transfers import known
from tests.registration.world import Caller, Site, somebody

TIMES = 8


@dataclass
class Race:
    """How to ask for the one at a door, and where to find it."""

    ask: Callable[[Caller, int], int]
    table: str
    found: str
    again: str = ""


@dataclass
class World:
    """What the cases are made of."""

    site: Site
    database: Database
    data: PersonalData

    def resident(self, person: str) -> Resident:
        """A resident with a session."""
        return Resident(self.site.app, self.database, self.data, person)


def one_leader(world: World) -> Race:
    site, team = world.site, make_team(world.site)
    people = [known(site) for _ in range(TIMES)]
    for person in people:
        body = {"person_id": person, "agreement": "入队名单"}
        site.expect(201, "POST", f"/v1/teams/{team}/members", body)

    def ask(door: Caller, n: int) -> int:
        return door.call("PUT", f"/v1/teams/{team}/leader", {"person_id": people[n]}).status_code

    found = f"team_id = '{team}' AND role = 'leader'"
    return Race(ask, "team_members", found, f"UPDATE team_members SET role = 'leader' WHERE team_id = '{team}'")


def one_pending_later_entry(world: World) -> Race:
    _, [registration] = over(world.site, ago=48)
    body = {"checked_in_at": moment(-50), "checked_out_at": moment(-48), "reason": "纸质签到表"}
    path = f"/v1/registrations/{registration}/later-entries"
    found = f"registration_id = '{registration}' AND state = 'pending'"
    return Race(lambda door, n: door.call("POST", path, body).status_code, "later_entries", found)


def one_open_objection(world: World) -> Race:
    _, [registration] = over(world.site)
    earn(world.site, registration)
    [record] = records_of(world.site, registration)
    resident = world.resident(person_of(world.site, registration))
    path = f"/v1/my/service-records/{record.id}/objections"
    found = f"record_id = '{record.id}' AND state = 'open'"
    return Race(lambda _, n: resident.call("POST", path, {"words": f"时长有误 {n}"}).status_code, "objections", found)


def one_open_claim_of_missing_hours(world: World) -> Race:
    _, [registration] = over(world.site, ago=48)
    resident = world.resident(person_of(world.site, registration))
    path = f"/v1/my/registrations/{registration}/missing-hours"
    found = f"registration_id = '{registration}' AND state = 'open'"
    return Race(lambda _, n: resident.call("POST", path, {"words": f"我在场 {n}"}).status_code, "objections", found)


def one_certificate_of_a_batch(world: World) -> Race:
    _, [registration] = over(world.site)
    earn(world.site, registration)
    [batch] = world.site.sql(
        "INSERT INTO certificate_batches (site_id, people, asked_by, skipped, period_from, period_to, state)"
        " VALUES (:site, ARRAY[cast(:person AS uuid)], 'staff:x', '[]', '2020-01-01', '2099-01-01', 'waiting')"
        " RETURNING id",
        site=world.site.id,
        person=person_of(world.site, registration),
    )

    def ask(door: Caller, n: int) -> int:
        with world.database.transaction(world.site.id) as session:
            Certificates(world.data, "").go_on(session, batch.id)
        return 200

    return Race(ask, "certificates", f"batch_id = '{batch.id}'")


def one_organisation_of_a_credit_code(world: World) -> Race:
    code = "91110000600037341L"

    def ask(door: Caller, n: int) -> int:
        return door.call("POST", "/v1/organisations", {"name_zh": f"企业 {n}", "credit_code": code}).status_code

    return Race(ask, "organisations", f"site_id = '{world.site.id}' AND credit_code = '{code}'")


def one_guardian(world: World) -> Race:
    person = known(world.site)

    def ask(door: Caller, n: int) -> int:
        path = f"/v1/people/{person}/guardian"
        return door.call("PUT", path, {"name": f"监护人 {n}", "email": f"g{n}@example.com"}).status_code

    return Race(ask, "representatives", f"person_id = '{person}' AND kind = 'guardian'")


def one_transfer_of_a_place(world: World) -> Race:
    registration = world.site.sign_up(world.site.shift())["id"]
    takers = [known(world.site) for _ in range(TIMES)]

    def ask(door: Caller, n: int) -> int:
        path = f"/v1/registrations/{registration}/hand-over"
        return door.call("POST", path, {"to_person_id": takers[n]}).status_code

    return Race(ask, "transfers", f"registration_id = '{registration}' AND status = 'asked'")


def one_consent_in_force(world: World) -> Race:
    person = known(world.site)

    def ask(door: Caller, n: int) -> int:
        return door.call("POST", f"/v1/people/{person}/consents", {"kind": "photo", "how": "paper"}).status_code

    return Race(ask, "consents", f"person_id = '{person}' AND kind = 'photo' AND withdrawn_at IS NULL")


CASES = {
    "team_members_one_leader": one_leader,
    "later_entries_one_pending": one_pending_later_entry,
    "objections_one_open": one_open_objection,
    "objections_one_open_missing": one_open_claim_of_missing_hours,
    "certificates_once_per_batch": one_certificate_of_a_batch,
    "organisations_credit_code": one_organisation_of_a_credit_code,
    "representatives_person_id_site_id_kind_key": one_guardian,
    "transfers_once": one_transfer_of_a_place,
    "consents_one_in_force": one_consent_in_force,
}


@pytest.mark.parametrize("constraint", CASES)
def test_of_many_at_once_there_is_one(
    site: Site, settings: Settings, database: Database, data: PersonalData, constraint: str
) -> None:
    race = CASES[constraint](World(site, database, data))
    doors = [site, in_another_process(site, settings)]
    answers = at_once(TIMES, lambda n: race.ask(doors[n % 2], n))
    assert set(answers) <= {200, 201, 409, 422} and set(answers) & {200, 201}, answers
    assert len(site.sql(f"SELECT FROM {race.table} WHERE {race.found}")) == 1
    with pytest.raises(IntegrityError, match=constraint):
        site.sql(race.again or _copy(site, race))


def _copy(site: Site, race: Race) -> str:
    """Insert the row once more, but for what the database or nothing else tells apart."""
    own = "column_name NOT IN ('id', 'number', 'volunteer_number') AND is_identity = 'NO' AND is_generated = 'NEVER'"
    query = f"SELECT column_name FROM information_schema.columns WHERE table_name = :table AND {own}"
    columns = [row.column_name for row in site.sql(query, table=race.table)]
    values = list(columns)
    if race.table == "certificates":
        columns, values = [*columns, "number"], [*values, "number || 'x'"]
    into = f"INSERT INTO {race.table} ({', '.join(columns)})"
    return f"{into} SELECT {', '.join(values)} FROM {race.table} WHERE {race.found}"


def test_whoever_is_erased_while_signing_up_has_no_place(site: Site, settings: Settings) -> None:
    doors = [site, in_another_process(site, settings)]
    for _ in range(3):
        told = somebody()
        person = site.sign_up(site.shift(), **told)["person_id"]
        shifts = [site.shift() for _ in range(TIMES)]

        def act(n: int, person: str = person, shifts: list[str] = shifts) -> int:
            if n == TIMES // 2:
                return site.call("POST", f"/v1/people/{person}/erasure", {"reason": "person_asked"}).status_code
            path = f"/v1/shifts/{shifts[n]}/registrations"
            return doors[n % 2].call("POST", path, {"person_id": person}).status_code

        answers = at_once(TIMES, act)
        assert answers[TIMES // 2] == 200 and set(answers) <= {200, 201, 404, 409, 422}, answers
        left = site.sql(
            "SELECT FROM registrations WHERE status <> 'cancelled' AND person_id IN (SELECT persons_of(:p))", p=person
        )
        assert left == [], "whoever is erased keeps no place"
        shown = site.sql("SELECT FROM person_sites WHERE person_id IN (SELECT persons_of(:p))", p=person)
        assert shown == [], "and is not known again by their id"
