"""A stranger who names themselves a child's guardian first speaks for nobody else's form, until staff confirm them."""

from typing import Any

import pytest

from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.office import Member, Office
from tests.registration.test_mail_links import links_mailed, path_of
from tests.registration.test_taken_before import fresh_mail
from tests.registration.world import Caller, Site, fresh_phone


class Child:
    """Whom a stranger signed up first, with themselves as the guardian, and agreed."""

    def __init__(self, site: Site) -> None:
        self.site, self.stranger, self.mother = site, fresh_mail(), fresh_mail()
        self.told = {"name": "小明", "phone": fresh_phone(), "agreed": True, "birth_date": "2019-03-04"}
        assert self.ask("陌生人", self.stranger)["status"] == "guardian_asked"
        [row] = site.sql("SELECT person_id FROM representatives WHERE site_id = :s", s=site.id)
        self.id = str(row.person_id)
        [link] = links_mailed(site, self.id)
        agreed = {"consent": ["guardian_signup", "guardian_volunteering"]}
        assert site.app.test_client().post(path_of(link["url"]), data=agreed).status_code == 200

    def ask(self, guardian: str, email: str) -> Any:
        """Sign the child up for another shift, by the public form."""
        told = self.told | {"guardian": {"name": guardian, "email": email}}
        return Caller(self.site.app, "").expect(
            201, "POST", f"/v1/public/shifts/{self.site.shift()}/registrations", told
        )

    def mailed(self) -> list[str]:
        """Who was mailed a guardian's link, and how often."""
        return [link["email"] for link in links_mailed(self.site, self.id)]

    def states(self) -> set[str]:
        """Of the consents that there are."""
        items = self.site.expect(200, "GET", f"/v1/people/{self.id}/consents")["items"]
        return {"withdrawn" if one["withdrawn_at"] else "in force" for one in items if one["given_by"] == "guardian"}


@pytest.fixture
def child(site: Site) -> Child:
    return Child(site)


@pytest.fixture
def clerk(site: Site, office: Office) -> Member:
    return office.site_staff(site.id)


def page(clerk: Member, path: str) -> str:
    return clerk.call("GET", path, Accept="text/html").get_data(as_text=True)


def test_a_strangers_consent_covers_their_own_form_and_not_the_mothers(site: Site, child: Child, clerk: Member) -> None:
    assert child.ask("陌生人", child.stranger)["status"] == "confirmed"
    assert child.ask("妈妈", child.mother)["status"] == "guardian_asked", "the same words as for any child"
    assert child.mailed() == [child.stranger], "nobody else is asked before staff know who it is"
    assert "Say who the guardian is: 1 children" in page(clerk, "/staff/")
    assert child.told["name"] in page(clerk, "/staff/people/guardians")
    shown = page(clerk, f"/staff/people/{child.id}/guardian")
    assert child.mother in shown and child.stranger in shown


def test_staff_choose_the_mother_and_the_strangers_word_is_gone(site: Site, child: Child, clerk: Member) -> None:
    child.ask("陌生人", child.stranger)
    [taken] = site.sql("SELECT id FROM registrations WHERE person_id = :p", p=child.id)
    child.ask("妈妈", child.mother)
    answer = clerk.call("POST", f"/staff/people/{child.id}/guardian/confirm", form={"rightful": "claimant"})
    assert answer.status_code == 303
    guardian = site.expect(200, "GET", f"/v1/people/{child.id}/guardian")
    assert (guardian["name"], guardian["email"], guardian["confirmed"]) == ("妈妈", child.mother, True)
    assert child.states() == {"withdrawn"} and site.statuses({"id": str(taken.id)}) == ["cancelled"]
    assert child.mother in child.mailed()
    assert "Who the guardian is" not in page(clerk, "/staff/")


def test_saving_a_phone_confirms_nobody_and_a_button_does(
    site: Site, child: Child, clerk: Member, data: PersonalData
) -> None:
    form = {
        "name": "陌生人",
        "relation": "father",
        "phone": fresh_phone(),
        "email": child.stranger,
        "language": "zh-CN",
    }
    path = f"/staff/people/{child.id}/guardian"
    assert clerk.call("POST", path, form=form).status_code == 303
    asked = {"people": [{"person_id": child.id, "site_id": site.id}]}
    notifications = Caller(site.app, NOTIFICATIONS_TOKEN)
    [contact] = notifications.expect(200, "POST", "/internal/contacts", asked)["contacts"]
    assert contact["manage_url"] is None and "Not confirmed by the site" in page(clerk, path)
    assert clerk.call("POST", f"{path}/confirm", form={"rightful": "guardian"}).status_code == 303
    assert "Not confirmed" not in page(clerk, path)
    assert child.ask("妈妈", child.mother)["status"] == "confirmed", "who is confirmed speaks for the child"
