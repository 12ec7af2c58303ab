"""The look at all chains: each kind of tampering is found, also by who rewrites every hash; and its result is shown."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.local.servers import Postgres
from services.registration import hours_check
from services.registration.pump import duties
from services.registration.settings import Settings
from services.registration.tasks import CHECK_HOURS_TASK, make_celery_app
from tests.registration.hours_world import earn, over
from tests.registration.test_hours_chain import behind_the_triggers, breaks, five_records
from tests.registration.world import Caller, Site

REWRITE = """
DO $$
DECLARE
    one service_records;
    last bytea := '\\x';
    nth bigint := 0;
BEGIN
    FOR one IN SELECT * FROM service_records WHERE site_id = '{site}' ORDER BY number LOOP
        nth := nth + 1;
        one.number := nth;
        one.previous := last;
        last := sha256(last || convert_to(service_record_words(one), 'UTF8'));
        UPDATE service_records SET number = nth, previous = one.previous, hash = last WHERE id = one.id;
    END LOOP;
    UPDATE record_chains SET length = nth, head = last WHERE site_id = '{site}';
END
$$
"""


@pytest.fixture
def tamper(site: Site, postgres: Postgres, settings: Settings) -> Callable[..., None]:
    """Somebody who can do all in the database of this service, and makes the chain fit again."""

    def act(statement: str) -> None:
        with behind_the_triggers(postgres, settings) as superuser:
            superuser.execute(statement, {"s": site.id})
            superuser.execute(REWRITE.format(site=site.id))

    return act


@pytest.mark.parametrize(
    ("statement", "number", "what"),
    [
        ("SELECT %(s)s", None, ""),
        ("UPDATE service_records SET minutes = 1 WHERE site_id = %(s)s AND number = 3", 3, "not what was told"),
        ("DELETE FROM service_records WHERE site_id = %(s)s AND number = 5", 5, "is gone"),
        ("DELETE FROM service_records WHERE site_id = %(s)s AND number >= 4", 4, "is gone"),
        ("DELETE FROM service_records WHERE site_id = %(s)s AND number = 2", 2, "not what was told"),
        ("UPDATE service_records SET id = gen_random_uuid(), minutes = 1, registration_id = NULL"
         " WHERE site_id = %(s)s AND number = 5", 5, "not what was told"),
        ("INSERT INTO service_records (site_id, number, person_id, activity, day, place, content, minutes, how, unit,"
         " in_charge, recorded_by, recorded_at, previous, hash) SELECT site_id, 6, person_id, activity, day, place,"
         " content, 90, how, unit, in_charge, recorded_by, recorded_at, previous, hash"
         " FROM service_records WHERE site_id = %(s)s AND number = 1", 6, "never told"),
    ],
)  # fmt: skip
def test_who_makes_the_chain_fit_again_disagrees_with_what_was_told(
    site: Site, tamper: Callable[[str], None], statement: str, number: int | None, what: str
) -> None:
    five_records(site)
    tamper(statement)
    found = breaks(site)
    assert [one[0] for one in found] == ([] if number is None else [number])
    assert all(what in said for _, said in found)


def test_the_worker_looks_once_a_day_and_the_status_tells(
    site: Site, operator: Caller, settings: Settings, tamper: Callable[[str], None]
) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    duty = next(duty for duty in duties(settings) if duty.name == "check_hours")
    task = make_celery_app(settings).tasks[CHECK_HOURS_TASK]
    site.sql("DELETE FROM hours_checks")
    with site.database.transaction("*") as session:
        assert hours_check.is_check_due(session)
    assert not duty.act()
    task()
    with site.database.transaction("*") as session:
        assert not hours_check.is_check_due(session)
    before = figures(operator)
    tamper("UPDATE service_records SET minutes = 1 WHERE site_id = %(s)s AND number = 1")
    task()
    assert figures(operator)["hours_chains_broken"] == before["hours_chains_broken"] + 1
    assert "hesheng_hours_chains_broken" in operator.call("GET", "/metrics").get_data(as_text=True)
    site.sql("UPDATE hours_checks SET checked_at = checked_at - interval '25 hours'")
    with site.database.transaction("*") as session:
        assert hours_check.is_check_due(session)


def figures(operator: Caller) -> Any:
    return operator.expect(200, "GET", "/internal/status")["figures"]
