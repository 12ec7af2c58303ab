"""What registration tells the other services, and nobody else, of whose a cookie is: their areas too."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from services.common.database import EVERY_SITE
from services.common.sessions import WhoAnswer
from tests.conftest import NOTIFICATIONS_TOKEN, REPORTING_TOKEN
from tests.registration.office import Member, Office
from tests.registration.world import Caller, Site

PATH = "/internal/sessions"


def asked(site: Site, token: str, cookie: str) -> Any:
    return Caller(site.app, token).call("POST", PATH, {"staff": cookie})


def told(site: Site, member: Member) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Role, site and areas, as reporting reads them."""
    who = WhoAnswer.model_validate_json(asked(site, REPORTING_TOKEN, member.cookie).data).principal
    assert who is not None and who.name == member.id
    return who.role, str(who.site_id) if who.site_id else None, who.areas


def test_both_services_are_told_and_nobody_else(site: Site, operator: Caller, office: Office) -> None:
    cookie = office.site_staff(site.id).cookie
    for token in (REPORTING_TOKEN, NOTIFICATIONS_TOKEN):
        assert asked(site, token, cookie).get_json()["principal"]["site_id"] == site.id
        assert asked(site, token, "made-up").get_json() == {"principal": None}
    assert [asked(site, key, cookie).status_code for key in (site.key, operator.key, "", "nonsense")] == [
        403, 403, 401, 401]  # fmt: skip


def test_areas_are_told_whatever_site_was_chosen(
    office: Office, make_area: Callable[..., str], make_site: Callable[..., Site]
) -> None:
    first, second = sorted((make_area(), make_area()))
    within, outside = make_site(area=first), make_site(area=make_area())
    grants = (("area_admin", None, second), ("area_admin", None, first), ("site_staff", outside.id, None))
    account = office.account(*grants)
    both = (first, second)
    assert told(within, office.session(account)) == ("area_admin", None, both)
    assert told(within, office.session(account, at=within.id)) == ("area_admin", within.id, both)
    assert told(within, office.session(account, at=outside.id)) == ("site_staff", outside.id, both)
    assert told(within, office.site_staff(within.id)) == ("site_staff", within.id, ())
    assert told(within, office.operator()) == ("operator", None, ())


def test_an_area_that_was_taken_away_is_told_no_more(office: Office, site: Site, make_area: Callable[..., str]) -> None:
    area = make_area()
    member = office.area_admin(area)
    assert told(site, member) == ("area_admin", None, (area,))
    with office.database.transaction(EVERY_SITE) as session:
        session.execute(text("DELETE FROM staff_grants WHERE staff_id = :id"), {"id": member.id})
    assert told(site, member) == (None, None, ())
