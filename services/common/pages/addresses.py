"""Where pages are: this service's, another one's, and where somebody wanted to go who had to log in first."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import current_app, request


@dataclass(frozen=True)
class Pages:
    """Whose app this is, and where people find the pages of each service (no slash at the end)."""

    service: str
    addresses: Mapping[str, str]

    @property
    def base(self) -> str:
        """What the address of one of registration's pages begins with: that is where people log in."""
        return request.root_path if self.service == "registration" else self.addresses["registration"]

    @property
    def here(self) -> str:
        """The address of the present page, for the service where one logs in to lead back to."""
        asked = request.full_path.rstrip("?")
        return asked if self.service == "registration" else f"{self.addresses[self.service]}{asked}"


def pages_of_app() -> Pages:
    """Those of the present app."""
    pages: Pages = current_app.extensions["hesheng.pages"]
    return pages


def way_back(wanted: str, otherwise: str = "/staff/") -> str:
    """Where somebody wanted to go who had to log in or choose a site first: a page of this service, or of another of
    ours. Anything else is replaced."""
    addresses = pages_of_app().addresses.values()
    if wanted.isprintable() and any(wanted.startswith(f"{address}/") for address in addresses):
        return wanted
    return request.root_path + local_address(wanted, otherwise)


def local_address(wanted: str, otherwise: str) -> str:
    """An address on this site that a form or query named; anything else is replaced, so that nobody is led away."""
    is_local = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_local and wanted.isprintable() else otherwise
