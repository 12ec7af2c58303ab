"""What happens too rarely in the random city: people told of under another's number, erasures, what is not known."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.common.apply import Subscriber
from services.common.database import EVERY_SITE, Database
from services.common.events import (
    BookingConfirmed,
    BookingMoved,
    CertificateIssued,
    CertificateRevoked,
    Event,
    OrganisationSaved,
    PersonErased,
    PersonErasedAtSite,
    PersonMerged,
    PersonUnmerged,
    ServiceRecordRecorded,
    TeamMemberJoined,
    TeamMemberLeft,
    TeamSaved,
    VolunteerChanged,
    VolunteerEnded,
    VolunteerRegistered,
)
from tests.reporting.log import START, MemoryLog, partition_of
from tests.reporting.scene import activity, an_id, confirmed, shift, site

TODAY = START.date() + timedelta(days=40)


def rows(database: Database, sql: str, visible: str = EVERY_SITE, **values: Any) -> list[Any]:
    with database.transaction(visible) as session:
        return [tuple(row) for row in session.execute(text(sql), values)]


@pytest.fixture
def story(log: MemoryLog, subscriber: Subscriber) -> Any:
    """Tells events a day after each other, and lets reporting hear of them at the end."""
    log.add(site("a", "1"), site("b", "1"))

    def tell(*events: Event) -> None:
        for event in events:
            log.now += timedelta(days=1)
            log.add(event)
        subscriber.catch_up_fully()

    return tell


def person(number: int, where: str = "a") -> dict[str, Any]:
    return {"site_id": an_id(where), "person_id": an_id(f"person {number}"), "person_number": number}


def team(name: str, **more: Any) -> TeamSaved:
    names = {"name_zh": "队", "name_en": "Team", "kind": "choir"}
    return TeamSaved(team_id=an_id(name), site_id=an_id("a"), **names, **more)


def joined(number: int, role: str = "member") -> TeamMemberJoined:
    return TeamMemberJoined(team_id=an_id("choir"), role=role, **person(number))


def left(number: int) -> TeamMemberLeft:
    return TeamMemberLeft(team_id=an_id("choir"), **person(number))


def merged(number: int, into: int, model: type[PersonMerged] = PersonMerged) -> PersonMerged:
    ids = {"person_id": an_id(f"person {number}"), "into_id": an_id(f"person {into}")}
    return model(merge_id=an_id(f"{number} into {into}"), person_number=number, into_number=into, **ids)


def registered(number: int, *offers: str) -> VolunteerRegistered:
    return VolunteerRegistered(**person(number), categories=offers, age_band="18_34", how="desk")


def changed(number: int, *offers: str) -> VolunteerChanged:
    return VolunteerChanged(**person(number), categories=offers)


def members(database: Database, day: date = TODAY) -> list[int]:
    return sorted(number for (number,) in rows(database, "SELECT person_number FROM members_on(:day)", day=day))


def volunteers(database: Database, day: date = TODAY) -> list[Any]:
    return sorted(rows(database, "SELECT person_number, categories FROM volunteers_on(:day)", day=day))


def test_who_leaves_under_the_survivor_s_number_has_left(database: Database, story: Any) -> None:
    story(joined(1), merged(1, 2), left(2))
    assert members(database) == []
    story(merged(1, 2, PersonUnmerged))
    assert members(database) == []


def test_who_left_before_the_merge_or_after_it_left_for_themselves(database: Database, story: Any) -> None:
    story(joined(1), joined(2), left(2), merged(1, 2), merged(1, 2, PersonUnmerged), joined(2), left(2))
    assert members(database) == [1]


def test_a_role_that_a_survivor_gets_is_whose_membership_it_is(database: Database, story: Any) -> None:
    story(joined(1), merged(1, 2), joined(2, "leader"))
    roles = "SELECT person_number, role FROM members_on(:day)"
    assert rows(database, roles, day=TODAY) == [(2, "leader")]
    story(merged(1, 2, PersonUnmerged))
    assert rows(database, roles, day=TODAY) == [(1, "leader")]
    story(joined(2))
    assert members(database) == [1, 2]


def test_who_joins_as_a_survivor_is_not_who_had_left_or_never_was_there(database: Database, story: Any) -> None:
    story(joined(1), left(1), merged(1, 2), merged(3, 2), joined(2))
    story(merged(1, 2, PersonUnmerged), merged(3, 2, PersonUnmerged))
    assert members(database) == [2]


def test_a_merge_into_one_who_was_merged_goes_on(database: Database, story: Any) -> None:
    story(joined(1), registered(1), merged(1, 2), merged(2, 3), left(3), VolunteerEnded(**person(3)))
    assert (members(database), volunteers(database)) == ([], [])


def test_what_a_survivor_offers_stays_with_whoever_is_separated_again(database: Database, story: Any) -> None:
    story(registered(1, "elders"), merged(1, 2), changed(2, "music"))
    assert volunteers(database) == [(2, ["music"])]
    story(merged(1, 2, PersonUnmerged), changed(2, "sport"))
    assert volunteers(database) == [(1, ["music"])]


def test_what_is_said_of_nobody_s_registration_makes_no_volunteer(database: Database, story: Any) -> None:
    story(changed(1, "music"), registered(2), VolunteerEnded(**person(2)), changed(2, "music"))
    assert volunteers(database) == []


def test_a_team_is_there_since_it_was_first_told_of(database: Database, story: Any) -> None:
    story(team("choir"), team("choir"), team("choir", ended=True))
    first = START.date() + timedelta(days=1)
    found = [len(rows(database, "SELECT * FROM teams_on(:day)", day=first + timedelta(days=n))) for n in range(-1, 4)]
    assert found == [0, 1, 1, 0, 0]


def test_an_erasure_changes_no_figure_but_empties_places_in_teams(database: Database, story: Any) -> None:
    record = {"record_id": an_id("r"), "site_id": an_id("a"), "person_id": an_id("person 1"), "number": 1, "hash": ""}
    hours = {"minutes": 60, "day": date(2026, 3, 1), "how": "scanned", "late": False, "registration_id": an_id("1")}
    of = {"activity_id": an_id("A"), "shift_id": an_id("s")}
    story(
        activity("A", "a"),
        shift("s", "A", "a", "2026-03-01"),
        confirmed("1", "s", "A", "a", 1),
        ServiceRecordRecorded(**record, **hours, **of),
        joined(1),
        joined(2),
    )

    def figures() -> list[Any]:
        every = ("dirty", "hours_source", "facts", "service_records")
        return [rows(database, f"TABLE {relation}") for relation in every]

    before = figures()
    assert len(before) == 4
    assert all(before)
    story(PersonErasedAtSite(**person(1, "b")))
    assert members(database) == [1, 2]
    story(PersonErasedAtSite(**person(1)), PersonErased(person_id=an_id("person 2")))
    assert members(database) == []
    assert figures() == before


def booking(model: type[Event], name: str, hour: int) -> Event:
    starts = datetime.combine(TODAY, datetime.min.time(), START.tzinfo) + timedelta(hours=hour)
    ids = {"booking_id": an_id(name), "room_id": an_id("hall"), "team_id": None, "shift_id": None}
    times = {"starts_at": starts, "ends_at": starts + timedelta(hours=1), "local_day": str(TODAY)}
    return model(**ids, **person(0), **times, version=1, purpose="other")


def certificate(model: type[Event]) -> Event:
    period = {"period_from": TODAY, "period_to": TODAY, "minutes": 60}
    return model(certificate_id=an_id("certificate"), **person(0), **period)


@pytest.mark.parametrize("event", [booking(BookingMoved, "lost", 9), certificate(CertificateRevoked)])
def test_what_is_told_of_something_unknown_is_parked(
    event: Event, database: Database, log: MemoryLog, story: Any
) -> None:
    story(event)
    assert rows(database, "SELECT aggregate FROM parked") == [(event.aggregate,)]
    assert rows(database, "SELECT sequence FROM cursors WHERE partition = :p", p=partition_of(event.aggregate)) == [
        (len(log.partitions[partition_of(event.aggregate)]),)
    ]


def test_a_site_sees_its_own_and_the_directory_of_all(database: Database, story: Any) -> None:
    names = {"name_zh": "单位", "name_en": "Organisation", "kind": "school"}
    story(
        booking(BookingConfirmed, "one", 9),
        certificate(CertificateIssued),
        team("choir"),
        joined(1),
        registered(1),
        *(
            OrganisationSaved(organisation_id=an_id(f"of {where}"), site_id=an_id(where) if where else None, **names)
            for where in ("a", "b", "")
        ),
    )
    secured = ("bookings", "certificates", "teams", "team_member_changes", "volunteer_changes", "booking_source")
    counts = f"SELECT {', '.join(f'(SELECT count(*) FROM {name})' for name in (*secured, 'organisations'))}"
    assert rows(database, counts, visible=str(an_id("a"))) == [(1, 1, 1, 1, 1, 1, 2)]
    assert rows(database, counts, visible=str(an_id("b"))) == [(0, 0, 0, 0, 0, 0, 2)]
    assert rows(database, counts, visible=f"{an_id('a')},{an_id('b')}") == [(1, 1, 1, 1, 1, 1, 3)]


def test_every_table_that_has_a_site_is_secured(database: Database) -> None:
    """But for names that anybody may read, and what only the service's own processes do."""
    of_sites = (
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'site_id' AND table_schema = 'public'"
    )
    secured = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    tables = f"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname IN ({of_sites}) EXCEPT ALL {secured}"
    open_ones = {name for (name,) in rows(database, tables)}
    assert open_ones == {"sites", "site_keys", "programmes", "dirty"}
