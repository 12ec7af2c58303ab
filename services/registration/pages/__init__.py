"""The pages, one file per subject: residents' and public ones, and staff's under `/staff`."""

from apiflask import APIBlueprint

from services.common.database import Database
from services.registration.operations.links import Links
from services.registration.operations.log_in import LogIns
from services.registration.operations.oidc import Provider
from services.registration.operations.sessions import Sessions
from services.registration.pages.account import account_pages
from services.registration.pages.activities import activities_pages
from services.registration.pages.home import home_pages
from services.registration.pages.links import links_pages
from services.registration.pages.oidc import oidc_pages
from services.registration.pages.programmes import programmes_pages
from services.registration.personal_data import PersonalData

__all__ = ["pages"]


def pages(
    database: Database,
    data: PersonalData,
    sessions: Sessions,
    links: Links,
    log_ins: LogIns,
    provider: Provider | None = None,
) -> list[APIBlueprint]:
    """All pages of the service."""
    return [
        links_pages(database, links),
        home_pages(database),
        activities_pages(database),
        programmes_pages(database),
        account_pages(database, data, log_ins, sso=provider is not None),
        *([oidc_pages(data, log_ins, provider)] if provider else []),
    ]
