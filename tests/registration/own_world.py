"""What tests of residents' own doings have in common: a resident with a session."""

from services.common.auth import RESIDENT_COOKIE
from services.registration.personal_data import PersonalData
from tests.registration.office import Member
from tests.registration.world import Site, resident_cookie


def resident_of(site: Site, data: PersonalData, person: str) -> Member:
    """The person with the session that a link from this site gave them."""
    return Member(site.app, person, "", resident_cookie(site.database, data, person, site.id), RESIDENT_COOKIE)
