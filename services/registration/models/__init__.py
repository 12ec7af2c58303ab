"""The tables of registration, as SQLAlchemy sees them, one file per subject. The migrations are what makes them."""

from services.registration.models.activities import Activity, Shift
from services.registration.models.base import Table
from services.registration.models.people import Person, PersonSite
from services.registration.models.places import Area, Room, Site, SiteKey, Team
from services.registration.models.registrations import Registration
from services.registration.models.seats import Hold, Transfer, Venue
from services.registration.models.staff import Link, Staff, StaffGrant, StaffSession

__all__ = [
    "Activity",
    "Area",
    "Hold",
    "Link",
    "Person",
    "PersonSite",
    "Registration",
    "Room",
    "Shift",
    "Site",
    "SiteKey",
    "Staff",
    "StaffGrant",
    "StaffSession",
    "Table",
    "Team",
    "Transfer",
    "Venue",
]
