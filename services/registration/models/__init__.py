"""The tables of registration, as SQLAlchemy sees them, one file per subject. The migrations are what makes them."""

from services.registration.models.activities import Activity, Shift, ShiftNote, ShiftSeries
from services.registration.models.audit import AuditEntry
from services.registration.models.base import Table
from services.registration.models.consents import Consent, ConsentText, Retention
from services.registration.models.exchange import Export, Import, ImportFault
from services.registration.models.hours import (
    AttendanceEntry,
    Certificate,
    CertificateBatch,
    CertificateRecord,
    ClearedFlag,
    LaterEntry,
    Objection,
    ServiceRecord,
)
from services.registration.models.merges import Merge, TwoPeople
from services.registration.models.organisations import ActivityOrganisation, Designation, Organisation
from services.registration.models.people import Person, PersonSite, Representative, Volunteer, VolunteerSite
from services.registration.models.programmes import Programme, ProgrammeClone
from services.registration.models.registrations import Registration
from services.registration.models.rooms import Booking, Room
from services.registration.models.seats import Call, Hold, Transfer, Venue
from services.registration.models.sites import Area, Site, SiteArea, SiteKey, SiteLogo
from services.registration.models.staff import Link, Staff, StaffGrant, StaffSession
from services.registration.models.teams import Team, TeamMember
from services.registration.models.volunteers import Award, Evaluation, Training

__all__ = [
    "Activity",
    "ActivityOrganisation",
    "Area",
    "AttendanceEntry",
    "AuditEntry",
    "Award",
    "Booking",
    "Call",
    "Certificate",
    "CertificateBatch",
    "CertificateRecord",
    "ClearedFlag",
    "Consent",
    "ConsentText",
    "Designation",
    "Evaluation",
    "Export",
    "Hold",
    "Import",
    "ImportFault",
    "LaterEntry",
    "Link",
    "Merge",
    "Objection",
    "Organisation",
    "Person",
    "PersonSite",
    "Programme",
    "ProgrammeClone",
    "Registration",
    "Representative",
    "Retention",
    "Room",
    "ServiceRecord",
    "Shift",
    "ShiftNote",
    "ShiftSeries",
    "Site",
    "SiteArea",
    "SiteKey",
    "SiteLogo",
    "Staff",
    "StaffGrant",
    "StaffSession",
    "Table",
    "Team",
    "TeamMember",
    "Training",
    "Transfer",
    "TwoPeople",
    "Venue",
    "Volunteer",
    "VolunteerSite",
]
