"""One-time links: only we can make one, they end, and a used one opens nothing."""

import uuid

import pytest

from services.common.errors import Problem
from services.registration.operations.staff.links import Links, issue_link, use
from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN, REPORTING_TOKEN
from tests.registration.world import Caller, Site


@pytest.fixture
def links(data: PersonalData) -> Links:
    return Links(data, "https://example.com/registration")


def _issue(site: Site, hours: int = 1) -> uuid.UUID:
    with site.database.transaction(site.id) as session:
        return issue_link(session, "my_registrations", uuid.UUID(site.id), hours=hours).id


def test_a_link_opens_until_it_is_used(site: Site, links: Links) -> None:
    link_id = _issue(site)
    token = links.url(link_id).removeprefix("https://example.com/registration/links/")
    with site.database.transaction("*") as session:
        use(links.open(session, token, lock=True))
    with site.database.transaction("*") as session, pytest.raises(Problem) as raised:
        links.open(session, token)
    assert raised.value.kind.status == 410


def test_an_expired_link_opens_nothing(site: Site, links: Links) -> None:
    token = links.token(_issue(site, hours=-1))
    with site.database.transaction("*") as session, pytest.raises(Problem) as raised:
        links.open(session, token)
    assert raised.value.kind.status == 410


@pytest.mark.parametrize("forged", ["", "x", "InVua25vd24i.c2lnbmF0dXJl", "\x00"])
def test_a_forged_token_opens_nothing(site: Site, links: Links, forged: str) -> None:
    with site.database.transaction("*") as session, pytest.raises(Problem) as raised:
        links.open(session, forged)
    assert raised.value.kind.status == 404


def test_notifications_hear_of_a_link_without_what_opens_it(site: Site, links: Links) -> None:
    link_id = _issue(site)
    (event,) = site.events(str(link_id))
    assert event.purpose == "my_registrations"  # type: ignore[attr-defined]
    assert links.token(link_id) not in event.model_dump_json()


def _asked(site: Site, path: str, body: dict[str, object]) -> dict[str, object]:
    return dict(Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", f"/internal/{path}", body))


def test_a_link_is_for_the_person_as_the_site_knows_them(site: Site, other: Site, links: Links) -> None:
    person = site.sign_up(site.shift(), name="林", email="lin@example.com")["person_id"]
    with site.database.transaction("*") as session:
        made = [
            issue_link(session, "my_registrations", uuid.UUID(where.id), person_id=uuid.UUID(person), hours=hours)
            for where, hours in ((site, 1), (other, 1), (site, -1))
        ]
        used = issue_link(session, "my_registrations", uuid.UUID(site.id), person_id=uuid.UUID(person))
        use(used)
    ids = [str(link.id) for link in (*made, used)] + [str(uuid.uuid4())]
    (told,) = _asked(site, "links", {"links": ids})["links"]  # type: ignore[misc]
    assert (told["link_id"], told["name"], told["email"]) == (ids[0], "林", "lin@example.com")
    assert told["url"].endswith(links.token(made[0].id))


def test_a_minors_consent_is_asked_of_the_guardian(site: Site, data: PersonalData) -> None:
    child = site.sign_up(site.shift(), email="child@example.com", birth_date="2016-03-04", guardian_consent=True)[
        "person_id"
    ]
    site.sql(
        "INSERT INTO representatives (person_id, site_id, kind, name, email, identity_hash, encrypted_with)"
        " VALUES (:person, :site, 'guardian', :name, :email, '', '')",
        person=child,
        site=site.id,
        name=data.encrypt("监护人"),
        email=data.encrypt("guardian@example.com"),
    )
    with site.database.transaction("*") as session:
        link = issue_link(session, "guardian_consent", uuid.UUID(site.id), person_id=uuid.UUID(child))
    (told,) = _asked(site, "links", {"links": [str(link.id)]})["links"]  # type: ignore[misc]
    assert (told["name"], told["email"]) == ("监护人", "guardian@example.com")


def test_only_notifications_learns_where_links_lead(site: Site) -> None:
    for key, status in ((REPORTING_TOKEN, 403), (site.key, 403), ("", 401)):
        assert Caller(site.app, key).call("POST", "/internal/links", {"links": []}).status_code == status


def _manage_token(site: Site, person: str) -> str:
    (contact,) = _asked(site, "contacts", {"people": [{"person_id": person, "site_id": site.id}]})["contacts"]  # type: ignore[misc]
    return str(contact["manage_url"]).rpartition("/links/mine/")[2]


def test_the_link_in_every_mail_opens_one_persons_registrations(site: Site, links: Links) -> None:
    person = site.sign_up(site.shift(), email="lin@example.com")["person_id"]
    token = _manage_token(site, person)
    with site.database.transaction("*") as session:
        told = links.open_manage(session, token)
    assert (str(told.person_id), str(told.site_id)) == (person, site.id)


def test_it_opens_nothing_once_the_address_was_corrected(site: Site, links: Links) -> None:
    person = site.sign_up(site.shift(), email="wrong@example.com")["person_id"]
    token = _manage_token(site, person)
    site.expect(200, "PATCH", f"/v1/people/{person}", {"email": "right@example.com"}, If_Match="*")
    with site.database.transaction("*") as session, pytest.raises(Problem) as raised:
        links.open_manage(session, token)
    assert raised.value.kind.status == 410


def test_neither_kind_of_token_passes_for_the_other(site: Site, links: Links) -> None:
    person = site.sign_up(site.shift(), email="lin@example.com")["person_id"]
    manage, link = _manage_token(site, person), links.token(_issue(site))
    with site.database.transaction("*") as session:
        for opened, token in ((links.open, manage), (links.open_manage, link), (links.open_manage, "x.y.z")):
            with pytest.raises(Problem) as raised:
                opened(session, token)
            assert raised.value.kind.status == 404


def test_whoever_told_no_address_has_no_link(site: Site) -> None:
    person = site.sign_up(site.shift())["person_id"]
    (contact,) = _asked(site, "contacts", {"people": [{"person_id": person, "site_id": site.id}]})["contacts"]  # type: ignore[misc]
    assert contact["manage_url"] is None
