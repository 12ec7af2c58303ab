"""Who is told besides the residents: each site's staff, and who leads its team."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from deploy.local.system import System
from services.common.database import Database
from services.registration.personal_data import PersonalData
from tests.registration.office import Office

STAFF_PER_SITE = 2


@dataclass(frozen=True)
class Colleague:
    """A member of a site's staff, who is logged in."""

    id: str
    site_id: str
    email: str
    cookie: str


def hire(system: System, sites: Sequence[str]) -> list[Colleague]:
    """Two for each site. Put into the database, as the tests do it: no password need be computed for them."""
    told = system.environment("registration-api")
    data = PersonalData(told["PERSONAL_DATA_KEYS"].split(","), b64decode(told["BLIND_INDEX_KEY"]))
    database = Database(told["DATABASE_URL"])
    office = Office(cast(Any, None), database, data)
    hired = []
    for site in sites:
        for _ in range(STAFF_PER_SITE):
            member = office.site_staff(site)
            hired.append(Colleague(member.id, site, member.email, member.cookie))
    database.engine.dispose()
    return hired
