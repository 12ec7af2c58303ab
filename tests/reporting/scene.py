"""Events of a small city, written as one would tell them."""

from typing import Any
from uuid import UUID, uuid5

from services.common.events import (
    ActivityKind,
    ActivityPublished,
    AgeBand,
    AreaSaved,
    RegistrationConfirmed,
    ShiftOpened,
    SiteKeyIssued,
    SiteSaved,
)

NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def an_id(name: str) -> UUID:
    """The same id for the same name, in every run."""
    return uuid5(NAMESPACE, name)


def area(code: str, parent: str | None = None, name: str = "") -> AreaSaved:
    """An area named after its code."""
    return AreaSaved(code=code, parent=parent, level="district", name_zh=name or f"区{code}", name_en=f"Area {code}")


def site(name: str, area_code: str, title: str = "", time_zone: str = "Asia/Shanghai") -> SiteSaved:
    """A site in an area."""
    return SiteSaved(
        site_id=an_id(name),
        area=area_code,
        name_zh=title or f"站{name}",
        name_en=f"Site {name}",
        time_zone=time_zone,
    )


def key(site_name: str, sha256: str) -> SiteKeyIssued:
    """A key of a site."""
    return SiteKeyIssued(key_id=an_id(sha256), site_id=an_id(site_name), sha256=sha256)


def activity_fields(name: str, site_name: str, kind: ActivityKind = ActivityKind.CLASS) -> dict[str, Any]:
    """What every event of an activity says."""
    return {
        "activity_id": an_id(name),
        "activity_number": an_id(name).int % 1_000_000,
        "site_id": an_id(site_name),
        "kind": kind,
        "title_zh": "活动",
        "title_en": "Activity",
        "place": "Hall",
        "volunteering": True,
        "reminder_minutes": [],
    }


def activity(name: str, site_name: str, kind: ActivityKind = ActivityKind.CLASS) -> ActivityPublished:
    """An activity opens."""
    return ActivityPublished(**activity_fields(name, site_name, kind))


def shift_fields(
    name: str, activity_name: str, site_name: str, day: str, version: int = 1, capacity: int = 10
) -> dict[str, Any]:
    """What every event of a shift says."""
    return {
        "shift_id": an_id(name),
        "activity_id": an_id(activity_name),
        "site_id": an_id(site_name),
        "version": version,
        "role_zh": "参与者",
        "role_en": "participant",
        "starts_at": f"{day}T01:00:00Z",
        "ends_at": f"{day}T02:00:00Z",
        "local_day": day,
        "capacity": capacity,
    }


def shift(name: str, activity_name: str, site_name: str, day: str, capacity: int = 10) -> ShiftOpened:
    """A shift opens."""
    return ShiftOpened(**shift_fields(name, activity_name, site_name, day, capacity=capacity))


def registration_fields(
    name: str,
    shift_name: str,
    activity_name: str,
    site_name: str,
    person: int,
    version: int = 1,
    age_band: AgeBand = AgeBand.FROM_18,
) -> dict[str, Any]:
    """What every event of a registration says."""
    return {
        "registration_id": an_id(name),
        "version": version,
        "shift_id": an_id(shift_name),
        "activity_id": an_id(activity_name),
        "site_id": an_id(site_name),
        "person_id": an_id(f"person {person}"),
        "person_number": person,
        "age_band": age_band,
    }


def confirmed(name: str, shift_name: str, activity_name: str, site_name: str, person: int) -> RegistrationConfirmed:
    """A person gets a place."""
    return RegistrationConfirmed(**registration_fields(name, shift_name, activity_name, site_name, person))
