"""Somebody else writes what one is about to change: whoever waited looks again, and nothing is overwritten unseen."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.operations.people.own_details import edit_own, prove_address
from services.registration.operations.people.proven_sites import Resident
from services.registration.operations.people.representatives import save_representative
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import OwnEdit, RepresentativeBody
from tests.registration.own_world import resident_of
from tests.registration.test_guardians import child, mailed
from tests.registration.test_mail_links import links_mailed
from tests.registration.test_public import fresh_mail
from tests.registration.world import Site

__all__ = ["child"]

WAITS = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))")


def waits_for(site: Site, first: Callable[[Session], object], then: Callable[[], Any]) -> Any:
    """What `then` comes to that waited for `first` to be committed."""
    with ThreadPoolExecutor(1) as pool, site.database.transaction("*") as session:
        first(session)
        session.flush()
        second = pool.submit(then)
        while not session.scalar(WAITS):
            assert not second.done(), "it should wait"
        session.commit()
        return second.result()


def test_an_address_that_changed_meanwhile_is_not_changed_by_who_had_the_old_one(
    site: Site, data: PersonalData
) -> None:
    old, new, late = (fresh_mail() for _ in range(3))
    person = site.sign_up(site.shift(), email=old)["person_id"]
    own = Resident(data, UUID(person), data.contact_index("email", old))
    browser = resident_of(site, data, person)

    def to(address: str) -> Callable[[Session], object]:
        return lambda session: edit_own(session, data, own, UUID(site.id), OwnEdit(email=address))

    second = waits_for(site, to(new), lambda: browser.call("POST", f"/my/data/{site.id}", form={"email": late}))
    assert second.status_code == 403
    assert site.expect(200, "GET", f"/v1/people/{person}")["email"] == new
    assert {link["email"] for link in links_mailed(site, person)} == {old, new}


def test_a_link_proves_no_address_that_came_meanwhile(site: Site, data: PersonalData) -> None:
    old, new = fresh_mail(), fresh_mail()
    person = site.sign_up(site.shift(), email=fresh_mail())["person_id"]
    site.sql("UPDATE person_sites SET email_hash = NULL, email = :e, email_index = :i WHERE person_id = :p",
             e=data.encrypt(old), i=data.contact_index("email", old), p=person)  # fmt: skip

    def corrected(session: Session) -> None:
        told = {"e": data.encrypt(new), "i": data.contact_index("email", new), "p": person}
        session.execute(text("UPDATE person_sites SET email = :e, email_index = :i WHERE person_id = :p"), told)

    def prove() -> None:
        with site.database.transaction("*") as session:
            prove_address(session, data, UUID(person), data.contact_index("email", old))

    waits_for(site, corrected, prove)
    [row] = site.sql("SELECT email_hash FROM person_sites WHERE person_id = :p", p=person)
    assert row.email_hash is None


def test_a_guardian_who_is_replaced_meanwhile_agrees_to_nothing(site: Site, data: PersonalData, child: str) -> None:
    path = mailed(site, data, child)

    def replace(session: Session) -> None:
        another = RepresentativeBody(name="爸爸", email="father-now@example.com")
        save_representative(session, data, UUID(site.id), UUID(child), "guardian", another)

    said = {"consent": ["guardian_signup"]}
    answer = waits_for(site, replace, lambda: site.app.test_client().post(path, data=said))
    assert answer.status_code == 410
    [row] = site.sql("SELECT email_proven FROM representatives WHERE person_id = :p AND kind = 'guardian'", p=child)
    assert not row.email_proven and site.expect(200, "GET", f"/v1/people/{child}/consents")["items"] == []
