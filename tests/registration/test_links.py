"""One-time links: only we can make one, they end, and a used one opens nothing."""

import uuid

import pytest

from services.common.errors import Problem
from services.registration.operations.links import Links, issue_link, use
from services.registration.personal_data import PersonalData
from tests.registration.world import Site


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
