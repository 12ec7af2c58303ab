"""The worker's tasks: one bad thing keeps none of the others waiting."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from services.common.database import Database
from services.registration import tasks
from services.registration.operations import retention
from services.registration.settings import Settings
from services.registration.tasks import _each, settle_seats
from tests.registration.test_offers import run_out
from tests.registration.world import Site


def test_one_shift_that_fails_keeps_none_of_the_others_waiting(
    site: Site, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = {}
    for _ in range(3):
        shift = site.offered_shift()
        first, second = site.sign_up(shift), site.sign_up(shift)
        site.cancel(first["id"])
        run_out(site, second)
        offers[shift] = second
    bad = next(iter(offers))
    settling = tasks.settle

    def settle(session: Session, shift_id: UUID) -> None:
        if str(shift_id) == bad:
            raise ZeroDivisionError
        settling(session, shift_id)

    with monkeypatch.context() as broken:
        broken.setattr(tasks, "settle", settle)
        settle_seats(database, settings)
    assert site.statuses(*offers.values()) == ["offered", "cancelled", "cancelled"]
    settle_seats(database, settings)
    assert site.statuses(*offers.values()) == ["cancelled"] * 3


def test_many_that_fail_do_not_fill_the_list(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "AT_ONCE", 2)
    bad, good = [uuid4() for _ in range(7)], uuid4()
    waiting, acted = [*bad, good], []

    def act(one: UUID) -> None:
        if one in bad:
            raise ValueError
        acted.append(one)
        waiting.remove(one)

    assert _each(database, lambda session, limit: waiting[:limit], act) == 1
    assert acted == [good]


def test_an_outage_is_not_the_fault_of_one(database: Database) -> None:
    def act(one: UUID) -> None:
        raise OperationalError("", {}, Exception())

    with pytest.raises(OperationalError):
        _each(database, lambda session, limit: [uuid4()], act)


def test_one_who_cannot_be_erased_keeps_nobody_else_waiting(
    site: Site, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [site.sign_up(site.shift())["person_id"] for _ in range(2)]
    for person in people:
        for statement in (
            "UPDATE registrations SET created_at = '2000-01-01' WHERE person_id = :of",
            "UPDATE shifts SET starts_at = '2000-01-01 08:00Z', ends_at = '2000-01-01 09:00Z' WHERE id IN"
            " (SELECT shift_id FROM registrations WHERE person_id = :of)",
            "UPDATE person_sites SET created_at = '2000-01-01', review_at = now() WHERE person_id = :of",
        ):
            site.sql(statement, of=person)
    erasing = retention.erase

    def erase(session: Session, person_id: UUID, *more: object) -> object:
        if str(person_id) == people[0]:
            raise ZeroDivisionError
        return erasing(session, person_id, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "erase", erase)
    tasks.erase_old(database, settings)
    left = site.sql("SELECT person_id FROM person_sites WHERE site_id = :id", id=site.id)
    assert [str(row.person_id) for row in left] == people[:1]
