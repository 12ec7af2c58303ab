"""How far each clone is: computed from what the site has really done, and ticked by nobody."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.models import Programme, ProgrammeClone
from services.registration.operations.programmes.changes import open_changes
from services.registration.schemas.programmes import CloneAnswer, ReadinessItem

_SITES = text("""
    SELECT s.id, s.name_zh, s.name_en, EXISTS (
        SELECT FROM staff_grants AS g JOIN staff AS m ON m.id = g.staff_id
        WHERE g.site_id = s.id AND m.disabled_at IS NULL) AS staffed
    FROM sites AS s WHERE s.id = ANY(:sites)
""")

# The shifts' own counters tell of sign-ups, so that no registration is read.
_ACTIVITIES = text("""
    SELECT a.site_id, a.programme_key, a.place, a.room_id IS NOT NULL AS has_room, a.volunteering,
           a.risks_zh <> '' AS disclosed, a.status <> 'draft' AS published, a.status <> 'completed' AS may_change,
           EXISTS (
               SELECT FROM shifts AS f WHERE f.activity_id = a.id AND f.confirmed + f.waitlisted + f.offered > 0
           ) AS signed_up, EXISTS (
               SELECT FROM activity_organisations AS o WHERE o.activity_id = a.id AND o.role IN ('host', 'organiser')
           ) AS organised
    FROM activities AS a
    WHERE a.programme_id = :programme AND a.site_id = ANY(:sites) AND a.status <> 'cancelled'
""")


# Where the site that had the programme first holds it: a place that others do not share unless the template says so.
_FIRST = text("""
    SELECT a.site_id, a.programme_key, a.place FROM activities AS a
    WHERE a.programme_id = :programme AND a.status <> 'cancelled' AND a.site_id = (
        SELECT site_id FROM programme_clones WHERE programme_id = :programme ORDER BY position LIMIT 1)
""")


def clones_described(session: Session, programme: Programme, clones: Sequence[ProgrammeClone]) -> list[CloneAnswer]:
    """Each clone with its readiness: four queries, however many there are."""
    ids = [clone.site_id for clone in clones]
    sites = {row.id: row for row in session.execute(_SITES, {"sites": ids})}
    activities: dict[UUID, list[Any]] = {site_id: [] for site_id in ids}
    for row in session.execute(_ACTIVITIES, {"programme": programme.id, "sites": ids}):
        activities[row.site_id].append(row)
    first = {
        (row.programme_key, row.place): row.site_id for row in session.execute(_FIRST, {"programme": programme.id})
    }
    return [_described(programme, clone, sites[clone.site_id], activities[clone.site_id], first) for clone in clones]


def _described(
    programme: Programme, clone: ProgrammeClone, site: Any, activities: Sequence[Any], first: dict[Any, UUID]
) -> CloneAnswer:
    items = _readiness(clone, site, activities, first)
    may_change = {one.programme_key for one in activities if one.may_change}
    offered = [one for one in open_changes(programme.template, clone) if one.is_new or one.activity_key in may_change]
    return CloneAnswer(
        id=clone.id,
        programme_id=programme.id,
        site_id=clone.site_id,
        site_name_zh=site.name_zh,
        site_name_en=site.name_en,
        starts_on=clone.starts_on,
        first_day=clone.first_day,
        activities=len(activities),
        offered=len(offered),
        readiness=items,
        ready=all(item.ready for item in items),
    )


def _readiness(
    clone: ProgrammeClone, site: Any, activities: Sequence[Any], first: dict[Any, UUID]
) -> list[ReadinessItem]:
    shared = {(one["key"], one["place"]) for one in clone.taken}
    wants_room = {one["key"] for one in clone.taken if one["room_wish"]}
    in_rooms = [one for one in activities if one.programme_key in wants_room]
    volunteering = [one for one in activities if one.volunteering]
    return [
        _item("place", [_has_place(one, shared, first) for one in activities]),
        _item("room", [one.has_room for one in in_rooms]),
        _item("organiser", [one.organised for one in activities], needed=True),
        _item("risks", [one.disclosed for one in volunteering]),
        _item("staff", [site.staffed]),
        _item("published", [one.published for one in activities], needed=True),
        _item("first_sign_up", [one.signed_up for one in activities], needed=True),
    ]


def _has_place(activity: Any, shared: set[Any], first: dict[Any, UUID]) -> bool:
    """Whether residents are sent to where it is: not to the centre that had the programme first."""
    at = (activity.programme_key, activity.place)
    return bool(activity.place) and (at in shared or first.get(at, activity.site_id) == activity.site_id)


def _item(name: Any, done: Sequence[bool], needed: bool = False) -> ReadinessItem:
    """A thing to do. Where nothing is left to do it for, it is done, unless there must be something: a clone all of
    whose activities were called off is not ready."""
    return ReadinessItem(name=name, done=sum(done), of=len(done), ready=all(done) and bool(done or not needed))
